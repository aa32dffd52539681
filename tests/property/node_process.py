# Copyright (c) 2026, the pifleet.nodered maintainers
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A long-lived Node.js that judges what the collection makes, one line of JSON after the other."""

from __future__ import annotations

import json
import pathlib
import subprocess
import typing as t


class NodeProcess:
    """Runs a program that answers each line of JSON with another."""

    def __init__(self, program: str, directory: pathlib.Path | None = None) -> None:
        self._process = subprocess.Popen(
            ["node", "-e", program], cwd=directory, stdin=subprocess.PIPE, stdout=subprocess.PIPE, encoding="utf-8"
        )
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._questions, self._answers = self._process.stdin, self._process.stdout

    def ask(self, question: object, **options: t.Any) -> t.Any:
        """What the program answers; the options are those of json.loads."""
        self._questions.write(json.dumps(question) + "\n")
        self._questions.flush()
        return json.loads(self._answers.readline(), **options)

    def __enter__(self) -> NodeProcess:
        return self

    def __exit__(self, *_exception: object) -> None:
        self._questions.close()
        self._process.wait(timeout=300)
        self._answers.close()
