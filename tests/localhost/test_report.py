# Copyright (c) 2026, the pifleet.nodered maintainers
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The module `report`: what it prints, writes and fails for. SARIF's own schema judges one file, Chromium and axe another."""

from __future__ import annotations

import datetime
import json
import os
import pathlib
import stat
import subprocess
import typing as t

import jsonschema
import pytest
from ad_hoc import PROJECT, Run, module, program
from npm_packages import npm_file
from playwright.sync_api import Browser, Page, sync_playwright

CHROMIUM = pathlib.Path("/usr/bin/chromium")
#: Where the pictures of the page stay.
PICTURES = PROJECT / ".build" / "report"
SIZES = {"phone": (390, 844), "tablet": (900, 1200), "desk": (1440, 900)}
#: The names of months on the time axis that run into each other.
OVERLAPPING = """
    [...document.querySelectorAll('.axis text')].filter((one, index, all) => all.slice(index + 1).some(other => {
        const [a, b] = [one.getBoundingClientRect(), other.getBoundingClientRect()]
        return a.left < b.right && b.left < a.right && a.top < b.bottom - 2 && b.top < a.bottom - 2
    })).map(one => one.textContent)
"""
NASTY = "</style></script><script>document.title = 'x'</script><img src=//192.0.2.1/x onerror=alert(1)> \x1b[31m \"' \u202e ü"


def day(days: int) -> str:
    return (datetime.date.today() + datetime.timedelta(days=days)).isoformat()


def result(name: str, *findings: dict[str, t.Any], days: int = 200, **more: t.Any) -> dict[str, t.Any]:
    """What an audit tells of a host whose certificate ends in so many days."""
    certificate = {
        "name": f"{name}.local",
        "issuer": "Node-RED fleet CA",
        "not_before": f"{day(-30)}T00:00:00Z",
        "not_after": f"{day(days)}T00:00:00Z",
    }
    subject = {
        "name": name,
        "address": "192.168.0.5",
        "node_red": "4.1.15",
        "node": "20.19.2",
        "certificate": certificate,
    }
    return {"subject": subject, "findings": [{"subject": name, **finding} for finding in findings], **more}


def found(rule: str, message: str = "It was found.", **more: t.Any) -> dict[str, t.Any]:
    return {"rule": rule, "message": message, **more}


def report(*results: dict[str, t.Any], options: t.Sequence[str] = (), **arguments: t.Any) -> Run:
    return module("report", *options, command="audit", results=list(results), **arguments)


@pytest.fixture(scope="session")
def rules() -> dict[str, str]:
    """All rules of the collection and their severities, as a report has them."""
    run = report(result("pi"), fail_severity="never", report_dir=str(PICTURES), formats=["json"])
    written = json.loads(pathlib.Path(run.result["paths"]["json"]).read_text("utf-8"))
    jsonschema.validate(written, json.loads((PROJECT / "docs/report.schema.json").read_text("utf-8")))
    return {rule["identifier"]: rule["severity"] for rule in written["rules"]}


@pytest.fixture(scope="session")
def one_of_each(rules: dict[str, str]) -> dict[str, str]:
    """A rule of each severity."""
    return {severity: rule for rule, severity in rules.items()}


# What it writes


def test_files(tmp_path: pathlib.Path, one_of_each: dict[str, str]) -> None:
    folder = tmp_path / "new" / "reports"
    arguments = {"report_dir": str(folder), "fail_severity": "never"}
    checked = report(result("pi", found(one_of_each["high"])), options=["--check"], **arguments)
    assert checked.result["changed"] is True
    assert not folder.parent.exists()
    former = os.umask(0o027)
    try:
        run = report(result("pi", found(one_of_each["high"])), **arguments)
    finally:
        os.umask(former)
    assert run.result["changed"] is True
    assert {name: pathlib.Path(path).name for name, path in run.result["paths"].items()} == {
        "json": "report.json",
        "sarif": "report.sarif",
        "junit": "report.xml",
        "html": "report.html",
    }
    assert sorted(path.name for path in folder.iterdir()) == [
        "report.html",
        "report.json",
        "report.sarif",
        "report.xml",
    ]
    assert {stat.S_IMODE(path.stat().st_mode) for path in folder.iterdir()} == {0o640}
    before, written = (
        json.loads((folder / "report.json").read_text("utf-8")),
        (folder / "report.json").stat().st_mtime_ns,
    )
    again = report(result("pi", found(one_of_each["high"])), **arguments)
    after = json.loads((folder / "report.json").read_text("utf-8"))
    assert again.result["changed"] is False
    assert (folder / "report.json").stat().st_mtime_ns > written
    assert after.pop("created") >= before.pop("created")
    assert after == before
    assert report(result("pi"), **arguments).result["changed"] is True


def test_formats(tmp_path: pathlib.Path, one_of_each: dict[str, str]) -> None:
    run = report(result("pi", found(one_of_each["low"])), report_dir=str(tmp_path), formats=["junit"])
    assert [path.name for path in tmp_path.iterdir()] == ["report.xml"]
    assert "1 low finding" not in run.output
    run = report(result("pi", found(one_of_each["low"])))
    assert run.result["paths"] == {}
    assert "1 low finding on 1 of 1 host." in run.output
    run = report(result("pi", *(found(one_of_each["low"], detail=str(number)) for number in range(14))))
    assert "  ... and 4 more, in a report with -e nodered_report_dir=reports\n" in run.output
    run = report(result("pi"), formats=["html"])
    assert run.failed
    assert "nodered_report_dir" in run.result["msg"]


def test_a_folder_that_cannot_be_made(tmp_path: pathlib.Path) -> None:
    (tmp_path / "file").write_text("", "utf-8")
    run = report(result("pi"), report_dir=str(tmp_path / "file" / "reports"))
    assert run.failed
    assert f"{tmp_path}/file/reports" in run.result["msg"]
    assert "cannot be" in run.result["msg"]


# What it prints and fails for


def test_the_terminal_gets_text(one_of_each: dict[str, str]) -> None:
    run = report(
        result("pi", found(one_of_each["critical"], NASTY)), {"subject": {"name": "gone", "error": "No route"}}
    )
    assert "1 critical finding on 1 of 1 host, 1 of 2 hosts not looked at." in run.output
    assert f"[{one_of_each['critical']}]" in run.output
    assert "  gone: No route\n" in run.output
    assert "\x1b" not in run.output
    assert run.result["msg"] == "1 finding of severity high or above, and 1 host could not be looked at."
    assert "findings" not in run.result


@pytest.mark.parametrize(
    ("severity", "least", "fails"),
    [
        ("critical", "critical", True),
        ("high", "critical", False),
        ("high", "high", True),
        ("medium", "high", False),
        ("low", "low", True),
        ("critical", "never", False),
    ],
)
def test_fail_severity(one_of_each: dict[str, str], severity: str, least: str, fails: bool) -> None:
    run = report(result("pi", found(one_of_each[severity])), fail_severity=least)
    assert run.failed is fails
    assert run.result["counts"][severity] == 1
    if not fails:
        assert [finding["rule"] for finding in run.result["findings"]] == [one_of_each[severity]]


def test_nothing_looked_at() -> None:
    assert report().result["msg"] == "Nothing was looked at: results is empty."
    assert not report(fail_severity="never").failed


def test_nobody_could_be_looked_at() -> None:
    """Which is no success, and least of all for who reads only the exit status."""
    off = [{"subject": {"name": name, "error": "No route"}} for name in ("pi1", "pi2")]
    run = report(*off, fail_severity="never")
    assert run.result["msg"] == "Nothing was looked at, because pi1, pi2 could not be."
    assert not report(result("pi"), off[0], fail_severity="never").failed


@pytest.mark.parametrize(
    ("item", "expected"),
    [
        ({"findings": []}, "Item 1 of results: its result is unusable: it has no subject."),
        ({"failed": True, "msg": "No interpreter."}, "Item 1 of results: No interpreter."),
        (result("pi", found("no-such-rule")), "pi: its result is unusable: A finding names the rule 'no-such-rule'"),
        ({"subject": {"name": "pi", "kind": "cloud"}}, "pi: its result is unusable: `kind` must be one of host, file"),
    ],
)
def test_wrong_results(item: dict[str, t.Any], expected: str) -> None:
    run = report(item, result("other"))
    assert run.failed
    assert run.result["msg"] == "1 host could not be looked at."
    assert expected in run.output


def test_wrong_suppressions() -> None:
    run = report(result("pi", suppressions=[{"rule": "x"}]))
    assert run.failed
    assert "Entry 1 of nodered_suppressions of pi has no reason" in run.result["msg"]


# What does not count


def test_suppressions(one_of_each: dict[str, str]) -> None:
    rule = one_of_each["high"]
    entry = {"rule": rule, "reason": "Until spring.", "until": day(9)}
    everywhere = report(result("pi", found(rule)), result("other", found(rule)), suppressions=[entry])
    assert not everywhere.failed
    assert everywhere.result["counts"]["suppressed"] == 2
    one = report(result("pi", found(rule), suppressions=[entry]), result("other", found(rule)), fail_severity="never")
    assert (one.result["counts"]["suppressed"], one.result["counts"]["high"]) == (1, 1)
    over = report(result("pi", found(rule)), suppressions=[{**entry, "until": day(-2)}], fail_severity="never")
    assert [finding["rule"] for finding in over.result["findings"]] == [rule, "suppression-expired"]
    unused = report(result("pi"), suppressions=[entry])
    assert [finding["rule"] for finding in unused.result["findings"]] == ["suppression-unused"]
    wrong = report(result("pi"), suppressions=[{**entry, "untill": day(9)}])
    assert (
        wrong.result["msg"] == "Entry 1 of nodered_suppressions has the key untill, which there is not. Is until meant?"
    )


PLAYBOOK = """\
- hosts: all
  gather_facts: false
  tasks:
    - ansible.builtin.set_fact:
        looked:
          subject: {name: "{{ inventory_hostname }}"}
          findings: [{rule: "{{ rule }}", subject: "{{ inventory_hostname }}", message: It was found.}]
          suppressions: "{{ nodered_suppressions | default([]) }}"
    - pifleet.nodered.report:
        command: audit
        results: "{{ ansible_play_hosts_all | map('extract', hostvars, 'looked') | list }}"
      run_once: true
"""


def test_each_host_of_an_inventory_has_its_own_suppressions(
    tmp_path: pathlib.Path, one_of_each: dict[str, str]
) -> None:
    """With a day as YAML has it, without quotes. ansible-playbook ends with 2."""
    (tmp_path / "fleet.ini").write_text("kitchen\ngarage\n", "utf-8")
    (tmp_path / "host_vars").mkdir()
    (tmp_path / "host_vars" / "kitchen.yml").write_text(
        f"nodered_suppressions:\n  - rule: {one_of_each['high']}\n    reason: In spring.\n    until: {day(9)}\n",
        "utf-8",
    )
    (tmp_path / "playbook.yml").write_text(PLAYBOOK, "utf-8")
    run = program(tmp_path, "ansible-playbook", "-i", "fleet.ini", "playbook.yml", "-e", f"rule={one_of_each['high']}")
    assert "1 high finding on 1 of 2 hosts.\nNot counted: 1 suppressed.\n\ngarage\n" in run.stdout
    assert run.returncode == 2, run.stdout


def test_baseline(tmp_path: pathlib.Path, one_of_each: dict[str, str]) -> None:
    path = tmp_path / "baseline.json"
    old, new = found(one_of_each["high"]), found(one_of_each["critical"])
    missing = report(result("pi", old), baseline=str(path))
    assert missing.result["msg"] == f"There is no baseline {path}. Write it once with nodered_baseline_write: true."
    assert (
        report(result("pi", old), options=["--check"], baseline=str(path), baseline_write=True).result["changed"]
        is True
    )
    assert not path.exists()
    written = report(result("pi", old), baseline=str(path), baseline_write=True)
    assert (written.failed, written.result["changed"], written.result["counts"]["baselined"]) == (False, True, 1)
    before = path.read_bytes()
    assert report(result("pi", old), baseline=str(path), baseline_write=True).result["changed"] is False
    assert path.read_bytes() == before
    assert not report(result("pi", old), baseline=str(path)).failed
    later = report(result("pi", old, new), baseline=str(path))
    assert later.result["msg"] == "1 finding of severity high or above."
    path.write_text("{", "utf-8")
    for write in (False, True):
        assert (
            f"The baseline {path} is no JSON"
            in report(result("pi"), baseline=str(path), baseline_write=write).result["msg"]
        )


# SARIF


def test_sarif_fits_its_schema(tmp_path: pathlib.Path, rules: dict[str, str]) -> None:
    """With every rule of the collection, on hosts and in files, suppressed, known and new."""
    schema = json.loads(npm_file("@microsoft/jest-sarif", "1.0.0-beta.0", "lib/schemas/sarif-2.1.0-rtm.5.json"))
    validator = jsonschema.validators.validator_for(schema)(schema)
    path, baseline = tmp_path / "report.sarif", tmp_path / "baseline.json"
    every = [found(rule, file="settings.js", line=3) for rule in rules]
    entry = {"rule": every[0]["rule"], "reason": NASTY, "until": day(9)}
    kinds = [
        result("pi", *every),
        result("s ü.js", found(every[0]["rule"], NASTY)),
        {"subject": {"name": "gone", "error": NASTY}},
    ]
    kinds[1]["subject"]["kind"] = "file"
    arguments: dict[str, t.Any] = {
        "report_dir": str(tmp_path),
        "formats": ["sarif"],
        "fail_severity": "never",
        "suppressions": [entry],
    }
    additions: tuple[dict[str, t.Any], ...] = ({}, {"baseline": str(baseline), "baseline_write": True})
    for added in additions:
        assert not report(*kinds, **arguments, **added).failed
        content = json.loads(path.read_text("utf-8"))
        validator.validate(content)
        assert len(content["runs"][0]["results"]) == len(every) + 1
    content["runs"][0]["results"][0]["level"] = "fatal"
    with pytest.raises(jsonschema.ValidationError):
        validator.validate(content)


# The page


@pytest.fixture(scope="module")
def page_file(tmp_path_factory: pytest.TempPathFactory, rules: dict[str, str]) -> pathlib.Path:
    """The page of a fleet that has everything, among it texts that would break a page."""
    folder = tmp_path_factory.mktemp("page")
    names = list(rules)
    fleet = [
        result(
            f"pi{number}",
            *(found(rule, file="/home/pi/.node-red/settings.js", line=number) for rule in names[:7]),
            days=number * 45 - 40,
        )
        for number in range(1, 9)
    ]
    fleet += [
        result(
            "a-host-with-a-name-of-more-than-sixty-characters-in-its-first-label-x.example.org",
            found(names[0], "x" * 300),
        ),
        result("nasty", found(names[0], NASTY, file=NASTY, detail=NASTY), found(names[1], "Accepted."), days=-10),
        {"subject": {"name": "gone", "error": NASTY}},
        result("good"),
    ]
    fleet.append(result("accepted", *(found(rule) for rule in names[2:12])))
    entry = {"rule": names[1], "host": "nasty", "reason": NASTY, "until": day(30)}
    accepted = [{"rule": rule, "host": "accepted", "reason": "In spring.", "until": day(30)} for rule in names[2:12]]
    run = report(
        *fleet, report_dir=str(folder), formats=["html"], fail_severity="never", suppressions=[entry, *accepted]
    )
    return pathlib.Path(run.result["paths"]["html"])


@pytest.fixture(scope="module")
def browser() -> t.Iterator[Browser]:
    if not CHROMIUM.exists():
        subprocess.run([PROJECT / "tests/hosts/install", "chromium"], check=True)
    with sync_playwright() as playwright:
        # Its sandbox does not start for root.
        started = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield started
        started.close()


def opened(
    browser: Browser, file: pathlib.Path, size: str, scheme: t.Literal["light", "dark"]
) -> tuple[Page, list[str]]:
    """The page, and what it asked for or complained of."""
    width, height = SIZES[size]
    page = browser.new_context(viewport={"width": width, "height": height}, color_scheme=scheme).new_page()
    heard: list[str] = []
    page.on("request", lambda request: heard.append(request.url) if not request.url.startswith("data:") else None)
    page.on("console", lambda message: heard.append(message.text))
    page.on("pageerror", lambda error: heard.append(str(error)))
    page.goto(file.as_uri())
    return page, heard


@pytest.mark.parametrize(
    ("size", "scheme"),
    [("phone", "light"), ("phone", "dark"), ("tablet", "light"), ("desk", "light"), ("desk", "dark")],
)
def test_page(browser: Browser, page_file: pathlib.Path, size: str, scheme: t.Literal["light", "dark"]) -> None:
    page, heard = opened(browser, page_file, size, scheme)
    PICTURES.mkdir(parents=True, exist_ok=True)
    page.screenshot(path=PICTURES / f"{size}-{scheme}.png", full_page=True)
    for unfolded in (False, True):
        if unfolded:
            page.evaluate("document.querySelectorAll('details').forEach(one => one.open = true)")
        assert page.evaluate("document.documentElement.scrollWidth") == SIZES[size][0]
        sticking_out = page.evaluate(
            "[...document.querySelectorAll('main *:not(svg *)')].filter(one => one.getBoundingClientRect().right > innerWidth)"
            ".map(one => one.outerHTML.slice(0, 200))"
        )
        assert sticking_out == []
        assert page.evaluate(OVERLAPPING) == []
        page.evaluate(npm_file("axe-core", "4.14.1", "axe.min.js"))
        graded = page.evaluate("axe.run({resultTypes: ['violations', 'incomplete']})")
        assert [(one["id"], [node["html"] for node in one["nodes"]][:3]) for one in graded["violations"]] == []
        assert "color-contrast" in {one["id"] for one in graded["passes"]}
    assert heard == [page_file.as_uri()]
    assert page.title().startswith("Audit: ")
    page.context.close()


def test_page_by_keyboard(browser: Browser, page_file: pathlib.Path) -> None:
    page, _heard = opened(browser, page_file, "desk", "light")
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.textContent") == "Skip to the findings"
    one = page.locator(".rule details").first
    assert not one.locator("ul").is_visible()
    one.locator("summary").focus()
    page.keyboard.press("Enter")
    assert one.locator("ul").is_visible()
    page.get_by_role("row", name="nasty").get_by_role("link").click()
    assert page.locator(":target").inner_text() == "nasty"
    page.locator(".subject", has=page.locator(":target")).locator("ul a").first.click()
    assert page.locator("section[aria-labelledby=findings] .rule", has=page.locator(":target")).count() == 1
    page.context.close()


def test_page_tells_each_thing_once(browser: Browser, rules: dict[str, str], tmp_path: pathlib.Path) -> None:
    names = list(rules)
    finding = found(names[0], "Only `this` is said, of nodered_hosts.", detail="of it")
    told = result("kitchen.local", finding, *(found(names[1], f"Number {number} of them.") for number in range(2)))
    told["subject"]["address"] = "kitchen.local"
    run = report(told, report_dir=str(tmp_path), formats=["html"], fail_severity="never")
    page, _heard = opened(browser, pathlib.Path(run.result["paths"]["html"]), "desk", "light")
    assert page.locator("body").inner_text().count("Only this is said, of nodered_hosts.") == 1
    assert page.locator(".what code").all_inner_texts() == ["this", "nodered_hosts", "of it"]
    assert "2 times" in page.locator(".subject").inner_text()
    name, versions = page.locator("table tbody th").inner_text().splitlines()
    assert name == "kitchen.local"
    assert versions.startswith("Node-RED")
    page.context.close()


def test_page_has_a_tick_only_where_nothing_is_left_to_do(
    browser: Browser, rules: dict[str, str], tmp_path: pathlib.Path
) -> None:
    marks = []
    gone = {"subject": {"name": "gone", "error": "No route"}}
    for fleet in ([result("pi")], [result("pi"), gone], [result("pi", found(next(iter(rules))))]):
        run = report(*fleet, report_dir=str(tmp_path), formats=["html"], fail_severity="never")
        page, _heard = opened(browser, pathlib.Path(run.result["paths"]["html"]), "desk", "light")
        marks.append(page.locator(".mark").get_attribute("d"))
        page.context.close()
    tick, *others = marks
    assert len(set(others)) == 1
    assert tick not in others


def test_page_of_a_host_about_which_nothing_counts(browser: Browser, page_file: pathlib.Path) -> None:
    page, _heard = opened(browser, page_file, "desk", "light")
    line = page.get_by_role("row", name="accepted").get_by_role("cell").first.inner_text()
    assert "suppressed" in line
    assert "nothing" not in line
    assert "nothing" in page.get_by_role("row", name="good").inner_text()
    page.context.close()


def test_page_on_paper(browser: Browser, page_file: pathlib.Path) -> None:
    page, _heard = opened(browser, page_file, "desk", "dark")
    page.emulate_media(media="print", color_scheme="light")
    box = page.locator(".rule details ul").first.bounding_box()
    assert box is not None
    assert box["height"] > 20
    assert not page.locator("nav").is_visible()
    page.context.close()


def test_page_runs_no_script_of_anybody(browser: Browser, page_file: pathlib.Path) -> None:
    page, heard = opened(browser, page_file, "desk", "light")
    page.evaluate(
        "document.body.append(Object.assign(document.createElement('script'), {textContent: 'document.title = 1'}))"
    )
    page.evaluate("document.body.insertAdjacentHTML('beforeend', '<img src=x onerror=\"document.title = 2\">')")
    # One refusal for each.
    for _attempt in range(300):
        if sum("Content Security Policy" in line for line in heard) >= 2:
            break
        page.wait_for_timeout(100)
    assert sum("Content Security Policy" in line for line in heard) >= 2
    assert page.title().startswith("Audit: ")
    page.context.close()
