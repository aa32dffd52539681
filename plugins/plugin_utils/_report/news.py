# Copyright (c) 2026, the pifleet.nodered maintainers
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What is new in a regular run, compared with what its owner was told of those before."""

from __future__ import annotations

import dataclasses
import datetime
import enum
import json
import typing as t
from collections.abc import Mapping, Sequence

from ansible_collections.pifleet.nodered.plugins.module_utils._shared.printable import one_line
from ansible_collections.pifleet.nodered.plugins.plugin_utils._errors import UserError

from .run import Outcome
from .summary import pluralised

_FORMAT = "pifleet.nodered memory"
_VERSION = 1
#: So many lines of news are told; a message on a phone is read to its end.
_MOST = 50
#: So much of one line is told (characters).
_LONGEST = 300
#: What a renewal changes; a host on which nothing else has changed is no news.
_RENEWAL = frozenset({"certificate", "service"})

Data = Mapping[str, t.Any]


class UnreadableMemoryError(UserError):
    """A memory that cannot be read; the text says why."""


class Kind(enum.Enum):
    """What an item of news is about; the value is its name for programs."""

    RUN = "run"
    FAILED = "failed"
    OFF = "off"
    CHANGED = "changed"
    CERTIFICATE = "certificate"
    FINDING = "finding"


@dataclasses.dataclass(frozen=True)
class Item:
    """One thing that is new.

    :ivar kind: what it is about
    :ivar host: the host's name in the inventory, empty where it is about the run itself
    :ivar text: what people read, in one line
    """

    kind: Kind
    host: str
    text: str


@dataclasses.dataclass(frozen=True)
class Memory:
    """What the owner knows already.

    :ivar incomplete: the playbooks that had come to no end in the last run
    :ivar failed: the hosts that had failed
    :ivar off: in how many runs one after the other each host was off
    :ivar certificates: for each host the end of the certificate (ISO 8601) that was told to end soon
    :ivar findings: the findings that count, by their fingerprints, with the host of each
    """

    incomplete: frozenset[str] = frozenset()
    failed: frozenset[str] = frozenset()
    off: Mapping[str, int] = dataclasses.field(default_factory=dict)
    certificates: Mapping[str, str] = dataclasses.field(default_factory=dict)
    findings: Mapping[str, str] = dataclasses.field(default_factory=dict)


@dataclasses.dataclass(frozen=True)
class Limits:
    """From when on something is told.

    :ivar off_runs: a host is told that was off in so many runs, one after the other
    :ivar certificate_days: a certificate is told that ends in fewer days
    """

    off_runs: int
    certificate_days: int


def read_memory(content: bytes) -> Memory:
    """What a run has remembered, see `render_memory`. UnreadableMemoryError."""
    try:
        data = json.loads(content)
        if (data["format"], data["format_version"]) != (_FORMAT, _VERSION):
            raise UnreadableMemoryError("it is of another release")
        return Memory(
            frozenset(map(str, data["incomplete"])),
            frozenset(map(str, data["failed"])),
            {str(name): int(runs) for name, runs in data["off"].items()},
            {str(name): str(ends) for name, ends in data["certificates"].items()},
            {str(fingerprint): str(host) for fingerprint, host in data["findings"].items()},
        )
    except (ValueError, RecursionError, LookupError, TypeError, AttributeError):
        raise UnreadableMemoryError("it is not what a run has written") from None


def render_memory(memory: Memory) -> bytes:
    """The content of the file that the next run reads."""
    data = {
        "format": _FORMAT,
        "format_version": _VERSION,
        "incomplete": sorted(memory.incomplete),
        "failed": sorted(memory.failed),
        "off": dict(sorted(memory.off.items())),
        "certificates": dict(sorted(memory.certificates.items())),
        "findings": dict(sorted(memory.findings.items())),
    }
    return (json.dumps(data, indent=2) + "\n").encode("ascii")


def compare(
    summary: Data | None, report: Data | None, memory: Memory, today: datetime.date, limits: Limits
) -> tuple[list[Item], Memory]:
    """What is new, and what is to be remembered.

    What a run could not look at stays in the memory, so that it is not new when it can be looked at again.

    :param summary: what the playbook `secure` has written, see `run.as_data`; None where it came to no end
    :param report: what the playbook `audit` has written, see docs/report.schema.json; None where it came to no end
    :raises LookupError, TypeError, ValueError: one of both has not the shape that it should have
    """
    incomplete = {name for name, data in (("secure", summary), ("audit", report)) if data is None}
    news = [
        Item(Kind.RUN, "", f"The playbook {name} did not come to its end, or all hosts failed.")
        for name in sorted(incomplete - memory.incomplete)
    ]
    outcomes = {host["name"]: host for host in ({"hosts": []} if summary is None else summary)["hosts"]}
    subjects = {subject["name"]: subject for subject in ({"subjects": []} if report is None else report)["subjects"]}
    of_hosts, failed, off = _hosts(outcomes, subjects, memory, limits)
    of_certificates, certificates = _certificates(outcomes, subjects, memory, today, limits)
    of_findings, findings = _findings(report, subjects, memory)
    told = Memory(frozenset(incomplete), failed, off, certificates, findings)
    return [*news, *of_hosts, *of_certificates, *of_findings], told


def _hosts(
    outcomes: Mapping[str, Data], subjects: Mapping[str, Data], memory: Memory, limits: Limits
) -> tuple[list[Item], frozenset[str], dict[str, int]]:
    """What has become of the hosts themselves; those that have failed, and those that are off."""
    news = []
    failed, off = set(), {}
    for name in {**outcomes, **subjects}:
        host = outcomes.get(name)
        outcome = Outcome(host["outcome"]) if host else None
        error = subjects[name]["error"] if name in subjects else ""
        if outcome is Outcome.OFF:
            off[name] = memory.off.get(name, 0) + 1
            if off[name] == limits.off_runs:
                news.append(Item(Kind.OFF, name, f"off for {pluralised(off[name], 'run')}"))
            continue
        text = f"failed: {host['reason']}" if host and outcome is Outcome.FAILED else ""
        if text := text or (error and f"could not be audited: {error}"):
            failed.add(name)
            if name not in memory.failed:
                news.append(Item(Kind.FAILED, name, text))
        elif outcome is Outcome.LEFT_OUT or (outcome is None and name in memory.failed):
            # Nothing is known of it but what was.
            failed |= {name} & memory.failed
        elif host and outcome is Outcome.SECURED and not _RENEWAL.issuperset(host["changes"]):
            news.append(Item(Kind.CHANGED, name, f"was changed by secure: {', '.join(host['changes'])}"))
    if not outcomes:
        failed |= memory.failed
        off.update(memory.off)
    return news, frozenset(failed), off


def _certificates(
    outcomes: Mapping[str, Data],
    subjects: Mapping[str, Data],
    memory: Memory,
    today: datetime.date,
    limits: Limits,
) -> tuple[list[Item], dict[str, str]]:
    """The certificates that end soon; those that are told, now or before."""
    ends = {name: host["certificate_ends"] for name, host in outcomes.items() if host["certificate_ends"]}
    # What a host serves comes before what it has on its disk.
    ends |= {name: each["certificate"]["not_after"] for name, each in subjects.items() if each["certificate"]}
    news = []
    told = {name: end for name, end in memory.certificates.items() if ends.get(name, end) == end}
    for name, end in ends.items():
        days = (datetime.date.fromisoformat(end[:10]) - today).days
        if days < limits.certificate_days and name not in told:
            told[name] = end
            when = f"in {pluralised(days, 'day')}" if days > 0 else "today" if days == 0 else "in the past"
            news.append(Item(Kind.CERTIFICATE, name, f"its certificate ends on {end[:10]}, {when}"))
    return news, told


def _findings(
    report: Data | None, subjects: Mapping[str, Data], memory: Memory
) -> tuple[list[Item], Mapping[str, str]]:
    """The findings that are new; those that are known now."""
    if report is None:
        return [], memory.findings
    looked_at = {name for name, subject in subjects.items() if not subject["error"]}
    known = {key: host for key, host in memory.findings.items() if host in subjects and host not in looked_at}
    news = []
    for finding in report["findings"]:
        if finding["baselined"] or finding["suppression"]:
            continue
        known[finding["fingerprint"]] = finding["subject"]
        if finding["fingerprint"] not in memory.findings:
            place = f"{finding['file']}:{finding['line']}: " if finding["line"] else ""
            text = f"{finding['severity']}: {place}{finding['message']} [{finding['rule']}]"
            news.append(Item(Kind.FINDING, finding["subject"], text))
    return news, known


_COUNTED = {
    Kind.FAILED: "host failed",
    Kind.OFF: "host off",
    Kind.CHANGED: "host changed",
    Kind.CERTIFICATE: "certificate ends soon",
    Kind.FINDING: "new finding",
}
_PLURALS = {
    Kind.FAILED: "hosts failed",
    Kind.OFF: "hosts off",
    Kind.CHANGED: "hosts changed",
    Kind.CERTIFICATE: "certificates end soon",
    Kind.FINDING: "new findings",
}


def headline(news: Sequence[Item]) -> str:
    """What is new, in one line."""
    counts = {kind: sum(item.kind is kind for item in news) for kind in Kind}
    told = ["the run did not come to its end"] if counts[Kind.RUN] else []
    told += [
        f"{count} {_COUNTED[kind] if count == 1 else _PLURALS[kind]}"
        for kind, count in counts.items()
        if count and kind is not Kind.RUN
    ]
    return f"Node-RED: {', '.join(told)}"


def lines(news: Sequence[Item]) -> list[str]:
    """What is new, line by line, without the headline."""
    told = [_shortened(f"{item.host}: {item.text}" if item.host else item.text) for item in news[:_MOST]]
    return told + ([f"and {len(news) - _MOST} more"] if len(news) > _MOST else [])


def as_data(news: Sequence[Item]) -> list[dict[str, str]]:
    """The same for programs."""
    return [{"kind": item.kind.value, "host": item.host, "text": one_line(item.text)} for item in news]


def _shortened(text: str) -> str:
    line = one_line(text)
    return line if len(line) <= _LONGEST else f"{line[:_LONGEST].rstrip()} ..."
