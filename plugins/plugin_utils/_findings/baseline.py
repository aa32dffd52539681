# Copyright (c) 2026, the pifleet.nodered maintainers
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The findings that were there when somebody began to look, in a file for version control: only new ones count.

The file is sorted and has no times, so that it changes only where the findings do.
"""

from __future__ import annotations

import json
import pathlib
import re
from collections.abc import Mapping

from ansible_collections.pifleet.nodered.plugins.plugin_utils._errors import UserError

from .model import Finding, Report

_FORMAT = "pifleet.nodered baseline"
_VERSION = 1
_KEYS = ("fingerprint", "subject", "rule", "detail")
_FINGERPRINT = re.compile(r"[0-9a-f]{32}")

#: A hundred times the baseline of a large fleet; the file may come with a stranger's pull request.
_MAX_BYTES = 64 << 20

#: What the file has of a finding. Only the fingerprint is compared, the rest is for who reads it.
BaselineEntry = Mapping[str, str]


class BaselineError(UserError):
    """A baseline that cannot be read; the text names the file and says what to do."""


def read(path: pathlib.Path) -> dict[str, BaselineEntry]:
    """What a baseline has, by its fingerprints. BaselineError."""
    if path.exists() and not path.is_file():
        raise BaselineError(f"The baseline {path} is not a regular file. {_restore()}")
    try:
        with path.open("rb") as file:
            content = file.read(_MAX_BYTES + 1)
        if len(content) > _MAX_BYTES:
            raise BaselineError(f"The baseline {path} is larger than {_MAX_BYTES >> 20} MiB. {_restore()}")
        data = json.loads(content)
    except FileNotFoundError:
        raise BaselineError(f"There is no baseline {path}. Write it once with nodered_baseline_write: true.") from None
    except OSError as error:
        raise BaselineError(f"The baseline {path} cannot be read: {error.strerror}.") from None
    except (ValueError, RecursionError) as error:
        raise BaselineError(f"The baseline {path} is no JSON ({error}). {_restore()}") from None
    if not isinstance(data, dict) or data.get("format") != _FORMAT:
        raise BaselineError(f"{path} is no baseline: its format is not {_FORMAT!r}. {_restore()}")
    if data.get("format_version") != _VERSION:
        raise BaselineError(
            f"The baseline {path} has format_version {data.get('format_version')!r}, but this collection reads {_VERSION}."
            " Update the collection."
        )
    entries = data.get("findings")
    if not isinstance(entries, list):
        raise BaselineError(f"The baseline {path} has no list of findings. {_restore()}")
    for number, item in enumerate(entries, 1):
        if not (
            isinstance(item, dict)
            and all(isinstance(item.get(key), str) for key in _KEYS)
            and _FINGERPRINT.fullmatch(item["fingerprint"])
        ):
            raise BaselineError(f"Finding {number} of the baseline {path} lacks {', '.join(_KEYS)}. {_restore()}")
    return {item["fingerprint"]: {key: item[key] for key in _KEYS} for item in entries}


def _restore() -> str:
    return "Restore it from version control, or remove it and write a new one with nodered_baseline_write: true."


def render(report: Report, former: Mapping[str, BaselineEntry]) -> str:
    """The text of a baseline with all findings of a report that are not suppressed.

    Of subjects that this report could not look at, or that it is not about (``--limit``), it keeps what the former had.
    """
    looked_at = {subject.name for subject in report.subjects if not subject.error}
    kept = [entry for entry in former.values() if entry["subject"] not in looked_at]
    new = [_entry(finding) for finding in report.findings if not finding.suppression]
    entries = {entry["fingerprint"]: entry for entry in [*kept, *new]}
    ordered = sorted(
        entries.values(), key=lambda entry: [entry[key] for key in ("subject", "rule", "detail", "fingerprint")]
    )
    data = {"format": _FORMAT, "format_version": _VERSION, "findings": ordered}
    return json.dumps(data, ensure_ascii=False, indent=2) + "\n"


def _entry(finding: Finding) -> BaselineEntry:
    return {
        "fingerprint": finding.fingerprint,
        "subject": finding.subject,
        "rule": finding.rule.identifier,
        "detail": finding.detail,
    }
