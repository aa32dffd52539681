# Copyright (c) 2026, the pifleet.nodered maintainers
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The files of a report on the control node."""

from __future__ import annotations

import os
import pathlib
import secrets
from collections.abc import Callable

from ansible_collections.pifleet.nodered.plugins.plugin_utils._findings.model import Report

from . import html_writer, json_writer, junit_writer, sarif_writer

NAMES = {"json": "report.json", "sarif": "report.sarif", "junit": "report.xml", "html": "report.html"}
_WRITERS: dict[str, Callable[[Report], str]] = {
    "json": json_writer.render,
    "sarif": lambda report: sarif_writer.render(report, pathlib.Path.cwd()),
    "junit": junit_writer.render,
    "html": html_writer.render,
}


def render(report: Report, format_name: str) -> bytes:
    """The content of the file of a format."""
    # A file name need not be UTF-8. What is left of it is an escape that JSON knows; the others have none any more.
    return _WRITERS[format_name](report).encode("utf-8", "backslashreplace")


def beginning(path: pathlib.Path, size: int) -> bytes:
    """At most so many bytes of a file, nothing where there is no regular one. OSError."""
    if not path.is_file():
        return b""
    with path.open("rb") as file:
        return file.read(size)


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
