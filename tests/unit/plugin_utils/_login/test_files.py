# Copyright (c) 2026, the pifleet.nodered maintainers
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The code of the login page that is sent to a host."""

from __future__ import annotations

import json
import pathlib

from ansible_collections.pifleet.nodered.plugins.plugin_utils._login.files import login_files

GATE = pathlib.Path(__file__).parents[4] / "plugins/plugin_utils/_login/gate"


def test_all_of_it_is_sent_and_what_it_needs_comes_first() -> None:
    names = list(login_files(sign_on=True))
    assert {"login.js", "plugin/package.json", "plugin/plugin.js", "oidc/editor.js"} <= set(names)
    assert names == sorted(names, key=lambda name: (name.count("/"), name))
    assert all(content == (GATE / name).read_bytes() for name, content in login_files(sign_on=True).items())
    assert len(names) == len([path for path in GATE.rglob("*") if path.is_file()])


def test_single_sign_on_is_sent_only_where_it_is_asked_for() -> None:
    names = set(login_files())
    assert {"login.js", "plugin/plugin.js"} <= names
    assert {name for name in login_files(sign_on=True) if not name.startswith("oidc/")} == names


def test_the_licence_of_the_library_is_sent_with_it() -> None:
    names = login_files(sign_on=True)
    assert "MIT License" in names["oidc/oauth4webapi.LICENSE.md"].decode("utf-8")
    assert "oidc/oauth4webapi.mjs" in names


def test_all_of_it_is_text_that_a_host_can_take() -> None:
    """As JSON, where Node.js is to load it before it is there."""
    assert all(content.decode("utf-8").encode("utf-8") == content for content in login_files(sign_on=True).values())


def test_nothing_of_it_takes_the_place_of_data() -> None:
    written = {"login.json", "sessions.json", "oidc/authority.pem", "oidc/editor_sessions.json"}
    assert written.isdisjoint(login_files(sign_on=True))
    assert not {name for name in login_files(sign_on=True) if name.endswith(".json")} - {"plugin/package.json"}


def test_the_plugin_is_one_of_node_red() -> None:
    package = json.loads(login_files()["plugin/package.json"])
    (file,) = package["node-red"]["plugins"].values()
    assert f"plugin/{file}" in login_files()
