# Copyright (c) 2026, the pifleet.nodered maintainers
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What an edit of the settings of a service leads to beside the file."""

from __future__ import annotations

import json
import types
import typing as t

import pytest
from host_state import make_state
from settings_options import make_options

from ansible_collections.pifleet.nodered.plugins.module_utils._shared.checksum import checksum
from ansible_collections.pifleet.nodered.plugins.plugin_utils._action.settings_change import (
    ServiceSettings,
    SettingsChange,
    _managed,
)

OPTIONS = {**make_options(admin_auth="keep"), "validate": True}
#: What a host keeps of a port that was written where there was none.
WRITTEN = {"path": ["uiPort"], "before": None, "now": checksum(b"443")}


def edited(content: bytes, **options: t.Any) -> SettingsChange:
    """The edit of a file whose port this collection has written, whoever has edited it since."""
    state: dict[str, t.Any] = {**make_state(settings__content=content)}
    state["settings"] = {**state["settings"], "content": content}
    state["origin"] = {"written": [WRITTEN]}
    state["overrides"] = options.pop("overrides", [])
    state["proof"] = options.pop("proof", None)
    action = types.SimpleNamespace(task_vars={"inventory_hostname": "kitchen"}, state=lambda *_arguments: state)
    given = {**OPTIONS, **options}
    return SettingsChange(ServiceSettings(t.cast("t.Any", action), given), given)


@pytest.mark.parametrize(
    ("options", "port"),
    [
        ({}, 443),
        ({"purge": True}, 1880),
        ({"absent": ["uiPort"]}, 1880),
        ({"values": {"uiPort": 8443}}, 8443),
        ({"expressions": {"uiPort": "process.env.PORT"}}, None),
        ({"purge": True, "overrides": [{"path": ["uiPort"], "by": "--port"}]}, None),
    ],
)
def test_the_port_is_that_of_the_edited_file(options: dict[str, t.Any], port: int | None) -> None:
    content = b"module.exports = {adminAuth: {type: 'credentials', users: []}, uiPort: 443}"
    assert edited(content, **options).listening.port == port


CODE = b"module.exports = {adminAuth: {type: 'credentials', users: []}, uiPort: process.env.PORT || 1880, https: tls()}"


@pytest.mark.parametrize(
    ("proved", "options", "expected"),
    [
        (CODE, {}, ("0.0.0.0", 1881, True, "/")),
        # Another file was proved, or this one is to be another.
        (b"", {}, ("0.0.0.0", None, None, "/")),
        (CODE, {"values": {"uiHost": "::"}}, ("::", None, None, "/")),
    ],
)
def test_what_code_gives_was_proved(proved: bytes, options: dict[str, t.Any], expected: tuple[t.Any, ...]) -> None:
    answers = {"port": 1881, "tls": True, "admin_root": "/editor"}
    proof = {"settings": checksum(proved), "expected": answers}
    assert edited(CODE, proof=proof, **options).listening == expected


@pytest.mark.parametrize(
    ("code", "managed"),
    [
        ("10n", []),
        ("{a: 1, b: 10n}", [{"path": ["my"], "value": {"a": 1}}]),
        ("{a: [1, {b: 10n, c: 2}]}", [{"path": ["my"], "value": {"a": [1, {"c": 2}]}}]),
        ("{a: [Infinity], b: [[circle()]], c: 3}", [{"path": ["my"], "value": {"c": 3}}]),
        ("[10n]", [{"path": ["my"], "type": "object"}]),
        ("[[circle()]]", [{"path": ["my"], "type": "object"}]),
    ],
)
def test_what_a_host_is_to_find_has_no_code_in_it(code: str, managed: list[dict[str, t.Any]]) -> None:
    change = edited(CODE, expressions={"my": code})
    sent = json.loads(json.dumps(_managed(change._document, change._desired)))
    assert [each for each in sent if each["path"] == ["my"]] == managed
