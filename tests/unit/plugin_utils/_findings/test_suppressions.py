# Copyright (c) 2026, the pifleet.nodered maintainers
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Suppressions: which entries are refused, what they accept, and when they are told of themselves."""

from __future__ import annotations

import dataclasses
import datetime
import typing as t

import pytest
import report_samples as samples

from ansible_collections.pifleet.nodered.plugins.plugin_utils._findings import suppressions
from ansible_collections.pifleet.nodered.plugins.plugin_utils._findings.model import Finding, Kind, Location, Subject

TODAY = datetime.date(2026, 11, 23)
GOOD = {"rule": "file-mode", "reason": "In a group of one.", "until": "2026-12-31"}
HOSTS = (Subject("garage", Kind.HOST), Subject("kitchen", Kind.HOST))
FILE = Subject("north/settings.js", Kind.FILE)
MODES = tuple(
    Finding(samples.MODE, host.name, f"{name} has mode 0644.", Location(f"/home/pi/.node-red/{name}"), name)
    for host in HOSTS
    for name in ("settings.js", "flows.json")
)


def entry(**changes: t.Any) -> suppressions.Entry:
    (made,) = suppressions.entries([{**GOOD, **changes}], samples.RULES)
    return made


def suppress(
    *entries: suppressions.Entry,
    findings: t.Sequence[Finding] = MODES,
    subjects: t.Sequence[Subject] = HOSTS,
    today: datetime.date = TODAY,
    applied: t.Container[str] = samples.RULES,
) -> list[Finding]:
    return suppressions.suppress(findings, subjects, {subject.name: entries for subject in subjects}, today, applied)


def accepted(findings: t.Iterable[Finding]) -> list[tuple[str, str]]:
    return [(finding.subject, finding.detail) for finding in findings if finding.suppression]


def messages(findings: t.Iterable[Finding]) -> list[tuple[str, str]]:
    return [
        (finding.rule.identifier, finding.subject)
        for finding in findings
        if finding.rule.identifier in suppressions.RULES
    ]


# Entries


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("all", "nodered_suppressions must be a list"),
        ({"rule": "file-mode"}, "nodered_suppressions must be a list"),
        (["file-mode"], "Entry 1 of nodered_suppressions must be a dictionary"),
        ([GOOD, {"reason": "r", "until": "2026-12-31"}], "Entry 2 of nodered_suppressions has no rule"),
        ([{**GOOD, "reason": ""}], "has no reason: why it is accepted"),
        ([{**GOOD, "reason": "  "}], "has no reason: why it is accepted"),
        ([{**GOOD, "reason": 5}], "reason must be a text, not 5"),
        ([{**GOOD, "until": None}], "has no until: the last day it is accepted, such as 2026-12-31"),
        ([{**GOOD, "until": "soon"}], "until 'soon' is no day such as 2026-11-23"),
        ([{**GOOD, "until": "2026-02-30"}], "until '2026-02-30' is no day"),
        ([{**GOOD, "until": "31.12.2026"}], "until '31.12.2026' is no day"),
        ([{**GOOD, "until": 20261231}], "until 20261231 is no day"),
        ([{**GOOD, "until": datetime.datetime(2026, 12, 31, 12)}], "is no day"),
        ([{**GOOD, "untill": "x"}], "has the key untill, which there is not. Is until meant?"),
        (
            [{**GOOD, "zebra": "x"}],
            "has the key zebra, which there is not. There are rule, reason, until, host, file, detail.",
        ),
        ([{**GOOD, "rule": "file-mod"}], "names the rule 'file-mod', which there is not. Is file-mode meant?"),
        ([{**GOOD, "host": ["garage"]}], "host must be a text, not ['garage']"),
    ],
)
def test_refused(value: t.Any, expected: str) -> None:
    with pytest.raises(suppressions.SuppressionError) as caught:
        suppressions.entries(value, samples.RULES)
    assert expected in str(caught.value)


def test_refused_with_the_host_that_has_it() -> None:
    with pytest.raises(suppressions.SuppressionError, match=r"^Entry 1 of nodered_suppressions of garage has no rule"):
        suppressions.entries([{}], samples.RULES, "garage")


@pytest.mark.parametrize("until", ["2026-12-31", datetime.date(2026, 12, 31)])
def test_days(until: t.Any) -> None:
    assert entry(until=until).suppression.until == datetime.date(2026, 12, 31)


def test_a_list_that_became_text() -> None:
    """As a template gives it with ansible-core 2.18."""
    value = [GOOD, {**GOOD, "until": datetime.date(2027, 3, 1)}]
    assert suppressions.entries(str(value), samples.RULES) == suppressions.entries(value, samples.RULES)
    with pytest.raises(suppressions.SuppressionError, match="must be a list"):
        suppressions.entries("__import__('os').getpid()", samples.RULES)


def test_none() -> None:
    assert suppressions.entries(None, samples.RULES) == []


# What they accept


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        (
            {},
            [
                ("garage", "settings.js"),
                ("garage", "flows.json"),
                ("kitchen", "settings.js"),
                ("kitchen", "flows.json"),
            ],
        ),
        ({"host": "gar*"}, [("garage", "settings.js"), ("garage", "flows.json")]),
        ({"host": "GARAGE"}, []),
        ({"file": "*/flows.json"}, [("garage", "flows.json"), ("kitchen", "flows.json")]),
        ({"detail": "settings.js", "host": "kitchen"}, [("kitchen", "settings.js")]),
        ({"detail": "settings.*"}, []),
        ({"rule": "no-tls"}, []),
    ],
)
def test_accepted(changes: dict[str, str], expected: list[tuple[str, str]]) -> None:
    found = suppress(entry(**changes))
    assert accepted(found) == expected
    assert [finding for finding in found if finding.suppression and finding.counts] == []


def test_files_as_subjects() -> None:
    finding = Finding(samples.MODE, FILE.name, "It has mode 0644.")
    assert accepted(suppress(entry(file="north/*"), findings=[finding], subjects=[FILE])) == [(FILE.name, "")]
    assert accepted(suppress(entry(host="*"), findings=[finding], subjects=[FILE])) == []


def test_each_host_its_own() -> None:
    found = suppressions.suppress(MODES, HOSTS, {"garage": [entry()]}, TODAY, samples.RULES)
    assert {subject for subject, _detail in accepted(found)} == {"garage"}


# When they are told of


def test_the_last_day() -> None:
    last = datetime.date(2026, 12, 31)
    assert len(accepted(suppress(entry(), today=last))) == 4
    found = suppress(entry(host="k*"), today=last + datetime.timedelta(days=1))
    assert accepted(found) == []
    assert messages(found) == [("suppression-expired", "kitchen")]
    assert found[-1].message == (
        "The entry of nodered_suppressions with rule: file-mode, host: k* was over after 2026-12-31."
    )


def test_matching_nothing() -> None:
    assert messages(suppress(entry(rule="no-tls"))) == [("suppression-unused", "garage")]
    # One that other hosts have as well, from group_vars, is of use when it matches on one of them.
    assert messages(suppress(entry(), findings=MODES[:1])) == []
    # Nothing can be said of a host that is not there, that could not be looked at, or of a rule that was not applied.
    assert messages(suppress(entry(host="attic"))) == []
    gone = (HOSTS[0], dataclasses.replace(HOSTS[1], error="No route"))
    assert messages(suppress(entry(rule="no-tls"), subjects=gone)) == []
    assert messages(suppress(entry(rule="no-tls"), applied={"file-mode"})) == []


def test_told_once_and_the_same_in_each_run() -> None:
    first, second = (suppress(entry(rule="no-tls"), entry(rule="no-tls", host="kitchen"))[-2:] for _run in range(2))
    assert [finding.fingerprint for finding in first] == [finding.fingerprint for finding in second]
    assert len({finding.fingerprint for finding in first}) == 2
