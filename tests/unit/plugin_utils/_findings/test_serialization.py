# Copyright (c) 2026, the pifleet.nodered maintainers
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Findings and subjects as data and back, through JSON as between a task and a report."""

from __future__ import annotations

import datetime
import json
import typing as t

import pytest

from ansible_collections.pifleet.nodered.plugins.plugin_utils._findings import serialization as findings_data
from ansible_collections.pifleet.nodered.plugins.plugin_utils._findings.model import (
    Finding,
    Kind,
    Location,
    Rule,
    ServedCertificate,
    Severity,
    Subject,
    Suppression,
)

UTC = datetime.UTC
RULE = Rule("no-login", Severity.CRITICAL, "No login", "Anybody can deploy.", "Set nodered_admin_users.")
RULES = {RULE.identifier: RULE}
FULL = Finding(
    RULE,
    "pi1",
    "The editor answers anybody.",
    Location("/home/pi/.node-red/settings.js", 12),
    "adminAuth",
    Suppression("In a laboratory without a network.", datetime.date(2027, 1, 31)),
    True,
)
HOST = Subject(
    "pi1",
    Kind.HOST,
    "",
    "192.168.0.5",
    "4.1.15",
    "20.19.2",
    ServedCertificate(
        "pi1.local",
        "Node-RED fleet CA",
        datetime.datetime(2026, 1, 1, tzinfo=UTC),
        datetime.datetime(2027, 1, 1, 12, 30, 1, tzinfo=UTC),
    ),
)


@pytest.mark.parametrize(
    "finding", [FULL, Finding(RULE, "pi2", "x"), Finding(RULE, "pi 'ü' \U0001f600", '\n\0"</script>')]
)
def test_findings_come_back(finding: Finding) -> None:
    data = json.loads(json.dumps(findings_data.finding_data(finding)))
    assert findings_data.finding_from_data(data, RULES) == finding
    assert (data["severity"], data["fingerprint"]) == ("critical", finding.fingerprint)


@pytest.mark.parametrize(
    "subject", [HOST, Subject("a/settings.js", Kind.FILE), Subject("pi3", Kind.HOST, "unreachable")]
)
def test_subjects_come_back(subject: Subject) -> None:
    assert findings_data.subject_from_data(json.loads(json.dumps(findings_data.subject_data(subject)))) == subject


def test_a_host_that_failed() -> None:
    assert findings_data.subject_from_data({"name": "pi3", "error": "No route to host"}) == Subject(
        "pi3", Kind.HOST, "No route to host"
    )


def test_times() -> None:
    assert findings_data.time_data(datetime.datetime(2026, 1, 1, 0, 0, 0, 5)) == "2026-01-01T00:00:00Z"
    eastern = datetime.timezone(datetime.timedelta(hours=2))
    assert findings_data.time_data(datetime.datetime(2026, 1, 1, tzinfo=eastern)) == "2025-12-31T22:00:00Z"


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({"rule": "no-such"}, "'no-such'"),
        ({"rule": None}, "`rule` must be a text"),
        ({"subject": 5}, "`subject` must be a text, not 5"),
        ({"line": 0}, "`line`"),
        ({"line": True}, "`line`"),
        ({"suppression": "yes"}, "`suppression` must be a dictionary"),
        ({"suppression": {"reason": "r", "until": "20270131"}}, "'20270131' is no day such as 2026-11-23"),
    ],
)
def test_wrong_findings(change: dict[str, t.Any], expected: str) -> None:
    with pytest.raises(findings_data.DataError) as caught:
        findings_data.finding_from_data({**findings_data.finding_data(FULL), **change}, RULES)
    assert expected in str(caught.value)


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({"name": None}, "`name` must be a text"),
        ({"kind": "cloud"}, "one of host, file"),
        ({"certificate": []}, "`certificate` must be a dictionary"),
        ({"certificate": {"name": "a", "issuer": "b", "not_before": "soon"}}, "'soon' is no time"),
    ],
)
def test_wrong_subjects(change: dict[str, t.Any], expected: str) -> None:
    with pytest.raises(findings_data.DataError) as caught:
        findings_data.subject_from_data({**findings_data.subject_data(HOST), **change})
    assert expected in str(caught.value)
