# Copyright (c) 2026, the pifleet.nodered maintainers
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Settings files of somebody's own: every byte that is not managed is still there, in its place."""

from __future__ import annotations

import difflib
import re

from scenario.fleet import SETTINGS, Fleet

ORIGINAL = "/root/original.js"
MANAGED = [
    "adminAuth",
    "httpNodeAuth",
    "https",
    "httpsRefreshInterval",
    "uiPort",
    "editorTheme",
    "httpRoot",
    "pifleetVerifyLogin",
    "webSocketNodeVerifyClient",
    "ui",
]

#: The lines that had to change, as they were and as they must be; None for one that had to go. `HASH` is the hash that
#: the file came with, in the prefix that it was written with.
CHANGED: dict[str, dict[str, str | None]] = {
    "aliased": {
        "    uiPort: process.env.PORT || 1880, // the port": "    uiPort: 1880, // the port",
        "    functionGlobalContext: { name } // no comma here": "    functionGlobalContext: { name }, // no comma here",
    },
    "crlf": {"    httpRoot: '/',\r": None},
    "hashed": {
        "      { username: 'admin', /* the boss */ password: '$2yHASH', permissions: '*' },": (
            "      { username: 'admin', /* the boss */ password: '$2bHASH', permissions: '*' }"
        ),
        "      { username: 'steve', password: '$2yHASH', permissions: 'read' }": None,
    },
    "of-root": {
        "    uiPort: process.env.PORT || 1880,": "    uiPort: 1880,",
        "    functionExternalModules: true": "    functionExternalModules: true,",
    },
    "tabs": {
        '\t\tpage: {\ttitle: "Kitchen" },': '\t\tpage: {\ttitle: "Pi of the tests" },',
        "\texportGlobalContextKeys: false": "\texportGlobalContextKeys: false,",
    },
}


def lines(fleet: Fleet, name: str, path: str) -> list[str]:
    return fleet.host(name).file(path).content.decode("utf-8").split("\n")


def keys(block: list[str]) -> set[str]:
    """The outermost keys of some lines of an object."""
    found = [re.match(r"""(\s*)["']?(\w+)["']?\s*:""", line) for line in block]
    depth = min(len(match[1]) for match in found if match)
    return {match[2] for match in found if match and len(match[1]) == depth}


def test_only_managed_keys_differ(fleet: Fleet, name: str) -> None:
    hash = "".join(re.findall(r"'\$2y(.{57})'", "\n".join(lines(fleet, name, ORIGINAL)))[:1]) or "none"
    changed = {
        before.replace("HASH", hash): after and after.replace("HASH", hash) for before, after in CHANGED[name].items()
    }
    original = lines(fleet, name, ORIGINAL)
    assert set(changed) <= set(original), "the test does not know the file"
    expected = [line for line in (changed.get(line, line) for line in original) if line is not None]
    edited = lines(fleet, name, SETTINGS)
    for what, start, end, first, last in difflib.SequenceMatcher(None, expected, edited, autojunk=False).get_opcodes():
        assert what in ("equal", "insert"), f"{expected[start:end]} became {edited[first:last]}"
        if what == "insert":
            assert keys(edited[first:last]) <= {*MANAGED, "page"}, edited[first:last]


def test_line_endings_are_of_one_kind(fleet: Fleet, name: str) -> None:
    content = fleet.host(name).file(SETTINGS).content
    assert content.count(b"\n") > 10
    assert content.count(b"\r") == (content.count(b"\n") if name == "crlf" else 0)
    assert content.count(b"\r\n") == content.count(b"\r")


def test_node_finds_the_same_beside_what_is_managed(fleet: Fleet, name: str) -> None:
    before, after = fleet.loaded(name, ORIGINAL), fleet.loaded(name)
    assert {key: value for key, value in before.items() if key not in MANAGED} == {
        key: value for key, value in after.items() if key not in MANAGED
    }
    before.get("editorTheme", {}).pop("page", None)
    assert after["editorTheme"].pop("page") == {"title": "Pi of the tests"}
    assert after["editorTheme"] == before.get("editorTheme", {})
    assert [user["username"] for user in after["adminAuth"]["users"]] == ["admin"]
    assert (after["httpNodeAuth"]["user"], after["uiPort"]) == ("fred", 1880)
    assert "httpRoot" not in after


def test_hash_is_kept(fleet: Fleet) -> None:
    """Node-RED's own hash of the same password stays, in the prefix that every Node-RED takes; and so does the session time."""
    before, after = (fleet.loaded("hashed", path)["adminAuth"] for path in (ORIGINAL, SETTINGS))
    assert before["users"][0]["password"].startswith("$2y$")
    assert after["users"][0]["password"] == "$2b$" + before["users"][0]["password"][4:]
    assert after["sessionExpiryTime"] == before["sessionExpiryTime"] == 86400


def test_owner_stays(fleet: Fleet, name: str) -> None:
    found = fleet.host(name).file(SETTINGS)
    expected = ("root", "pi", 0o640) if name == "of-root" else ("pi", "pi", 0o600)
    assert (found.user, found.group, found.mode) == expected


def test_node_red_runs_with_it(fleet: Fleet, name: str) -> None:
    assert fleet.here().request(fleet.url(name) + "/settings").status == 401
    assert fleet.here().login(fleet.url(name), "admin", fleet.password("admin")).status == 200
    assert fleet.here().request(fleet.url(name) + "/somewhere").headers["www-authenticate"].startswith("Basic")
