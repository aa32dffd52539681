# Copyright (c) 2026, the pifleet.nodered maintainers
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import pathlib
import typing as t

import pytest
import states

FILES = {
    "settings.js": "module.exports = {}",
    "nodered/transaction.json": '{"id": "20260102T030405Z-17", "sha": "' + "a" * 64 + '"}',
    "nodered/backups/20260102T030405Z-17/0-settings.js": "module.exports = {}",
    ".settings.js.pifleet-17": "half",
}


def made(root: pathlib.Path, files: dict[str, str]) -> states.State:
    for name, content in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content)
    return states.read({"/host": root}, {})


def test_names_of_a_run_do_not_count(tmp_path: pathlib.Path) -> None:
    one = made(tmp_path / "one", FILES)
    other = {
        name.replace("20260102T030405Z-17", "20270102T030405Z-9").replace("pifleet-17", "pifleet-9"): content.replace(
            "20260102T030405Z-17", "20270102T030405Z-9"
        ).replace("a" * 64, "b" * 64)
        for name, content in FILES.items()
    }
    other[".settings.js.pifleet-9"] = "more than half"
    assert states.digest(made(tmp_path / "other", other)) == states.digest(one)


@pytest.mark.parametrize("name", ["settings.js", "nodered/backups/20260102T030405Z-17/0-settings.js"])
def test_contents_count(tmp_path: pathlib.Path, name: str) -> None:
    one = made(tmp_path / "one", FILES)
    other = made(tmp_path / "other", {**FILES, name: "module.exports = {"})
    assert len(states.differences(one, other)) == 1


def test_modes_count(tmp_path: pathlib.Path) -> None:
    one = made(tmp_path, FILES)
    (tmp_path / "settings.js").chmod(0o600)
    assert states.differences(one, states.read({"/host": tmp_path}, {})) == ["/host/settings.js"]


def test_order_of_transactions_counts(tmp_path: pathlib.Path) -> None:
    names = ["nodered/backups/20260102T030405Z-17/a", "nodered/backups/20260102T030406Z-3/b"]
    one = made(tmp_path / "one", dict.fromkeys(names, ""))
    other = made(
        tmp_path / "other", dict.fromkeys([names[0].replace("-17/a", "-17/b"), names[1].replace("b", "a")], "")
    )
    assert states.digest(one) != states.digest(other)


def test_known_contents_have_words(tmp_path: pathlib.Path) -> None:
    made(tmp_path, FILES)
    known = states.contents({"/host": tmp_path / "nodered"}, "old")
    assert states.read({"/host": tmp_path}, known)["/host/settings.js"].endswith(" old 0-settings.js")


def test_names_of_the_programs_that_make_users_do_not_count(tmp_path: pathlib.Path) -> None:
    found = []
    for number, name in (("1", "tmpa1b2c3d4"), ("2", ".ansible_tmpa1b2c3d4nodered.service")):
        etc = tmp_path / number / "etc"
        etc.mkdir(parents=True)
        (etc / f"shadow.1{number}").write_text(number)
        (etc / name).write_text(number)
        found.append(states.read({"/etc": etc}, {}))
    assert found[0] == {"/etc/shadow.<process>": "temporary", "/etc/<process>": "temporary"}
    assert found[1] == {"/etc/shadow.<process>": "temporary", "/etc/<process>nodered.service": "temporary"}


@pytest.mark.parametrize(
    ("change", "counts"),
    [
        (lambda path: path.write_text("b"), "of contents"),
        (lambda path: path.write_text("bb"), "always"),
        (lambda path: path.chmod(0o600), "always"),
        (lambda path: path.rename(path.with_name("other.js")), "always"),
        (lambda path: path.unlink(), "always"),
    ],
)
def test_a_summary_of_what_is_large(tmp_path: pathlib.Path, change: t.Any, counts: str) -> None:
    path = tmp_path / "package" / "red.js"
    path.parent.mkdir()
    path.write_text("a")
    path.chmod(0o644)
    before = [states.summary(tmp_path, of_contents) for of_contents in (False, True)]
    change(path)
    assert (states.summary(tmp_path, False) != before[0]) == (counts == "always")
    assert states.summary(tmp_path, True) != before[1]


KEPT_IN = "/var/lib/pifleet-nodered/nodered"
LEFTOVERS = {
    f"{KEPT_IN}/.run.json.pifleet-<process>": "temporary",
    f"{KEPT_IN}/backups/<transaction 2>/refused-settings.js": "100000 600 0:0 0123456789abcdef",
}
SETTINGS_FILE = {"/home/pi/.node-red/settings.js": "100000 600 1000:1000 old settings.js"}


def test_what_is_kept_of_a_change_that_is_over_makes_no_other_state() -> None:
    assert states.without_leftovers({**SETTINGS_FILE, **LEFTOVERS}) == SETTINGS_FILE


def test_what_is_kept_of_an_open_change_does() -> None:
    opened = {**SETTINGS_FILE, f"{KEPT_IN}/transaction.json": "100000 600 0:0 fedcba9876543210"}
    whole = states.without_leftovers({**opened, **LEFTOVERS})
    assert whole == {
        **opened,
        f"{KEPT_IN}/backups/<transaction 2>/refused-settings.js": "100000 600 0:0 0123456789abcdef",
    }


def test_the_record_of_a_change_that_is_over_does_not_make_it_open() -> None:
    kept = {f"{KEPT_IN}/backups/<transaction 1>/transaction.json": "100000 600 0:0 0123456789abcdef"}
    assert states.without_leftovers({**SETTINGS_FILE, **kept}) == SETTINGS_FILE


def test_a_file_is_closed_where_nothing_but_rights_is_taken_away() -> None:
    old = {
        "closed": "100000 644 1:1 text",
        "opened": "100000 600 1:1 text",
        "written": "100000 644 1:1 text",
        "given away": "100000 644 1:1 text",
        "directory": "40000 755 1:1",
        "link": "link 1:1 here",
    }
    new = {
        "closed": "100000 600 1:1 text",
        "opened": "100000 644 1:1 text",
        "written": "100000 600 1:1 another",
        "given away": "100000 600 2:1 text",
        "directory": "40000 700 1:1",
        "link": "link 1:1 there",
    }
    assert states.closed(old, new) == {"closed", "directory"}
