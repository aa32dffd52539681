# Copyright (c) 2026, the pifleet.nodered maintainers
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The login page's JavaScript: its own tests are in tests/login/gate, Node.js runs them, and says which lines they reach."""

from __future__ import annotations

import os
import pathlib
import subprocess

import pytest
from npm_packages import npm_modules, npm_node

PROJECT = pathlib.Path(__file__).parents[4]
GATE = PROJECT / "plugins/plugin_utils/_login/gate"
TESTS = PROJECT / "tests/login/gate"
#: Percent of the lines of each file.
FLOOR = 95


def run_tests(major: int, *options: str) -> None:
    command = [npm_node(major), "--test", "--test-reporter=spec", "--test-reporter-destination=stdout", *options]
    command += sorted(str(path) for path in TESTS.rglob("*.test.js"))
    environment = {
        **os.environ,
        "NODE_PATH": str(npm_modules("express@4.22.2")),
        "OIDC_PROVIDER_MODULES": str(npm_modules("oidc-provider@9.13.3")),
        "OIDC_PROVIDER_NODE": npm_node(22),
    }
    run = subprocess.run(
        command, cwd=PROJECT, env=environment, capture_output=True, text=True, timeout=600, check=False
    )
    assert run.returncode == 0, run.stdout[run.stdout.find("failing tests") :] + run.stderr


@pytest.mark.slow
@pytest.mark.parametrize("major", [18, 20])
def test_gate(major: int) -> None:
    run_tests(major)


def test_gate_and_its_coverage(tmp_path: pathlib.Path) -> None:
    report = tmp_path / "lcov.info"
    run_tests(22, "--experimental-test-coverage", "--test-reporter=lcov", f"--test-reporter-destination={report}")
    reached = _lines_reached(report.read_text("utf-8"))
    files = sorted(str(path.relative_to(PROJECT)) for path in GATE.rglob("*.js"))
    assert {file: reached.get(file, 0) for file in files if reached.get(file, 0) < FLOOR} == {}


def _lines_reached(lcov: str) -> dict[str, float]:
    """Percent of the lines of each file that ran, in any of the processes."""
    lines: dict[str, dict[str, int]] = {}
    for record in lcov.splitlines():
        key, _colon, value = record.partition(":")
        if key == "SF":
            file = lines.setdefault(value, {})
        elif key == "DA":
            number, count = value.split(",")
            file[number] = file.get(number, 0) + int(count)
    return {name: 100 * sum(map(bool, file.values())) / len(file) for name, file in lines.items()}
