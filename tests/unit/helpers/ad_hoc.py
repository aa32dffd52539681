# Copyright (c) 2026, the pifleet.nodered maintainers
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Modules and playbooks of the collection run on this machine."""

from __future__ import annotations

import dataclasses
import json
import os
import pathlib
import subprocess
import sys
import typing as t

PROJECT = pathlib.Path(__file__).resolve().parents[3]
#: The programs of the environment that the tests run in.
BIN = pathlib.Path(sys.executable).parent


@dataclasses.dataclass(frozen=True)
class Run:
    output: str
    failed: bool
    result: dict[str, t.Any]


def module(name: str, *options: str, environment: dict[str, str] | None = None, **arguments: t.Any) -> Run:
    """Run a module as `ansible localhost -m` does; options are those of the program ansible."""
    run = subprocess.run(
        [
            BIN / "ansible",
            "localhost",
            "-i",
            "localhost,",
            "-c",
            "local",
            "-m",
            f"pifleet.nodered.{name}",
            "-e",
            f"ansible_python_interpreter={sys.executable}",
            "-a",
            json.dumps(arguments),
            *options,
        ],
        env={
            **os.environ,
            "ANSIBLE_NOCOLOR": "1",
            "ANSIBLE_COLLECTIONS_PATH": str(PROJECT / ".build/collections"),
            **(environment or {}),
        },
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=600,
        check=False,
    )
    told = run.stdout.rindex("localhost | ")
    result = json.JSONDecoder().raw_decode(run.stdout, run.stdout.index("{", told))[0]
    return Run(run.stdout, "FAILED!" in run.stdout[told:].split("=>")[0], result)


def program(
    folder: pathlib.Path, *words: str, environment: dict[str, str] | None = None
) -> subprocess.CompletedProcess[str]:
    """Run a program in a folder, with everything that it says as its output."""
    return subprocess.run(
        words,
        cwd=folder,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=600,
        check=False,
        env={
            **os.environ,
            "PATH": f"{BIN}:{os.environ['PATH']}",
            "ANSIBLE_NOCOLOR": "1",
            "COLUMNS": "300",
            "ANSIBLE_COLLECTIONS_PATH": str(PROJECT / ".build/collections"),
            "HOME": str(folder),
            **(environment or {}),
        },
    )
