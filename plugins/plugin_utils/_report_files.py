# Copyright (c) 2026, the pifleet.nodered maintainers
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The files of a report on the control node."""

from __future__ import annotations

import contextlib
import os
import pathlib
import secrets
import typing as t

from ansible_collections.pifleet.nodered.plugins.plugin_utils import (
    _report_html, _report_json, _report_junit, _report_sarif,
)
from ansible_collections.pifleet.nodered.plugins.plugin_utils._findings import Report

NAMES = {"json": "report.json", "sarif": "report.sarif", "junit": "report.xml", "html": "report.html"}
_WRITERS: dict[str, t.Callable[[Report], str]] = {
    "json": _report_json.render,
    "sarif": lambda report: _report_sarif.render(report, pathlib.Path.cwd()),
    "junit": _report_junit.render,
    "html": _report_html.render,
}


def render(report: Report, format_name: str) -> bytes:
    """The content of the file of a format."""
    # A file name need not be UTF-8. What is left of it is an escape that JSON knows; the others have none any more.
    return _WRITERS[format_name](report).encode("utf-8", "backslashreplace")


def read(path: pathlib.Path) -> bytes:
    """The content of a file, nothing where there is none. OSError."""
    with contextlib.suppress(FileNotFoundError):
        return path.read_bytes()
    return b""


def write(path: pathlib.Path, content: bytes) -> None:
    """Write a file at once, with the mode that the umask gives. OSError."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
    try:
        # Not mkstemp, whose files only their owner can read: a CI's web server is somebody else.
        with os.fdopen(os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o666), "wb") as file:
            file.write(content)
        temporary.replace(path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
