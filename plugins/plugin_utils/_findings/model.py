# Copyright (c) 2026, the pifleet.nodered maintainers
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What an audit or a validation tells: findings of rules about subjects, which are hosts or settings files.

Only data. The rules are in `_rules_*`, what is written of a report in `_report_*`. No text here has a secret.
"""

from __future__ import annotations

import dataclasses
import datetime
import enum
import hashlib


class Severity(enum.IntEnum):
    """How much a finding matters; the order of the numbers is the order of severity."""

    LOW = 1
    MEDIUM = 2
    HIGH = 3
    CRITICAL = 4

    def __str__(self) -> str:
        return self.name.lower()


@dataclasses.dataclass(frozen=True)
class Rule:
    """Something that can be wrong, whatever the host."""

    #: Stable, in lower case with hyphens: users write it into suppressions. Never given to another rule.
    identifier: str
    severity: Severity
    #: What is wrong, in a few words without a full stop.
    title: str
    #: Why it matters, in one or two sentences.
    rationale: str
    #: What to do, in one sentence that names the variable.
    remediation: str
    #: The variable that mends it, or the empty text where none does.
    variable: str = ""


@dataclasses.dataclass(frozen=True)
class Location:
    """Where something was found; empty or None is what is not known."""

    file: str = ""
    #: From 1.
    line: int | None = None


@dataclasses.dataclass(frozen=True)
class Suppression:
    """A finding that somebody accepts, and until when."""

    reason: str
    until: datetime.date


@dataclasses.dataclass(frozen=True)
class Finding:
    """A rule that a subject breaks."""

    rule: Rule
    #: The name of a subject of the report.
    subject: str
    #: What was found, in one sentence without a secret.
    message: str
    location: Location = Location()
    #: What tells two findings of one rule and one subject apart, such as the name of a user. Stable between runs.
    detail: str = ""
    suppression: Suppression | None = None
    #: Whether the baseline has it.
    baselined: bool = False

    @property
    def fingerprint(self) -> str:
        """The same for the same finding in another run, although lines have moved: 32 hexadecimal digits."""
        text = f"{self.rule.identifier}\x00{self.subject}\x00{self.detail}"
        return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:32]

    @property
    def counts(self) -> bool:
        """Whether a run may fail because of it."""
        return self.suppression is None and not self.baselined


class Kind(enum.Enum):
    """What a subject is."""

    HOST = "host"
    FILE = "file"


@dataclasses.dataclass(frozen=True)
class ServedCertificate:
    """The certificate of a subject, as far as a report shows it."""

    #: The first subject alternative name, or the common name.
    name: str
    issuer: str
    not_before: datetime.datetime
    not_after: datetime.datetime


@dataclasses.dataclass(frozen=True)
class Subject:
    """A host or a settings file that was looked at."""

    name: str
    kind: Kind
    #: Why it could not be looked at, else the empty text.
    error: str = ""
    address: str = ""
    node_red: str = ""
    node: str = ""
    certificate: ServedCertificate | None = None


@dataclasses.dataclass(frozen=True)
class Report:
    """The result of one audit or one validation."""

    #: "audit" or "validate".
    command: str
    #: In UTC.
    created: datetime.datetime
    #: Of this collection.
    version: str
    subjects: tuple[Subject, ...]
    findings: tuple[Finding, ...]
    #: All rules that were applied, also those that found nothing.
    rules: tuple[Rule, ...]
    #: Whether a baseline says which findings are known.
    compared: bool = False

    def counted(self, severity: Severity = Severity.LOW) -> list[Finding]:
        """The findings of at least this severity that count, the most severe first."""
        counting = [finding for finding in self.findings if finding.counts and finding.rule.severity >= severity]
        return sorted(counting, key=lambda finding: (-finding.rule.severity, finding.subject, finding.rule.identifier))
