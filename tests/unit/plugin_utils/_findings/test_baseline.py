# Copyright (c) 2026, the pifleet.nodered maintainers
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The baseline: what it has, what it keeps, and how a damaged one is told."""

from __future__ import annotations

import dataclasses
import json
import os
import pathlib
import typing as t

import pytest
import report_samples as samples

from ansible_collections.pifleet.nodered.plugins.plugin_utils._findings import baseline, suppressions
from ansible_collections.pifleet.nodered.plugins.plugin_utils._report import build


@pytest.fixture
def path(tmp_path: pathlib.Path) -> pathlib.Path:
    return tmp_path / "baseline.json"


def test_it_has_what_is_not_suppressed_and_no_time(path: pathlib.Path) -> None:
    path.write_text(baseline.render(samples.REPORT, {}), "utf-8")
    known = baseline.read(path)
    assert set(known) == {finding.fingerprint for finding in samples.FINDINGS if not finding.suppression}
    assert [(item["subject"], item["rule"], item["detail"]) for item in known.values()] == [
        ("garage", "editor-open", ""),
        ("garage", "file-mode", "settings.js"),
        ("garage", "outdated", ""),
        ("kitchen", "outdated", ""),
    ]
    assert "2026" not in path.read_text("utf-8")


def test_it_is_the_same_in_any_order_and_when_lines_move(path: pathlib.Path) -> None:
    moved = [
        dataclasses.replace(finding, location=dataclasses.replace(finding.location, line=99))
        for finding in samples.FINDINGS
    ]
    report = dataclasses.replace(samples.REPORT, findings=tuple(reversed(moved)))
    assert baseline.render(report, {}) == baseline.render(samples.REPORT, {})


def test_it_keeps_what_this_report_cannot_know(path: pathlib.Path) -> None:
    def of(*names: str) -> dict[str, dict[str, str]]:
        return {
            name[0] * 32: {"fingerprint": name[0] * 32, "subject": name, "rule": "no-tls", "detail": ""}
            for name in names
        }

    path.write_text(baseline.render(samples.REPORT, of("attic", "elsewhere", "cellar")), "utf-8")
    # The cellar was looked at and is mended.
    assert {item["subject"] for item in baseline.read(path).values()} == {"attic", "elsewhere", "garage", "kitchen"}


def test_it_takes_any_text(path: pathlib.Path) -> None:
    path.write_bytes(baseline.render(samples.nasty(), {}).encode("utf-8", "backslashreplace"))
    assert samples.NASTY in {item["detail"] for item in baseline.read(path).values()}


def test_only_new_findings_count(path: pathlib.Path) -> None:
    path.write_text(baseline.render(samples.REPORT, {}), "utf-8")
    new = dataclasses.replace(samples.FINDINGS[0], detail="new")
    results = [build.Result(samples.GARAGE, (samples.FINDINGS[0], new), (), frozenset(samples.RULES))]
    rules = {**samples.RULES, **suppressions.RULES}
    report = build.make("audit", results, [], rules, baseline.read(path), samples.NOW, "1.2.3")
    assert report.counted() == [new]
    assert report.compared
    without = build.make("audit", results, [], rules, None, samples.NOW, "1.2.3")
    assert (len(without.counted()), without.compared) == (2, False)


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        ("", "is no JSON"),
        ('{"format": "pifleet.nodered baseline", "format_version": 1, "findings": [', "is no JSON"),
        ("[]", "is no baseline"),
        ('{"format": "pifleet.nodered report"}', "is no baseline"),
        (
            '{"format": "pifleet.nodered baseline", "format_version": 2}',
            "this collection reads 1. Update the collection.",
        ),
        ('{"format": "pifleet.nodered baseline", "format_version": 1}', "has no list of findings"),
        (
            '{"format": "pifleet.nodered baseline", "format_version": 1, "findings": [{"fingerprint": "x"}]}',
            "Finding 1 of",
        ),
        (
            json.dumps(
                {
                    "format": "pifleet.nodered baseline",
                    "format_version": 1,
                    "findings": [{"fingerprint": "x", "subject": "", "rule": "", "detail": ""}],
                }
            ),
            "Finding 1 of",
        ),
        (b"\xff\xfe", "is no JSON"),
        (b"[" * 200_000, "is no JSON"),
        (b" " * ((64 << 20) + 1), "is larger than 64 MiB"),
        (None, "There is no baseline"),
    ],
)
def test_damaged(path: pathlib.Path, content: t.Any, expected: str) -> None:
    if content is not None:
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
    with pytest.raises(baseline.BaselineError) as caught:
        baseline.read(path)
    assert expected in str(caught.value)
    assert str(path) in str(caught.value)


@pytest.mark.parametrize("target", ["/dev/zero", "fifo"])
def test_no_regular_file(path: pathlib.Path, target: str) -> None:
    os.mkfifo(path.with_name("fifo"))
    path.symlink_to(target)
    with pytest.raises(baseline.BaselineError, match="is not a regular file"):
        baseline.read(path)
