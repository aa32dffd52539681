# Copyright (c) 2026, the pifleet.nodered maintainers
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What was written is taken out again, and every other byte is the owner's."""

from __future__ import annotations

import typing as t

import pytest
from settings_options import make_options

from ansible_collections.pifleet.nodered.plugins.plugin_utils._settings import origin
from ansible_collections.pifleet.nodered.plugins.plugin_utils._settings.apply import apply_settings
from ansible_collections.pifleet.nodered.plugins.plugin_utils._settings.desired import DesiredSettings
from ansible_collections.pifleet.nodered.plugins.plugin_utils._settings.document import SettingsDocument
from ansible_collections.pifleet.nodered.plugins.plugin_utils._settings.origin import Written

HASH = "$2b$08$abcdefghijklmnopqrstuuABCDEFGHIJKLMNOPQRSTUVWXYZ01232"
USERS = [{"username": "admin", "password_hash": HASH, "permissions": "*"}]
LOGIN = {"user": "fred", "password_hash": HASH}
#: Settings with comments around them, of which some are written and some are not.
FILES = {
    "plain": b"module.exports = {\n    // the port\n    uiPort: process.env.PORT || 1880,\n    flowFile: 'flows.json'\n}\n",
    "trailing comma": b"module.exports = {\n    uiPort: 1880, // mine\n    editorTheme: { projects: { enabled: false } },\n};\n",
    "windows": b"module.exports = {\r\n    uiPort: 1880,\r\n    ui: { path: 'ui' }\r\n}\r\n",
    "one line": b"module.exports = { uiPort: 1880 };\n",
    "own login": b"module.exports = {\n  adminAuth: {type: 'credentials', users: [{username: 'bob', password: '"
    + HASH.encode()
    + b"', permissions: '*'}], /* mine */ tokenHeader: 'x'},\n  https: null, // later\n};\n",
    "assigned": b"const s = {};\ns.uiPort = 1880;\nmodule.exports = s;\nmodule.exports.logging = {console: {level: 'info'}};\n",
}
OPTIONS: tuple[dict[str, t.Any], ...] = (
    {"admin_users": USERS, "https": True},
    {
        "admin_users": USERS,
        "https": True,
        "node_auth": LOGIN,
        "values": {"uiPort": 1881, "editorTheme.projects.enabled": True},
    },
    {"admin_users": USERS, "https": True, "session_expiry": 60, "values": {"editorTheme": {"page": {"title": "pi"}}}},
    {"admin_users": USERS, "https": False, "absent": ["httpNodeAuth"], "expressions": {"flowFile": "'a' + 'b'"}},
)


def edited(source: bytes, known: list[Written], **options: t.Any) -> tuple[bytes, list[Written]]:
    document = SettingsDocument(source)
    apply_settings(DesiredSettings.from_options(make_options(**options), "/home/pi/.node-red"), document)
    return document.source, origin.noted(known, document)


def put_back(source: bytes, known: list[Written]) -> tuple[bytes, origin.PutBack]:
    document = SettingsDocument(source)
    done = origin.put_back(document, known)
    return document.source, done


@pytest.mark.parametrize("name", FILES)
def test_several_edits_leave_nothing(name: str) -> None:
    source, known = FILES[name], t.cast("list[Written]", [])
    for options in OPTIONS:
        source, known = edited(source, known, **options)
    assert source != FILES[name]
    source, done = put_back(source, known)
    assert (done.edited, done.impossible) == ([], [])
    assert source == FILES[name]


def test_what_was_taken_away_is_there_again() -> None:
    source, known = edited(FILES["assigned"], [], absent=["logging"])
    assert b"logging" not in source
    source, done = put_back(source, known)
    assert [entry.name for entry in done.done] == ["logging"]
    assert SettingsDocument(source).get("logging") == {"console": {"level": "info"}}


def test_what_the_owner_has_edited_stays() -> None:
    source, known = edited(FILES["plain"], [], values={"uiPort": 1881, "uiHost": "127.0.0.1"})
    mine = source.replace(b"1881", b"1882").replace(b"// the port", b"// my port")
    source, done = put_back(mine, known)
    assert [entry.name for entry in done.edited] == ["uiPort"]
    assert source == FILES["plain"].replace(b"process.env.PORT || 1880", b"1882").replace(b"// the port", b"// my port")


def test_what_cannot_stand_elsewhere_is_told_of() -> None:
    before = b"module.exports = {\n    uiPort: 1,\n    adminMiddleware(request) { return request; },\n};\n"
    document = SettingsDocument(before)
    document.set("adminMiddleware", 5)
    known = origin.noted([], document)
    source, done = put_back(document.source, known)
    assert source == document.source
    assert [entry.name for entry, reason in done.impossible if reason] == ["adminMiddleware"]


def test_what_comes_from_elsewhere_comes_from_there_again() -> None:
    before = b"module.exports = {\n    ...require('./base'),\n    logging: null,\n};\n"
    source, known = edited(before, [], values={"uiPort": 1881})
    assert [(entry.path, entry.before) for entry in known] == [(("uiPort",), None)]
    after, done = put_back(source, known)
    assert (after, done.impossible) == (before, [])


def test_an_object_that_was_made_goes_as_a_whole() -> None:
    source, known = edited(FILES["plain"], [], values={"editorTheme.projects.enabled": True})
    assert [entry.path for entry in known] == [("editorTheme",)]
    source, known = edited(source, known, values={"editorTheme.page.title": "pi"})
    assert [entry.path for entry in known] == [("editorTheme",)]
    assert put_back(source, known)[0] == FILES["plain"]


def test_an_object_that_was_made_goes_when_it_is_empty() -> None:
    source, known = edited(FILES["plain"], [], node_auth=LOGIN)
    document = SettingsDocument(source)
    options = make_options(absent=["httpNodeAuth"])
    apply_settings(DesiredSettings.from_options(options, None), document)
    assert document.get("ui") == {}
    origin.drop_empty(document, known, [("ui",)])
    assert document.get("ui") == {}
    origin.drop_empty(document, known, [])
    assert document.source == FILES["plain"]


def test_only_what_nobody_asks_for_is_left() -> None:
    source, known = edited(FILES["plain"], [], values={"uiPort": 1881, "uiHost": "::", "editorTheme.page.title": "pi"})
    document = SettingsDocument(source)
    asked = [("uiPort",), ("editorTheme", "projects", "enabled")]
    assert [entry.name for entry in origin.left(known, document.settings, asked)] == ["uiHost"]


@pytest.mark.parametrize(
    ("options", "goes"),
    [
        ({"node_auth": LOGIN}, []),
        ({"static_auth": LOGIN}, []),
        ({"credential_secret": "only-for-tests"}, []),
        ({"https": True}, []),
        ({"static": {"path": "/srv/public"}}, ["httpStatic"]),
        ({"expressions": {"uiPort": "1 + 1"}}, ["uiPort"]),
    ],
)
def test_no_door_opens_because_nobody_asks_for_it(options: dict[str, t.Any], goes: list[str]) -> None:
    source, known = edited(FILES["plain"], [], **options)
    document = SettingsDocument(source)
    left = origin.left(known, document.settings, [])
    assert left
    assert [entry.name for entry in left if origin.may_go(entry, document)] == goes


def test_what_a_host_keeps_is_read_again() -> None:
    entry = Written(("ui", "path"), "'secret'", "0" * 64)
    assert Written.of(entry.as_data()) == entry
    assert "secret" not in repr(entry)
