# Copyright (c) 2026, the pifleet.nodered maintainers
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A report as one HTML page for people: no script, nothing from elsewhere, everything escaped.

The page itself is `page.html.j2`, its look `page.css`. What they show is worked out here.
"""

from __future__ import annotations

import base64
import collections
import dataclasses
import datetime
import hashlib
import pathlib
import re
import typing as t
from collections.abc import Iterable

import jinja2
import markupsafe

from ansible_collections.pifleet.nodered.plugins.module_utils._shared.printable import printable
from ansible_collections.pifleet.nodered.plugins.plugin_utils._findings.model import (
    Finding,
    Report,
    ServedCertificate,
    Severity,
    Subject,
)
from ansible_collections.pifleet.nodered.plugins.plugin_utils._findings.serialization import time_data

from .summary import SEVERITIES, Summary, digest, location_text, natural_sort_key, pluralised, remaining_days

_FOLDER = pathlib.Path(__file__).parent
#: How many findings of one rule are shown before the rest is folded up.
FOLDED_FROM = 6
#: How many certificates the time axis shows, those that end first.
SHOWN_CERTIFICATES = 60
#: Days left from which on the end of a certificate is shown as something to do.
SOON = 30
#: Days from now that the time axis shows at most. A certificate that browsers take is good for fewer.
_HORIZON = 825
#: Days between two marks of the time axis: months, as far as marks have room.
_STEPS = (1, 2, 3, 6, 12)
_MARKS = 5


def render(report: Report) -> str:
    """The text of the file."""
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(_FOLDER),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        finalize=_shown,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters.update(
        breakable=_breakable, code=_code, day=_day, many=pluralised, location=location_text, time=_time
    )
    style = (_FOLDER / "page.css").read_text("utf-8")
    summary = Summary(report)
    return environment.get_template("page.html.j2").render(
        report=report,
        summary=summary,
        severities=SEVERITIES,
        digest=digest(report),
        folded_from=FOLDED_FROM,
        shown_certificates=SHOWN_CERTIFICATES,
        created=time_data(report.created),
        # A page may be read in a browser that obeys whatever a host wrote into it: nothing but this style is let in.
        style=markupsafe.Markup(style),  # noqa: S704 - a file of our own
        style_hash=_hash(style),
        anchors={subject.name: f"subject-{number}" for number, subject in enumerate(summary.subjects, 1)},
        subjects={subject.name: subject for subject in report.subjects},
        rule_anchors={rule.identifier: f"rule-{number}" for number, (rule, _findings) in enumerate(summary.by_rule, 1)},
        rules_of={
            name: list(collections.Counter(finding.rule for finding in findings).items())
            for name, findings in summary.by_subject.items()
        },
        counts={name: _counts(findings) for name, findings in summary.by_subject.items()},
        shares=_shares(summary),
        certificates=_certificates(report),
        axis=_Axis.of(report),
        ends={
            subject.name: _End.of(subject.certificate, report.created)
            for subject in report.subjects
            if subject.certificate
        },
    )


def _shown(value: t.Any) -> t.Any:
    return printable(value) if isinstance(value, str) and not isinstance(value, markupsafe.Markup) else value


def _breakable(name: str) -> markupsafe.Markup:
    """A name that is broken, where it must be, after its dots and slashes."""
    return markupsafe.Markup("<wbr>").join(re.split(r"(?<=[./])", printable(name)))


def _code(text: str) -> markupsafe.Markup:
    """A text with what stands in backticks, and its variables, marked as code."""
    parts = re.split(r"(`[^`]+`|\bnodered_\w+)", printable(text))
    return markupsafe.Markup("").join(
        markupsafe.Markup("<code>{}</code>").format(part.strip("`")) if index % 2 else part
        for index, part in enumerate(parts)
    )


def _hash(style: str) -> str:
    return "sha256-" + base64.b64encode(hashlib.sha256(style.encode("utf-8")).digest()).decode("ascii")


def _day(time: datetime.date) -> str:
    return f"{time.day} {time:%b %Y}"


def _time(time: datetime.datetime) -> str:
    return f"{time.day} {time:%B %Y, %H:%M} UTC"


def _counts(findings: Iterable[Finding]) -> list[tuple[Severity, int]]:
    severities = [finding.rule.severity for finding in findings]
    return [(severity, severities.count(severity)) for severity in SEVERITIES if severity in severities]


def _shares(summary: Summary) -> list[tuple[Severity, float, float]]:
    """How the findings divide: severity, where its part begins and how wide it is, in percent."""
    total = sum(summary.severities.values())
    parts, start = [], 0.0
    for severity, number in summary.severities.items():
        if number:
            parts.append((severity, round(start, 3), round(100 * number / total, 3)))
            start += 100 * number / total
    return parts


@dataclasses.dataclass(frozen=True)
class _End:
    """When a certificate ends, in words, and how urgent that is: over, soon or good."""

    words: str
    state: str

    @classmethod
    def of(cls, certificate: ServedCertificate, now: datetime.datetime) -> _End:
        days = remaining_days(certificate.not_after, now)
        if certificate.not_after <= now:
            return cls(f"ended {pluralised(-days, 'day')} ago" if days < -1 else "ended today", "over")
        words = f"{pluralised(days, 'day')} left" if days else "ends today"
        return cls(words, "soon" if days < SOON else "good")


def _certificates(report: Report) -> list[Subject]:
    """The subjects with a certificate, those whose certificate ends first at the top."""
    subjects = [subject for subject in report.subjects if subject.certificate]
    return sorted(subjects, key=lambda subject: (_not_after(subject), natural_sort_key(subject.name)))


def _not_after(subject: Subject) -> datetime.datetime:
    if subject.certificate is None:
        raise AssertionError("only subjects with a certificate have an end of it")
    return subject.certificate.not_after


@dataclasses.dataclass(frozen=True)
class _Axis:
    """The time that the page shows, from some days before now to the last end of a certificate."""

    first: datetime.datetime
    last: datetime.datetime
    now: datetime.datetime

    @classmethod
    def of(cls, report: Report) -> _Axis:
        now = report.created
        ends = [_not_after(subject) for subject in _certificates(report)[:SHOWN_CERTIFICATES]]
        last = min(max([*ends, now + datetime.timedelta(days=SOON)]), now + datetime.timedelta(days=_HORIZON))
        first = max(min([*ends, now]), now - datetime.timedelta(days=_HORIZON))
        room = (last - first) / 25
        return cls(first - room, last + room, now)

    def at(self, time: datetime.datetime) -> float:
        """Where a time is, in percent of the width."""
        share = (time - self.first) / (self.last - self.first)
        return round(100 * min(max(share, 0.0), 1.0), 2)

    def stretch(self, certificate: ServedCertificate) -> tuple[float, float]:
        """Where the bar of a certificate begins and how wide it is: the time it is still good for, or is already over."""
        start, end = sorted((self.at(self.now), self.at(certificate.not_after)))
        return start, round(max(end - start, 0.4), 2)

    @property
    def marks(self) -> list[tuple[float, str]]:
        """The first days of some months: where they are, and what they are called."""
        months = (self.last.year - self.first.year) * 12 + self.last.month - self.first.month
        step = next((step for step in _STEPS if months / step <= _MARKS), _STEPS[-1])
        marks: list[tuple[float, str]] = []
        for month in range(self.first.year * 12 + self.first.month, self.last.year * 12 + self.last.month):
            year, index = divmod(month, 12)
            time = self.now.replace(year=year, month=index + 1, day=1, hour=0, minute=0, second=0, microsecond=0)
            location = self.at(time)
            # The name of a mark at the edge would be cut off.
            if index % step == 0 and 6 < location < 94:
                marks.append((location, f"{time:%b %Y}" if index == 0 or step == 12 or not marks else f"{time:%b}"))
        return marks
