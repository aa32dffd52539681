# Copyright (c) 2026, the pifleet.nodered maintainers
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Lists are edited entry by entry."""

from __future__ import annotations

import pytest
from settings_edits import USERS, after_set, edited, refusal

from ansible_collections.pifleet.nodered.plugins.plugin_utils._settings.document import SettingsDocument


def user(name: str, password: str = "new", permissions: str = "*") -> dict[str, str]:
    return {"username": name, "password": password, "permissions": permissions}


def test_lists_are_edited_in_place() -> None:
    source = "module.exports = {a: [1, /* two */ 2, 3, 4]}"
    assert after_set(source, "a", [1, 2, 4]) == "module.exports = {a: [1, /* two */ 2, 4]}"
    assert after_set(source, "a", [1, 5, 3, 4]) == "module.exports = {a: [1, /* two */ 5, 3, 4]}"
    assert after_set(source, "a", [1, 2, 9, 3, 4]) == "module.exports = {a: [1, /* two */ 2, 9, 3, 4]}"
    assert after_set(source, "a", [0, 1, 2, 3, 4]) == "module.exports = {a: [0, 1, /* two */ 2, 3, 4]}"
    assert after_set(source, "a", []) == "module.exports = {a: []}"
    assert after_set("module.exports = {a: [1,,2]}", "a", [1]) == "module.exports = {a: [1]}"


def test_entries_are_matched_by_key_and_keep_what_is_theirs() -> None:
    document = SettingsDocument(USERS.encode())
    document.set_by_key("adminAuth.users", "username", [user("carol", "y"), user("admin"), user("dave")])
    bob = USERS[USERS.index(", {\n            username: 'bob'") : USERS.index(",\n        // added later")]
    lines = ["", "{", "    username: 'dave',", "    password: 'new',", "    permissions: '*'", "}"]
    dave = "," + "\n        ".join(lines)
    wanted = (
        USERS.replace("'old'", "'new'")
        .replace(bob, "")
        .replace("['flows.read', 'nodes.read']\n        }", "'*'\n        }" + dave)
    )
    assert document.source.decode() == wanted
    assert document.get("adminAuth.users")[0]["token"] == "abc"
    before = document.source
    document.set_by_key("adminAuth.users", "username", [user("dave"), user("admin"), user("carol", "y")])
    assert document.source == before


def test_of_entries_with_the_same_key_the_last_stays() -> None:
    source = "module.exports = {u: [{k: 'a', v: 1}, {k: 'b'}, {k: 'a', v: 2}]}"
    assert edited(source, ("set_by_key", "u", "k", [{"k": "a"}])) == "module.exports = {u: [{k: 'a', v: 2}]}"


@pytest.mark.parametrize(
    ("users", "wanted"),
    [
        ("{k: 'a', x: 1}", "[{k: 'a', x: 1}, {k: 'b'}]"),
        ("[]", "[{\n    k: 'a'\n}, {\n    k: 'b'\n}]"),
        ("[{k: 'b', x: 1}]", "[{k: 'b', x: 1}, {k: 'a'}]"),
        ("[me, {k: 'b'}, {k: name}, {...z}]", "[{k: 'b'}, {k: 'a'}]"),
        ("f()", "[{\n    k: 'a'\n}, {\n    k: 'b'\n}]"),
        ("[...f()]", "[{\n    k: 'a'\n}, {\n    k: 'b'\n}]"),
        ("[{...z, k: 'b'}, {k: 'a'}]", "[{k: 'a'}, {k: 'b'}]"),
    ],
)
def test_every_shape_of_a_list_becomes_the_list(users: str, wanted: str) -> None:
    source = f"module.exports = {{u: {users}, q: 'x'}}"
    assert (
        edited(source, ("set_by_key", "u", "k", [{"k": "a"}, {"k": "b"}]))
        == f"module.exports = {{u: {wanted}, q: 'x'}}"
    )


def test_entries_need_distinct_keys() -> None:
    for items in ([{"k": "a"}, {"k": "a"}], [{"x": 1}], ["a"], [{"k": 1}]):
        refusal("module.exports = {}", ("set_by_key", "u", "k", items))
