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
