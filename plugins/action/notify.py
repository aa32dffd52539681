# Copyright (c) 2026, the pifleet.nodered maintainers
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import datetime
import email.message
import email.policy
import json
import os
import pathlib
import shlex
import shutil
import subprocess
import typing as t

from ansible.utils.display import Display

from ansible_collections.pifleet.nodered.plugins.module_utils._shared.printable import one_line, printable
from ansible_collections.pifleet.nodered.plugins.plugin_utils._action.base import HostAction
from ansible_collections.pifleet.nodered.plugins.plugin_utils._collection.argument_specs import argument_spec
from ansible_collections.pifleet.nodered.plugins.plugin_utils._errors import UserError
from ansible_collections.pifleet.nodered.plugins.plugin_utils._report import files as report_files
from ansible_collections.pifleet.nodered.plugins.plugin_utils._report import news

#: Seconds for a command of the owner, and for the mail program.
_LONGEST = 120
#: The largest file that is read (bytes): a hundred times the report of a large fleet.
_MAX_BYTES = 64 << 20
_SBIN = "/usr/sbin:/usr/lib"


class ActionModule(HostAction):
    """Tells what is new; no host is visited."""

    spec = argument_spec("notify")

    def execute(self, options: dict[str, t.Any]) -> dict[str, t.Any]:
        command = command_words(options["command"])
        mailer = sendmail(options["mail"])
        limits = limits_of(options)
        directory = pathlib.Path(options["directory"])
        memory, remark = _memory(directory / "memory.json")
        summary, report = (_data(directory / name) for name in ("summary.json", "report.json"))
        try:
            today = datetime.datetime.now(datetime.UTC).date()
            found, told = news.compare(summary, report, memory, today, limits)
        except (LookupError, TypeError, ValueError) as error:
            raise UserError(
                f"summary.json or report.json in {directory} is not what this collection writes ({type(error).__name__})."
            ) from None
        text = ""
        if found:
            told_lines = [news.headline(found), "", *news.lines(found), *remark, ""]
            text = printable("\n".join([*told_lines, f"The report: {directory / 'report.html'}", ""]))
            Display().display(text)
        if not self.check_mode:
            if found:
                self._tell(text, news.headline(found), directory, news.as_data(found), command, mailer)
            _write(directory / "memory.json", news.render_memory(told))
        if summary is None or report is None:
            missing = " and ".join(name for name, data in (("secure", summary), ("audit", report)) if data is None)
            raise UserError(
                f"{missing} did not come to an end, or all hosts failed: {directory} has nothing of the last run. Its output"
                " says why; with systemd it is in the journal.",
                news=news.as_data(found),
            )
        return {"changed": bool(found), "news": news.as_data(found)}

    @staticmethod
    def _tell(
        text: str,
        headline: str,
        directory: pathlib.Path,
        data: list[dict[str, str]],
        command: list[str] | None,
        mailer: tuple[str, str] | None,
    ) -> None:
        path = directory / "news.json"
        content = {
            "headline": headline,
            "news": data,
            "summary": str(directory / "summary.json"),
            "report": str(directory / "report.json"),
        }
        _write(path, (json.dumps(content, indent=2) + "\n").encode("ascii"))
        if command:
            _run("nodered_notify_command", command, text.encode(), {"NODERED_NEWS": str(path)})
        if mailer:
            program, address = mailer
            # The address is no option of the program, whatever it begins with.
            _run("nodered_notify_mail", [program, "-i", "--", address], mail(address, headline, text), {})


def command_words(command: object) -> list[str] | None:
    """The words of nodered_notify_command; None where there is none. UserError."""
    try:
        words = shlex.split(command) if isinstance(command, str) else command or []
    except ValueError as error:
        raise UserError(f"nodered_notify_command: {error}. Quote its words as in a shell, or give a list.") from None
    if not isinstance(words, list) or not all(isinstance(word, str) and "\0" not in word for word in words):
        raise UserError("nodered_notify_command must be a text, or a list of texts.")
    if not words:
        return None
    if not shutil.which(words[0]):
        raise UserError(f"nodered_notify_command: there is no program {one_line(words[0])}.")
    return words


def sendmail(address: str | None) -> tuple[str, str] | None:
    """The program that sends mail, and the address of nodered_notify_mail; None where there is none. UserError."""
    if not address:
        return None
    if not address.isprintable() or any(character.isspace() for character in address):
        raise UserError("nodered_notify_mail must be one address.")
    program = shutil.which("sendmail", path=f"{os.environ.get('PATH', os.defpath)}:{_SBIN}")
    if not program:
        raise UserError(
            "nodered_notify_mail needs the program sendmail, of a package such as postfix, exim4 or msmtp-mta. Install one,"
            " or set nodered_notify_command."
        )
    return program, address


def mail(address: str, subject: str, text: str) -> bytes:
    """A mail as sendmail takes it on its standard input."""
    message = email.message.EmailMessage(email.policy.SMTP.clone(linesep="\n"))
    message["To"] = address
    message["Subject"] = one_line(subject)
    message["Auto-Submitted"] = "auto-generated"
    message.set_content(text)
    return message.as_bytes()


def limits_of(options: t.Mapping[str, t.Any]) -> news.Limits:
    """From when on something is told. UserError."""
    for name in ("off_runs", "certificate_days"):
        if options[name] < 1:
            raise UserError(f"nodered_notify_{name} must be at least 1.")
    return news.Limits(options["off_runs"], options["certificate_days"])


def _memory(path: pathlib.Path) -> tuple[news.Memory, list[str]]:
    """What was told before, and what is to be said of it."""
    try:
        return news.read_memory(report_files.beginning(path, _MAX_BYTES)) if path.exists() else news.Memory(), []
    except (OSError, news.UnreadableMemoryError) as error:
        reason = error.strerror if isinstance(error, OSError) else str(error)
        return news.Memory(), ["", f"All is told as new, because {path} cannot be used: {reason}."]


def _data(path: pathlib.Path) -> dict[str, t.Any] | None:
    """A file in JSON; None where there is none. UserError."""
    try:
        return json.loads(report_files.beginning(path, _MAX_BYTES)) if path.is_file() else None
    except OSError as error:
        raise UserError(f"{path} cannot be read: {error.strerror}.") from None
    except (ValueError, RecursionError):
        raise UserError(f"{path} is no JSON.") from None


def _write(path: pathlib.Path, content: bytes) -> None:
    try:
        report_files.write(path, content)
    except OSError as error:
        raise UserError(f"{error.filename} cannot be written: {error.strerror}.") from None


def _run(variable: str, words: list[str], text: bytes, environment: dict[str, str]) -> None:
    """Run a program with a text on its standard input. UserError."""
    try:
        subprocess.run(
            words,
            input=text,
            env={**os.environ, **environment},
            timeout=_LONGEST,
            check=True,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
        )
    except subprocess.TimeoutExpired:
        raise UserError(
            f"{variable}: it did not end within {_LONGEST} seconds. Its news is told again next time."
        ) from None
    except subprocess.CalledProcessError as error:
        lines = error.stderr.decode("utf-8", "replace").strip().splitlines()
        said = f": {one_line(lines[-1])[:200]}" if lines else ""
        raise UserError(
            f"{variable}: it ended with status {error.returncode}{said}. It is told again next time."
        ) from None
    except OSError as error:
        raise UserError(f"{variable}: {one_line(words[0])} cannot be run: {error.strerror}.") from None
