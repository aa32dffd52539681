# Copyright (c) 2026, the pifleet.nodered maintainers
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Findings that somebody accepts for a while, and the two rules that keep the list of them honest."""

from __future__ import annotations

import ast
import collections
import contextlib
import dataclasses
import datetime
import difflib
import fnmatch
import re
import typing as t
from collections.abc import Collection, Container, Iterable, Mapping, Sequence

from ansible_collections.pifleet.nodered.plugins.plugin_utils._errors import UserError

from .model import Finding, Kind, Rule, Severity, Subject, Suppression
from .serialization import DataError, day_from_data

VARIABLE = "nodered_suppressions"
EXPIRED = Rule(
    "suppression-expired",
    Severity.LOW,
    "A suppression is over",
    "What somebody accepted for a while counts again since that day.",
    f"Mend what it suppressed and remove the entry from {VARIABLE}, or give it a later day in until.",
    VARIABLE,
)
UNUSED = Rule(
    "suppression-unused",
    Severity.LOW,
    "A suppression matches nothing",
    "It would hide the finding without a word, should it come back.",
    f"Remove the entry from {VARIABLE}, or correct its host, file or detail.",
    VARIABLE,
)
#: By their identifiers.
RULES = {rule.identifier: rule for rule in (EXPIRED, UNUSED)}

_KEYS = {
    "rule": "the identifier of a rule",
    "reason": "why it is accepted",
    "until": "the last day it is accepted, such as 2026-12-31",
}
_DAY = re.compile(r"\bdatetime\.date\((\d+), (\d+), (\d+)\)")
_PATTERNS = ("host", "file", "detail")


class SuppressionError(UserError):
    """An entry that cannot be meant; the text names the variable and the entry."""


@dataclasses.dataclass(frozen=True)
class Entry:
    """An entry of the list. An empty pattern matches everything."""

    rule: str
    suppression: Suppression
    #: Shell patterns of the name of a host, and of a file or a settings file as a subject.
    host: str = ""
    file: str = ""
    #: The `detail` of a finding, exactly.
    detail: str = ""

    def is_for(self, subject: Subject) -> bool:
        """Whether it may match a finding of this subject."""
        return not self.host or (subject.kind is Kind.HOST and fnmatch.fnmatchcase(subject.name, self.host))

    def matches(self, finding: Finding, subject: Subject) -> bool:
        """Whether the finding is one that it accepts."""
        files = {finding.location.file, *([subject.name] if subject.kind is Kind.FILE else [])}
        return (
            self.rule == finding.rule.identifier
            and self.is_for(subject)
            and (not self.detail or self.detail == finding.detail)
            and (not self.file or any(fnmatch.fnmatchcase(file, self.file) for file in files))
        )

    def __str__(self) -> str:
        given = {"rule": self.rule, **{name: getattr(self, name) for name in _PATTERNS}}
        return ", ".join(f"{name}: {value}" for name, value in given.items() if value)


def entries(value: t.Any, rules: Collection[str], whose: str = "") -> list[Entry]:
    """The entries of the variable, which may be missing. SuppressionError.

    :param rules: the identifiers of all rules
    :param whose: the host that has it, for messages
    """
    name = f"{VARIABLE} of {whose}" if whose else VARIABLE
    if value is None:
        return []
    value = _with_days(value)
    if not isinstance(value, Sequence) or isinstance(value, str):
        raise SuppressionError(f"{name} must be a list of suppressions, each with rule, reason and until.")
    return [_entry(item, rules, f"Entry {number} of {name}") for number, item in enumerate(value, 1)]


def _with_days(value: t.Any) -> t.Any:
    """The list that was meant by a text of it: with ansible-core 2.18 a template of a list that has a day is its `repr`."""
    if isinstance(value, str):
        with contextlib.suppress(ValueError, SyntaxError):
            return ast.literal_eval(
                _DAY.sub(lambda match: f"'{int(match[1]):04}-{int(match[2]):02}-{int(match[3]):02}'", value)
            )
    return value


def _entry(item: t.Any, rules: Collection[str], what: str) -> Entry:
    if not isinstance(item, Mapping):
        raise SuppressionError(f"{what} must be a dictionary with rule, reason and until.")
    keys = [*_KEYS, *_PATTERNS]
    for key in item:
        if key not in keys:
            alike = difflib.get_close_matches(str(key), keys, 1)
            meant = f" Is {alike[0]} meant?" if alike else f" There are {', '.join(keys)}."
            raise SuppressionError(f"{what} has the key {key!s}, which there is not.{meant}")
    for key, means in _KEYS.items():
        if item.get(key) in (None, ""):
            raise SuppressionError(f"{what} has no {key}: {means}.")
    for key in ("rule", "reason", *_PATTERNS):
        if not isinstance(item.get(key, ""), str):
            raise SuppressionError(f"{what}: {key} must be a text, not {item[key]!r}.")
    if not item["reason"].strip():
        raise SuppressionError(f"{what} has no reason: {_KEYS['reason']}.")
    if item["rule"] not in rules:
        alike = difflib.get_close_matches(item["rule"], list(rules), 1)
        meant = f" Is {alike[0]} meant?" if alike else ""
        raise SuppressionError(f"{what} names the rule {item['rule']!r}, which there is not.{meant}")
    try:
        until = day_from_data(item["until"])
    except DataError as error:
        raise SuppressionError(f"{what}: until {error}") from None
    return Entry(item["rule"], Suppression(item["reason"], until), *(item.get(key, "") for key in _PATTERNS))


def suppress(
    findings: Iterable[Finding],
    subjects: Sequence[Subject],
    entries_of: Mapping[str, Sequence[Entry]],
    today: datetime.date,
    applied: Container[str],
) -> list[Finding]:
    """The findings, those that an entry accepts marked so, and a finding for each entry that is over or matches nothing.

    An entry that several hosts have, from group_vars, is one entry. Whether it matches nothing can be said only of those
    that were looked at, and of rules that were applied.

    :param entries_of: by the names of the subjects
    :param today: an entry still accepts on its last day
    :param applied: the identifiers of the rules that were applied
    """
    by_name = {subject.name: subject for subject in subjects}
    matched: dict[Entry, list[str]] = collections.defaultdict(list)
    result = []
    for finding in findings:
        subject = by_name[finding.subject]
        for entry in entries_of.get(finding.subject, ()):
            if entry.matches(finding, subject):
                matched[entry].append(finding.subject)
                if entry.suppression.until >= today and not finding.suppression:
                    finding = dataclasses.replace(finding, suppression=entry.suppression)  # noqa: PLW2901
        result.append(finding)
    owners: dict[Entry, list[Subject]] = {}
    for subject in sorted(subjects, key=lambda subject: subject.name):
        for entry in entries_of.get(subject.name, ()):
            if entry.is_for(subject):
                owners.setdefault(entry, []).append(subject)
    for entry, having in owners.items():
        about_entry = _finding_about(entry, having, matched[entry], today, applied)
        if about_entry:
            result.append(about_entry)
    return result


def _finding_about(
    entry: Entry, having: list[Subject], matched: list[str], today: datetime.date, applied: Container[str]
) -> Finding | None:
    looked_at = [subject.name for subject in having if not subject.error]
    first = min(matched or looked_at or [subject.name for subject in having])
    if entry.suppression.until < today:
        return Finding(
            EXPIRED,
            first,
            f"The entry of {VARIABLE} with {entry} was over after {entry.suppression.until.isoformat()}.",
            detail=str(entry),
        )
    if not matched and entry.rule in applied and len(looked_at) == len(having):
        return Finding(UNUSED, first, f"The entry of {VARIABLE} with {entry} matches no finding.", detail=str(entry))
    return None
