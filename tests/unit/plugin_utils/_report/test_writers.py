# Copyright (c) 2026, the pifleet.nodered maintainers
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The writers of reports, judged by those who read them: a JSON Schema, a JUnit parser, an HTML parser.

Chromium, and the schema of SARIF, have their turn in tests/localhost.
"""

from __future__ import annotations

import dataclasses
import datetime
import html.parser
import json
import pathlib
import re
from xml.etree import ElementTree

import jsonschema
import junitparser
import pytest
import report_samples as samples
from stopwatch import times_as_long

from ansible_collections.pifleet.nodered.plugins.plugin_utils._findings.model import (
    Finding,
    Kind,
    Location,
    Report,
    Severity,
    Subject,
)
from ansible_collections.pifleet.nodered.plugins.plugin_utils._report import (
    files,
    html_writer,
    json_writer,
    junit_writer,
    sarif_writer,
    terminal_writer,
)
from ansible_collections.pifleet.nodered.plugins.plugin_utils._report.summary import Summary

PROJECT = pathlib.Path(__file__).resolve().parents[4]
SCHEMA = json.loads((PROJECT / "docs/report.schema.json").read_text("utf-8"))
REPORTS = {
    "full": samples.REPORT,
    "accepted": samples.ACCEPTED,
    "empty": samples.EMPTY,
    "files": samples.FILES,
    "nasty": samples.nasty(),
}

every_report = pytest.mark.parametrize("report", REPORTS.values(), ids=REPORTS)


def sarif(report: Report, directory: str = "/work") -> dict:
    (run,) = json.loads(sarif_writer.render(report, pathlib.Path(directory)))["runs"]
    return run


def terminal(report: Report, hint: str = "see report.html") -> list[str]:
    return [line.text for line in terminal_writer.lines(report, hint)]


# What a report comes to


def test_counts() -> None:
    assert Summary(samples.REPORT).counts == {
        "critical": 1,
        "high": 0,
        "medium": 1,
        "low": 1,
        "suppressed": 1,
        "baselined": 1,
        "subjects": 4,
        "failed": 1,
    }


def test_the_worst_host_is_first_and_what_failed_before_what_is_good() -> None:
    assert [subject.name for subject in Summary(samples.REPORT).subjects] == ["garage", "attic", "cellar", "kitchen"]


def test_hosts_are_in_the_order_of_their_numbers() -> None:
    subjects = tuple(Subject(name, Kind.HOST) for name in ("pi10", "pi2", "10.0.0.9", "pi", "10.0.0.10", "\u0662"))
    names = [subject.name for subject in Summary(dataclasses.replace(samples.EMPTY, subjects=subjects)).subjects]
    assert names == ["10.0.0.9", "10.0.0.10", "pi", "pi2", "pi10", "\u0662"]


@pytest.mark.parametrize(
    ("report", "verdict"),
    [
        (samples.REPORT, "1 critical, 1 medium and 1 low findings on 1 of 3 hosts, 1 of 4 hosts not looked at"),
        (samples.EMPTY, "Nothing was looked at"),
        (samples.FILES, "2 critical findings on 2 of 2 files"),
        (dataclasses.replace(samples.REPORT, findings=()), "Nothing found on 3 hosts, 1 of 4 hosts not looked at"),
        (dataclasses.replace(samples.REPORT, findings=(), subjects=(samples.KITCHEN,)), "Nothing found on 1 host"),
        (dataclasses.replace(samples.REPORT, findings=(), subjects=(samples.ATTIC,)), "Nothing was looked at"),
        (samples.ACCEPTED, "Nothing new on 2 hosts: 3 baselined (2 critical), 1 suppressed (1 medium)"),
        (
            dataclasses.replace(samples.ACCEPTED, subjects=samples.REPORT.subjects),
            "Nothing new on 3 hosts: 3 baselined (2 critical), 1 suppressed (1 medium), 1 of 4 hosts not looked at",
        ),
        (samples.SUPPRESSED, "Nothing that counts on 2 hosts: 1 suppressed (1 medium)"),
        (
            dataclasses.replace(
                samples.REPORT, findings=(Finding(samples.PLAIN, "garage", ""),), subjects=(samples.GARAGE,)
            ),
            "1 high finding on 1 of 1 host",
        ),
    ],
)
def test_verdict(report: Report, verdict: str) -> None:
    assert Summary(report).verdict == verdict


# Terminal


def test_terminal() -> None:
    assert terminal(samples.REPORT) == [
        "1 critical, 1 medium and 1 low findings on 1 of 3 hosts, 1 of 4 hosts not looked at.",
        "Not counted: 1 suppressed, 1 baselined.",
        "",
        "Not looked at: 1 host",
        "  attic: No route to host",
        "",
        "garage  Node-RED 3.1.9  192.168.0.6",
        "  critical  GET /flows answers 200. [editor-open]",
        "            Remediation: Set nodered_admin_users.",
        "  medium    /home/pi/.node-red/settings.js: settings.js has mode 0644. [file-mode]",
        "            Remediation: Set nodered_admin_users.",
        "  low       3.1.9 is old. [outdated]",
        "            Remediation: Set nodered_admin_users.",
    ]
    assert [line.severity for line in terminal_writer.lines(samples.REPORT, "")][:5] == [
        Severity.CRITICAL,
        None,
        None,
        Severity.HIGH,
        None,
    ]


@pytest.mark.parametrize(("line", "shown"), [(None, "A key."), (3, "keys/pi.key:3: A key.")])
def test_the_name_of_a_file_is_not_repeated_without_a_line(line: int | None, shown: str) -> None:
    subject = Subject("keys/pi.key", Kind.FILE)
    finding = Finding(samples.MODE, "keys/pi.key", "A key.", Location("keys/pi.key", line))
    report = dataclasses.replace(samples.REPORT, subjects=(subject,), findings=(finding,))
    name, found = terminal(report)[2:4]
    assert (name, found) == ("keys/pi.key", f"  medium    {shown} [file-mode]")


def test_terminal_where_nothing_counts() -> None:
    assert terminal(samples.ACCEPTED) == ["Nothing new on 2 hosts: 3 baselined (2 critical), 1 suppressed (1 medium)."]


def test_terminal_of_a_large_fleet_is_short() -> None:
    findings = tuple(Finding(samples.OPEN, "garage", f"Found {number}.", detail=str(number)) for number in range(30))
    messages = terminal(dataclasses.replace(samples.REPORT, findings=findings), "see report.html")
    assert messages[-1] == "  ... and 20 more, see report.html"
    assert len([line for line in messages if "Remediation" in line]) == 1
    messages = terminal(samples.large(), "see report.html")
    assert messages[-1] == "  ... and 950 more hosts with findings, see report.html"
    assert len(messages) < 1000


def test_no_host_writes_to_the_terminal() -> None:
    text = "\n".join(terminal(samples.nasty()))
    assert not re.search(r"[\x00-\x09\x0b-\x1f\x7f-\x9f\u2028\u202e]", text)
    assert not [line for line in text.splitlines() if line.startswith("PLAY RECAP")]
    assert not re.search(r"::error[ :]|##vso\[|##\[", text)
    assert r"\x1b[31m" in text
    text.encode("utf-8")


# JSON


@every_report
def test_json_fits_its_schema(report: Report) -> None:
    jsonschema.Draft202012Validator.check_schema(SCHEMA)
    content = json.loads(files.render(report, "json"))
    jsonschema.Draft202012Validator(SCHEMA, format_checker=jsonschema.FormatChecker()).validate(content)
    assert len(content["findings"]) == len(report.findings)


@pytest.mark.parametrize(
    "change",
    [{"created": "today"}, {"command": "look"}, {"counts": {}}, {"more": 1}, {"findings": [{}]}, {"digest": "1"}],
)
def test_the_schema_refuses(change: dict) -> None:
    content = {**json.loads(json_writer.render(samples.REPORT)), **change}
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.Draft202012Validator(SCHEMA).validate(content)


def test_json_of_the_nasty_says_all_of_it() -> None:
    content = json.loads(files.render(samples.nasty(), "json"))
    assert content["findings"][0]["message"] == samples.NASTY


@pytest.mark.parametrize("name", files.NAMES)
def test_digest(name: str) -> None:
    """The same at another time and in another order, another for another finding."""

    def digest_of(report: Report) -> bytes:
        digest = re.search(rb"\b[0-9a-f]{32}\b(?=\"( */?>|,?\n| *\}))", files.render(report, name))
        assert digest is not None
        return digest[0]

    later = dataclasses.replace(
        samples.REPORT,
        created=samples.NOW + datetime.timedelta(days=1),
        findings=samples.FINDINGS[::-1],
        subjects=samples.REPORT.subjects[::-1],
    )
    mark = json.loads(json_writer.render(samples.REPORT))["digest"].encode()
    assert mark in files.render(samples.REPORT, name)
    assert mark in files.render(later, name)
    assert mark not in files.render(dataclasses.replace(later, findings=samples.FINDINGS[1:]), name)


# SARIF


def test_sarif_results() -> None:
    run = sarif(samples.REPORT)
    rules = run["tool"]["driver"]["rules"]
    by_message = {result["message"]["text"]: result for result in run["results"]}
    assert all(rules[result["ruleIndex"]]["id"] == result["ruleId"] for result in run["results"])
    assert {
        rule["id"]: (rule["defaultConfiguration"]["level"], rule["properties"]["security-severity"]) for rule in rules
    } == {
        "editor-open": ("error", "9.5"),
        "no-tls": ("error", "8.0"),
        "file-mode": ("warning", "5.5"),
        "outdated": ("note", "2.0"),
    }
    assert "nodered_admin_users" in rules[0]["help"]["markdown"]
    found = by_message["garage: settings.js has mode 0644."]
    assert found["locations"][0]["physicalLocation"]["artifactLocation"] == {
        "uri": "garage/home/pi/.node-red/settings.js",
        "uriBaseId": "HOSTS",
    }
    assert (found["baselineState"], found["suppressions"]) == ("new", [])
    assert found["partialFingerprints"] == {"pifleetNodered/v1": samples.FINDINGS[2].fingerprint}
    accepted = by_message["kitchen: settings.js has mode 0640."]
    assert accepted["locations"][0]["physicalLocation"]["region"] == {"startLine": 7}
    (suppression,) = accepted["suppressions"]
    assert (suppression["justification"], suppression["status"]) == ("In a group of one.", "accepted")
    assert by_message["kitchen: 4.1.15 is old."]["baselineState"] == "unchanged"
    (invocation,) = run["invocations"]
    assert invocation["executionSuccessful"] is False
    assert "No route to host" in invocation["toolExecutionNotifications"][0]["message"]["text"]


def test_sarif_names_files_from_the_working_directory() -> None:
    locations = [result["locations"][0]["physicalLocation"] for result in sarif(samples.FILES)["results"]]
    assert locations == [
        {"artifactLocation": {"uri": "file:///srv/s%20%C3%BC.js"}, "region": {"startLine": 1}},
        {"artifactLocation": {"uri": "north/settings.js", "uriBaseId": "SRCROOT"}, "region": {"startLine": 12}},
    ]
    inside = sarif(samples.FILES, "/srv")["results"][0]["locations"][0]["physicalLocation"]["artifactLocation"]
    assert inside == {"uri": "s%20%C3%BC.js", "uriBaseId": "SRCROOT"}


@pytest.mark.parametrize(
    ("name", "quoted"), [("\udcff", "%FF"), ("\ud800", "%ED%A0%80"), ("\ud800\udcff", "%ED%A0%80%ED%B3%BF")]
)
def test_sarif_of_a_file_name_that_is_no_text(name: str, quoted: str) -> None:
    finding = Finding(samples.PLAIN, "garage", "Found.", Location(f"/srv/{name}.js"))
    (result,) = sarif(dataclasses.replace(samples.REPORT, findings=(finding,)))["results"]
    assert result["locations"][0]["physicalLocation"]["artifactLocation"]["uri"] == f"garage/srv/{quoted}.js"


def test_sarif_of_the_nasty_is_shown_as_it_is() -> None:
    """No text of a host makes a link or turns the direction of writing."""
    subject = Subject("garage", Kind.HOST, "[no](http://x) \u202e")
    found = Finding(samples.PLAIN, "garage", "See [here](http://evil.example), C:\\x \u202e\x1b\ud800")
    run = sarif(dataclasses.replace(samples.REPORT, subjects=(subject,), findings=(found,)))
    assert run["results"][0]["message"]["text"] == (
        r"garage: See \[here\](http://evil.example), C:\\x \\u202e\\x1b\\ud800"
    )
    (notification,) = run["invocations"][0]["toolExecutionNotifications"]
    assert notification["message"]["text"] == r"garage could not be looked at: \[no\](http://x) \\u202e"
    nasty = sarif(samples.nasty())
    texts = [result["message"]["text"] for result in nasty["results"]]
    texts += [entry["justification"] for result in nasty["results"] for entry in result["suppressions"]]
    assert len(texts) == 4
    assert not [text for text in texts if re.search(r"[\x00-\x1f\x7f-\x9f\u2028\u202e\ud800]", text)]


def test_sarif_without_a_baseline() -> None:
    report = dataclasses.replace(samples.REPORT, compared=False)
    assert not [result for result in sarif(report)["results"] if "baselineState" in result]


# JUnit


@every_report
def test_junit_is_read(report: Report) -> None:
    read = junitparser.JUnitXml.fromstring(files.render(report, "junit"))
    assert len(list(read)) == len(report.subjects)


def test_junit_outcomes() -> None:
    read = junitparser.JUnitXml.fromstring(files.render(samples.REPORT, "junit"))
    outcomes = {
        (suite.name, case.name.partition(":")[0]): [(type(result).__name__, result.message) for result in case.result]
        for suite in read
        for case in suite
    }
    assert outcomes[("garage", "editor-open")] == [("Failure", "GET /flows answers 200.")]
    assert outcomes[("garage", "no-tls")] == []
    assert outcomes[("kitchen", "file-mode")] == [("Skipped", "Accepted until 2027-01-31: In a group of one.")]
    assert outcomes[("kitchen", "outdated")] == [("Skipped", "Known: the baseline has it")]
    assert outcomes[("attic", "looked at")] == [("Error", "No route to host")]
    assert (read.tests, read.failures, read.errors, read.skipped) == (13, 3, 1, 2)


def test_junit_says_where_why_and_how_to_mend() -> None:
    root = ElementTree.fromstring(junit_writer.render(samples.REPORT))
    texts = [failure.text for failure in root.iter("failure")]
    assert (
        f"{samples.SETTINGS}: settings.js has mode 0644.\nRationale: Why of file-mode.\nRemediation: Set nodered_admin_users."
        in texts
    )


# HTML


class Page(html.parser.HTMLParser):
    """What a page has: tags, attributes and text."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.attributes: list[tuple[str, str]] = []
        self.words = ""
        self.open: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += [(name, value or "") for name, value in attrs]
        if tag not in ("meta", "link", "br", "wbr", "rect", "line", "path"):
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += [(name, value or "") for name, value in attrs]

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.words += data


@every_report
def test_html_is_one_page_without_a_script(report: Report) -> None:
    page = Page(files.render(report, "html").decode("utf-8"))
    assert page.open == []
    assert not {"script", "img", "iframe", "object", "base", "form"} & set(page.tags)
    assert not [name for name, _value in page.attributes if name.startswith("on") or name in ("style", "src")]
    links = {value for name, value in page.attributes if name == "href"}
    identifiers = [value for name, value in page.attributes if name == "id"]
    assert len(identifiers) == len(set(identifiers))
    assert {link[1:] for link in links if link.startswith("#")} <= set(identifiers)
    assert all(link.startswith(("#", "data:image/svg+xml,")) for link in links)
    (policy,) = [value for name, value in page.attributes if name == "content" and "default-src" in value]
    assert policy.startswith("default-src 'none'; style-src 'sha256-")


def test_html_shows_the_nasty_as_it_is() -> None:
    page = Page(html_writer.render(samples.nasty()))
    assert "<img src=x onerror=alert(1)> \"'`&amp; ]]> {{ 7 * 7 }} {% raw %} \\x00\\x1b[31m\\x9b" in page.words
    assert "\\u202e" in page.words
    assert "49" not in page.words


def test_html_says_when_certificates_end() -> None:
    page = Page(html_writer.render(samples.REPORT))
    assert "300 days left" in page.words
    assert "ended 3 days ago" in page.words


def test_html_of_what_does_not_count() -> None:
    page = Page(html_writer.render(samples.ACCEPTED))
    words = " ".join(page.words.split())
    assert "Nothing new on 2 hosts: 3 baselined (2 critical), 1 suppressed (1 medium)" in words
    assert "Not counted: 1 suppressed, 3 baselined." in words
    # On the line of the host, and in its details.
    assert "Node.js 18.20.4 2 critical baselined 1 low baselined ended" in words
    assert "Node.js 20.19.2 1 medium suppressed 300 days left" in words
    assert "Not counted: 2 critical baselined, 1 low baselined" in words
    assert "Nothing found." not in words
    assert "Found nothing to tell 1 of 4 rules high Title of no-tls no-tls" in words
    assert ("class", "ok") not in page.attributes


def test_html_without_a_baseline() -> None:
    words = Page(html_writer.render(samples.SUPPRESSED)).words
    assert "Not counted: 1 suppressed." in words
    assert "baselined" not in words


@pytest.mark.parametrize(
    ("days", "words", "state"),
    [
        (-400, "ended 400 days ago", "over"),
        (-0.5, "ended today", "over"),
        (0.5, "ends today", "soon"),
        (1.5, "1 day left", "soon"),
        (29.9, "29 days left", "soon"),
        (30.1, "30 days left", "good"),
        (9000, "9000 days left", "good"),
    ],
)
def test_html_end(days: float, words: str, state: str) -> None:
    subject = dataclasses.replace(samples.GARAGE, certificate=samples.certificate(days))
    report = dataclasses.replace(samples.REPORT, subjects=(subject,), findings=())
    page = Page(html_writer.render(report))
    assert words in page.words
    assert ("class", f"end {state}") in page.attributes
    places = [
        float(value.rstrip("%")) for name, value in page.attributes if name in ("x", "x1") and value.endswith("%")
    ]
    assert places
    assert all(0 <= location <= 100 for location in places)


@pytest.mark.parametrize("name", [*files.NAMES, "terminal"])
@pytest.mark.parametrize("years", [(1, 1), (1, 9999), (9999, 9999), (9999, 1)])
def test_certificates_of_any_time(years: tuple[int, int], name: str) -> None:
    start = datetime.datetime(years[0], 1, 1, tzinfo=datetime.UTC)
    end = datetime.datetime(years[1], 12, 31, 23, 59, 59, tzinfo=datetime.UTC)
    far = dataclasses.replace(samples.certificate(1), not_before=start, not_after=end)
    subject = dataclasses.replace(samples.GARAGE, certificate=far)
    report = dataclasses.replace(samples.REPORT, subjects=(samples.KITCHEN, subject))
    written = "\n".join(terminal(report)).encode() if name == "terminal" else files.render(report, name)
    assert b"garage" in written
    if name == "html":
        places = [float(value) for value in re.findall(rb' x1?="([0-9.e+-]+)%"', written)]
        assert places
        assert all(0 <= each <= 100 for each in places)


@pytest.mark.slow
@pytest.mark.parametrize("name", [*files.NAMES, "terminal"])
def test_ten_thousand_findings(name: str) -> None:
    def write(report: Report) -> bytes:
        return "\n".join(terminal(report)).encode() if name == "terminal" else files.render(report, name)

    large, small = samples.large(), samples.large(100)
    assert len(write(large)) < 20_000_000
    # Ten times as many.
    assert times_as_long(lambda: write(large), lambda: write(small)) < 4 * 10


# Files


def test_files_are_replaced_at_once(tmp_path: pathlib.Path) -> None:
    path = tmp_path / "new" / "report.json"
    files.write(path, b"one")
    snapshot = path.open("rb")
    files.write(path, b"two")
    assert (snapshot.read(), path.read_bytes()) == (b"one", b"two")
    snapshot.close()
    assert [file.name for file in path.parent.iterdir()] == ["report.json"]


def test_nothing_is_left_of_a_file_that_cannot_be_written(tmp_path: pathlib.Path) -> None:
    (tmp_path / "report.json").mkdir()
    with pytest.raises(OSError):
        files.write(tmp_path / "report.json", b"one")
    assert [file.name for file in tmp_path.iterdir()] == ["report.json"]
