# Copyright (c) 2026, the pifleet.nodered maintainers
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Whatever a settings file of a host says, and whatever a person asks for: a sentence, and never a fault."""

from __future__ import annotations

import datetime
import json
import typing as t

from hypothesis import example, given, settings
from hypothesis import strategies as st
from settings_options import make_options

from ansible_collections.pifleet.nodered.plugins.plugin_utils._action.diff import settings_difference
from ansible_collections.pifleet.nodered.plugins.plugin_utils._errors import UserError
from ansible_collections.pifleet.nodered.plugins.plugin_utils._rules.settings import check_settings
from ansible_collections.pifleet.nodered.plugins.plugin_utils._settings.apply import apply_settings
from ansible_collections.pifleet.nodered.plugins.plugin_utils._settings.desired import DesiredSettings
from ansible_collections.pifleet.nodered.plugins.plugin_utils._settings.document import SettingsDocument

scalar = st.one_of(st.none(), st.booleans(), st.integers(-9, 70000), st.floats(), st.text(max_size=4), st.just("*"))
anything = st.recursive(
    scalar,
    lambda inner: st.one_of(
        st.lists(inner, max_size=3),
        st.dictionaries(
            st.sampled_from(
                ["username", "password", "permissions", "user", "pass", "path", "root", "type", "users", "x"]
            ),
            inner,
            max_size=4,
        ),
    ),
    max_leaves=8,
)
#: What Ansible lets through where a dictionary is wanted.
dictionary = anything.filter(lambda value: isinstance(value, dict))
#: Literals and code, as a host may have them.
source = st.one_of(
    anything.map(json.dumps),
    st.sampled_from(
        [
            "f()",
            "x",
            "() => 1",
            "{get users() { return [] }}",
            "[...a]",
            "{...b}",
            "`${c}`",
            "/r/",
            "1n",
            "-0",
            "{'': 1}",
        ]
    ),
)
KEYS = (
    "adminAuth",
    "httpNodeAuth",
    "httpStatic",
    "httpStaticAuth",
    "https",
    "uiPort",
    "credentialSecret",
    "httpAdminRoot",
)
file = st.dictionaries(st.sampled_from(KEYS), source, max_size=5).map(
    lambda members: "module.exports = {\n" + "".join(f"    {key}: {code},\n" for key, code in members.items()) + "}\n"
)
#: A whole administrator, so that most runs come to the edit.
ADMIN = [{"username": "admin", "password": "only-for-tests", "permissions": "*"}]


users = st.lists(dictionary, max_size=3).map(
    lambda entries: f"module.exports = {{adminAuth: {{type: 'credentials', users: {json.dumps(entries)}}}}}"
)


@settings(deadline=None, max_examples=500)
@example(
    "module.exports = {adminAuth: {type: 'credentials', users: [{username: ['a'], password: {}, permissions: [[1]]}]}}"
)
@given(st.one_of(file, users))
def test_any_settings_file_is_judged_edited_and_compared(content: str) -> None:
    try:
        check_settings(content.encode("utf-8"), "pi", "settings.js", datetime.date(2026, 11, 26))
        document = SettingsDocument(content.encode("utf-8"))
        desired = DesiredSettings.from_options(make_options(admin_users=ADMIN, https=True), "/home/pi/.node-red")
        apply_settings(desired, document, hashing=False)
        settings_difference("settings.js", content, document.source.decode("utf-8"))
    except UserError as error:
        assert str(error)


@settings(deadline=None, max_examples=300)
@given(st.data())
def test_any_wish_is_taken_or_refused(data: st.DataObject) -> None:
    options: dict[str, t.Any] = {
        "admin_users": data.draw(st.one_of(st.just(ADMIN), st.lists(dictionary, max_size=3))),
        "node_auth": data.draw(st.one_of(st.none(), dictionary)),
        "static": data.draw(st.one_of(st.none(), anything)),
        "static_auth": data.draw(st.one_of(st.none(), dictionary)),
        "admin_default_permissions": data.draw(st.one_of(st.none(), anything)),
        "values": data.draw(
            st.dictionaries(st.sampled_from([*KEYS, "a.b", "", "ui.path", "logging"]), anything, max_size=3)
        ),
        "expressions": data.draw(st.dictionaries(st.sampled_from(["a", "b.c", "uiPort"]), scalar, max_size=2)),
        "absent": data.draw(st.lists(st.sampled_from([*KEYS, "a.b", ""]), max_size=2)),
    }
    try:
        desired = DesiredSettings.from_options(make_options(**options), "/home/pi/.node-red")
        document = SettingsDocument(b"module.exports = {\n    uiPort: 1880,\n}\n")
        apply_settings(desired, document, hashing=False)
    except UserError as error:
        assert str(error)
