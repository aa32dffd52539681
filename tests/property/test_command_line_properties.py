# Copyright (c) 2026, the pifleet.nodered maintainers
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Command lines read as Node-RED reads them, judged by the library that Node-RED parses its options with."""

from __future__ import annotations

import contextlib
import pathlib
import subprocess
import tempfile
import typing as t

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from node_process import NodeProcess

from ansible_collections.pifleet.nodered.plugins.module_utils._node_red.command_line import CommandLine

KEPT = pathlib.Path(__file__).resolve().parents[2] / ".build" / "nopt"
# The options of red.js; paths as plain text, because the judge would make them absolute.
Nopt = t.Callable[[list[str]], dict[str, t.Any]]
JUDGE = r"""
const nopt = require("nopt");
const types = {help: Boolean, port: Number, settings: [require("path")], title: String, userDir: [require("path")],
    verbose: Boolean, safe: Boolean, version: Boolean, define: [String, Array], "no-telemetry": Boolean};
const shorts = {"?": ["--help"], p: ["--port"], s: ["--settings"], t: ["--help"], u: ["--userDir"], v: ["--verbose"],
    D: ["--define"]};
nopt.invalidHandler = () => {};
require("readline").createInterface({input: process.stdin}).on("line", line => {
    const {define, settings, userDir, port, title, argv} = nopt(types, shorts, JSON.parse(line), 0);
    process.stdout.write(JSON.stringify({define, settings, userDir, port, title, rest: argv.remain}) + "\n");
});
"""

words = st.sampled_from(
    [
        "-D",
        "adminAuth=null",
        "-D=adminAuth=null",
        "--define",
        "--define=a=b",
        "--def",
        "a.b=1",
        "-vD",
        "-Dv",
        "-v",
        "--verbose",
        "--safe",
        "--sa",
        "--se",
        "x.js",
        "-s",
        "--settings=x.js",
        "-settings",
        "-p",
        "1990",
        "-p=1990",
        "--port",
        "--po",
        "-u",
        "data",
        "--userDir",
        "--user",
        "--title",
        "--ti=Pi",
        "-t",
        "-?",
        "true",
        "false",
        "-",
        "--",
        "-no-verbose",
        "--no-telemetry",
        "flows.json",
        "-x",
        "--unknown",
        "--unknown=1",
        "--unknown=true",
        "-V",
        "-ss",
        "-spu",
        "--ver",
    ]
)


@pytest.fixture(scope="module")
def nopt() -> t.Iterator[Nopt]:
    """What Node-RED finds in some words."""
    if not KEPT.is_dir():
        KEPT.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=KEPT.parent) as folder:
            whole = pathlib.Path(folder, "nopt")
            subprocess.run(["npm", "install", "--silent", "--prefix", str(whole), "nopt@5.0.0"], check=True)
            # Not where another worker was faster.
            with contextlib.suppress(OSError):
                whole.replace(KEPT)
    with NodeProcess(JUDGE, KEPT) as process:
        yield process.ask


@settings(max_examples=1500, deadline=None)
@given(st.lists(words, max_size=6))
def test_words_mean_what_they_mean_to_node_red(nopt: Nopt, arguments: list[str]) -> None:
    expected = nopt(arguments)
    line = CommandLine(["/usr/bin/node-red", *arguments])
    definitions = [value if value is not None else "true" for value in line.values.get("define", ())]
    assert definitions == expected.get("define", [])
    assert line.rest == expected["rest"]
    for name in ("settings", "userDir"):
        assert line.path(name, str(KEPT), "/") == expected.get(name)
    if "port" in expected:
        # Without a value the option is `true`, which as a number is 1.
        assert float(line.last("port") or 1) == expected["port"]
    elif (port := line.last("port")) is not None:
        with pytest.raises(ValueError):
            float(port)
