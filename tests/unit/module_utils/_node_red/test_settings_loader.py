# Copyright (c) 2026, the pifleet.nodered maintainers
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""How Node.js is started under systemd: what the service's user has in its environment reaches no program of root's."""

from __future__ import annotations

import os
import pathlib

import pytest

from ansible_collections.pifleet.nodered.plugins.module_utils._host.account import Account
from ansible_collections.pifleet.nodered.plugins.module_utils._node_red import settings_loader
from ansible_collections.pifleet.nodered.plugins.module_utils._node_red.settings_loader import Runtime, ask

#: Writes down what it was started with.
SYSTEMD_RUN = """#!/bin/sh
env >{folder}/environment
for argument; do echo "$argument"; done >{folder}/arguments
cat >/dev/null
"""


def test_programs_of_root_have_nothing_of_the_users_environment(
    tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, program in (("of_root", SYSTEMD_RUN.format(folder=tmp_path)), ("of_user", f"touch {tmp_path}/planted")):
        (tmp_path / name).mkdir()
        (tmp_path / name / "systemd-run").write_text(program, "utf-8")
        (tmp_path / name / "systemd-run").chmod(0o755)
    monkeypatch.setattr(settings_loader, "_ROOT_PATH", f"{tmp_path}/of_root:/usr/bin:/bin")
    chosen = {
        "PATH": f"{tmp_path}/of_user:{os.environ['PATH']}",
        "LD_PRELOAD": "planted.so",
        "LD_LIBRARY_PATH": f"{tmp_path}/of_user",
        "NODE_OPTIONS": "--require=planted.js",
        "OPENSSL_CONF": "planted.cnf",
        "PYTHONPATH": "planted",
        "BASH_ENV": "planted",
    }
    runtime = Runtime("/usr/bin/node", chosen, "/", Account("nobody"), in_transient_unit=True)
    assert ask(runtime, "1", {}, 60) == (0, None, "")
    environment = (tmp_path / "environment").read_text("utf-8").splitlines()
    assert not [name for name in chosen if name != "PATH" and any(line.startswith(f"{name}=") for line in environment)]
    assert not [line for line in environment if "planted" in line or "of_user" in line]
    assert not (tmp_path / "planted").exists()
    arguments = (tmp_path / "arguments").read_text("utf-8").splitlines()
    assert arguments.index("--property=User=nobody") < arguments.index("/usr/bin/node")
    assert "--setenv=NODE_OPTIONS=--require=planted.js" in arguments
