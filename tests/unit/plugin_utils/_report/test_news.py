# Copyright (c) 2026, the pifleet.nodered maintainers
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What is told of a regular run: what is new, and nothing twice."""

from __future__ import annotations

import datetime
import json
import typing as t

import pytest
from report_samples import NASTY, REPORT

from ansible_collections.pifleet.nodered.plugins.plugin_utils._report import json_writer, news
from ansible_collections.pifleet.nodered.plugins.plugin_utils._report.news import Kind, Limits, Memory
from ansible_collections.pifleet.nodered.plugins.plugin_utils._report.run import HostSummary, Outcome, as_data

TODAY = datetime.date(2026, 11, 27)
LIMITS = Limits(off_runs=3, certificate_days=14)
FAR = "2027-12-01T00:00:00Z"


def summary(*hosts: HostSummary) -> dict[str, t.Any]:
    return json.loads(json.dumps(as_data(hosts, {})))


def host(outcome: Outcome = Outcome.UNCHANGED, name: str = "kitchen", **fields: t.Any) -> HostSummary:
    return HostSummary(name, outcome, **{"certificate_ends": FAR, **fields})


def finding(fingerprint: str, subject: str = "kitchen", **fields: t.Any) -> dict[str, t.Any]:
    made: dict[str, t.Any] = {
        "rule": "editor-open",
        "severity": "critical",
        "subject": subject,
        "message": "The editor is open.",
    }
    made |= {"file": "", "line": None, "fingerprint": fingerprint, "suppression": None, "baselined": False}
    return {**made, **fields}


def report(*findings: dict[str, t.Any], error: str = "", ends: str = FAR) -> dict[str, t.Any]:
    certificate = None if error else {"not_after": ends}
    subject = {"name": "kitchen", "error": error, "certificate": certificate}
    return {"subjects": [subject], "findings": list(findings)}


def runs(*pairs: tuple[dict[str, t.Any] | None, dict[str, t.Any] | None]) -> list[list[tuple[Kind, str]]]:
    """What is told of each of several runs, one after the other, with a memory that was on the disk in between."""
    memory, told = Memory(), []
    for of_secure, of_audit in pairs:
        found, memory = news.compare(of_secure, of_audit, memory, TODAY, LIMITS)
        memory = news.read_memory(news.render_memory(memory))
        told.append([(item.kind, item.text) for item in found])
    return told


QUIET = (summary(host()), report())


def test_nothing_is_told_where_all_is_well() -> None:
    assert runs(QUIET, QUIET) == [[], []]


def test_a_failure_is_told_once_and_again_after_it_was_gone() -> None:
    failed = (summary(host(Outcome.FAILED, reason="No room.")), report())
    told = [(Kind.FAILED, "failed: No room.")]
    assert runs(failed, failed, QUIET, failed) == [told, [], [], told]


def test_what_cannot_be_audited_has_failed() -> None:
    unseen = (summary(host()), report(error="No answer."))
    assert runs(QUIET, unseen, unseen) == [[], [(Kind.FAILED, "could not be audited: No answer.")], []]


def test_a_host_is_off_for_some_runs_before_it_is_told() -> None:
    off = (summary(host(Outcome.OFF)), report(error="No route to host"))
    told = [(Kind.OFF, "off for 3 runs")]
    assert runs(off, off, off, off, QUIET, off, off, off) == [[], [], told, [], [], [], [], told]


def test_a_run_that_came_to_no_end_is_no_run_in_which_a_host_was_on() -> None:
    off = (summary(host(Outcome.OFF)), report(error="No route to host"))
    told = runs(off, off, (None, None), off)
    assert [kind for kind, _text in told[2]] == [Kind.RUN, Kind.RUN]
    assert told[3] == [(Kind.OFF, "off for 3 runs")]


def test_a_host_whose_turn_did_not_come_stays_what_it_was() -> None:
    failed = (summary(host(Outcome.FAILED, reason="No room.")), report())
    left_out = (summary(host(Outcome.LEFT_OUT)), report())
    assert runs(failed, left_out, failed)[1:] == [[], []]


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        (("certificate",), []),
        (("certificate", "service"), []),
        (("settings.js", "service"), [(Kind.CHANGED, "was changed by secure: settings.js, service")]),
    ],
)
def test_a_host_that_was_closed_again_is_told_and_a_renewal_is_not(
    changes: tuple[str, ...], told: list[tuple[Kind, str]]
) -> None:
    assert runs((summary(host(Outcome.SECURED, changes=changes)), report())) == [told]


@pytest.mark.parametrize(
    ("end", "when"),
    [
        ("2026-12-10T08:00:00Z", "on 2026-12-10, in 13 days"),
        ("2026-11-28T08:00:00Z", "on 2026-11-28, in 1 day"),
        ("2026-11-27T23:00:00Z", "on 2026-11-27, today"),
        ("2026-11-20T08:00:00Z", "on 2026-11-20, in the past"),
    ],
)
def test_a_certificate_that_ends_soon_is_told_once(end: str, when: str) -> None:
    ending = (summary(host(certificate_ends=end)), report(ends=end))
    assert runs(ending, ending) == [[(Kind.CERTIFICATE, f"its certificate ends {when}")], []]


def test_what_is_served_counts_and_each_certificate_by_itself() -> None:
    first, second = "2026-11-30T00:00:00Z", "2026-12-02T00:00:00Z"
    told = runs((summary(host()), report(ends=first)), (summary(host(certificate_ends=second)), report(ends=second)))
    assert [len(each) for each in told] == [1, 1]
    assert runs((summary(host(certificate_ends="2026-12-11T00:00:00Z")), report(ends="2026-12-11T00:00:00Z"))) == [[]]


def test_new_findings_are_told_and_what_is_accepted_is_not() -> None:
    accepted = [finding("b", baselined=True), finding("c", suppression={"reason": "So.", "until": "2027-01-01"})]
    one = (summary(host()), report(finding("a", file="/s.js", line=3), *accepted))
    two = (summary(host()), report(finding("a"), finding("d")))
    told = runs(one, two, one, two)
    assert told[0] == [(Kind.FINDING, "critical: /s.js:3: The editor is open. [editor-open]")]
    assert [len(each) for each in told] == [1, 1, 0, 1]


def test_findings_of_a_host_that_was_not_looked_at_are_not_new_afterwards() -> None:
    found = (summary(host()), report(finding("a")))
    off = (summary(host(Outcome.OFF)), report(error="No route to host"))
    assert runs(found, off, (None, None), found)[1::2] == [[], []]


def test_a_run_that_does_not_end_is_told_once() -> None:
    told = runs((None, report()), (None, report()), QUIET, (summary(host()), None))
    assert [[kind for kind, _text in each] for each in told] == [[Kind.RUN], [], [], [Kind.RUN]]
    assert "audit did not come to its end" in told[3][0][1]


def test_a_report_as_it_is_written_is_understood() -> None:
    data = json.loads(json_writer.render(REPORT))
    found, memory = news.compare(summary(), data, Memory(), TODAY, LIMITS)
    kinds = [item.kind for item in found]
    assert (kinds.count(Kind.FAILED), kinds.count(Kind.CERTIFICATE)) == (1, 1)
    counted = sum(not each["baselined"] and not each["suppression"] for each in data["findings"])
    assert kinds.count(Kind.FINDING) == counted == len(memory.findings)


@pytest.mark.parametrize("content", [b"", b"{}", b"[]", b"[" * 100_000, b'{"format": "other"}', b"\xff"])
def test_a_memory_that_is_none_is_refused(content: bytes) -> None:
    with pytest.raises(news.UnreadableMemoryError, match="not what a run has written"):
        news.read_memory(content)


def test_what_a_host_says_is_shown_in_one_line_each_and_not_obeyed() -> None:
    items = [news.Item(Kind.FAILED, "kitchen", NASTY * 9)] * 60
    told = news.lines(items)
    assert len(told) == 51
    assert told[-1] == "and 10 more"
    assert all(line.isprintable() and len(line) < 310 for line in told)


def test_the_headline_counts() -> None:
    items = [news.Item(kind, "a", "") for kind in (Kind.RUN, Kind.RUN, Kind.FAILED, Kind.FINDING, Kind.FINDING)]
    assert news.headline(items) == "Node-RED: the run did not come to its end, 1 host failed, 2 new findings"
