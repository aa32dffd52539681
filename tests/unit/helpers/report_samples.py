# Copyright (c) 2026, the pifleet.nodered maintainers
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Reports for the tests of their writers."""

from __future__ import annotations

import dataclasses
import datetime

from ansible_collections.pifleet.nodered.plugins.plugin_utils._findings.model import (
    Finding,
    Kind,
    Location,
    Report,
    Rule,
    ServedCertificate,
    Severity,
    Subject,
    Suppression,
)

UTC = datetime.UTC
NOW = datetime.datetime(2026, 11, 23, 15, 14, 5, tzinfo=UTC)
#: What a host or a file could say to be obeyed by a page, a terminal, a template, a parser or CI.
NASTY = (
    "</script><script>alert(1)</script><img src=x onerror=alert(1)> \"'`&amp; ]]> {{ 7 * 7 }} {% raw %} \x00\x1b[31m\x9b\r\n"
    "PLAY RECAP\u2028\u202e\ufffe\ud800 \u00fcn\u00efcode \U0001f600"
    "\n::error file=a,line=1::b\n##vso[task.setvariable variable=PATH]/tmp\n##[group]a"
)


def rule(identifier: str, severity: Severity = Severity.HIGH) -> Rule:
    return Rule(
        identifier,
        severity,
        f"Title of {identifier}",
        f"Why of {identifier}.",
        "Set nodered_admin_users.",
        "nodered_admin_users",
    )


OPEN, PLAIN, MODE, OLD = (
    rule("editor-open", Severity.CRITICAL),
    rule("no-tls"),
    rule("file-mode", Severity.MEDIUM),
    rule("outdated", Severity.LOW),
)
RULES = {made.identifier: made for made in (OPEN, PLAIN, MODE, OLD)}


def certificate(days: float) -> ServedCertificate:
    """One that ends in so many days."""
    return ServedCertificate(
        "pi.local", "Node-RED fleet CA", NOW - datetime.timedelta(days=30), NOW + datetime.timedelta(days=days)
    )


KITCHEN = Subject("kitchen", Kind.HOST, "", "192.168.0.5", "4.1.15", "20.19.2", certificate(300))
GARAGE = Subject("garage", Kind.HOST, "", "192.168.0.6", "3.1.9", "18.20.4", certificate(-3))
ATTIC = Subject("attic", Kind.HOST, "No route to host")
CELLAR = Subject("cellar", Kind.HOST)
SETTINGS = "/home/pi/.node-red/settings.js"
FINDINGS = (
    Finding(OLD, "garage", "3.1.9 is old."),
    Finding(OPEN, "garage", "GET /flows answers 200."),
    Finding(MODE, "garage", "settings.js has mode 0644.", Location(SETTINGS), "settings.js"),
    Finding(
        MODE,
        "kitchen",
        "settings.js has mode 0640.",
        Location(SETTINGS, 7),
        "settings.js",
        Suppression("In a group of one.", datetime.date(2027, 1, 31)),
    ),
    Finding(OLD, "kitchen", "4.1.15 is old.", baselined=True),
)
REPORT = Report("audit", NOW, "1.2.3", (KITCHEN, GARAGE, ATTIC, CELLAR), FINDINGS, tuple(RULES.values()), True)
#: Nothing in it counts.
ACCEPTED = Report(
    "audit",
    NOW,
    "1.2.3",
    (KITCHEN, GARAGE),
    (
        Finding(OPEN, "garage", "GET /flows answers 200.", baselined=True),
        Finding(OPEN, "garage", "GET /settings answers 200.", detail="settings", baselined=True),
        Finding(OLD, "garage", "3.1.9 is old.", baselined=True),
        FINDINGS[3],
    ),
    tuple(RULES.values()),
    True,
)
SUPPRESSED = dataclasses.replace(ACCEPTED, findings=(FINDINGS[3],), compared=False)
EMPTY = Report("validate", NOW, "1.2.3", (), (), ())
FILES = Report(
    "validate",
    NOW,
    "1.2.3",
    (Subject("north/settings.js", Kind.FILE), Subject("/srv/s ü.js", Kind.FILE)),
    (
        Finding(OPEN, "north/settings.js", "No adminAuth.", Location("north/settings.js", 12)),
        Finding(OPEN, "/srv/s ü.js", "No adminAuth.", Location("/srv/s ü.js")),
    ),
    (OPEN,),
)


def nasty() -> Report:
    """A report in which every text that may come from elsewhere is NASTY."""
    subject = Subject(
        f"host {NASTY}",
        Kind.HOST,
        "",
        NASTY,
        NASTY,
        NASTY,
        dataclasses.replace(certificate(10), name=NASTY, issuer=NASTY),
    )
    failed = Subject(f"gone {NASTY}", Kind.HOST, NASTY)
    found = Finding(PLAIN, subject.name, NASTY, Location(NASTY, 3), NASTY)
    suppressed = dataclasses.replace(found, detail="2", suppression=Suppression(NASTY, datetime.date(2027, 1, 1)))
    return Report(
        "audit",
        NOW,
        "1.2.3",
        (subject, failed),
        (found, suppressed, dataclasses.replace(found, baselined=True)),
        tuple(RULES.values()),
    )


def large(hosts: int = 1000) -> Report:
    """Many hosts with ten findings each."""
    subjects = tuple(
        Subject(f"pi{number}", Kind.HOST, "", "192.168.0.5", "4.1.15", "20.19.2", certificate(number / 3 - 50))
        for number in range(hosts)
    )
    findings = tuple(
        Finding(
            list(RULES.values())[index % 4], subject.name, f"Found {index}.", Location(SETTINGS, index + 1), str(index)
        )
        for subject in subjects
        for index in range(10)
    )
    return Report("audit", NOW, "1.2.3", subjects, findings, tuple(RULES.values()))
