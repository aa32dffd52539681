# Copyright (c) 2026, the pifleet.nodered maintainers
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the host is asked for when its service is restarted, and its owner logs in."""

from __future__ import annotations

import types
import typing as t

import pytest
from host_state import make_state

from ansible_collections.pifleet.nodered.plugins.action import restart as restart_module
from ansible_collections.pifleet.nodered.plugins.action.restart import ActionModule
from ansible_collections.pifleet.nodered.plugins.plugin_utils._service.drop_in import drop_in

OPTIONS: dict[str, t.Any] = {
    "service": "nodered",
    "user": None,
    "user_dir": None,
    "settings_path": None,
    "timeout": 180,
    "stable": 3,
    "watch_minutes": 10,
    "keep_states": 10,
    "https": True,
    "proxy": "none",
    "admin_auth": True,
    "node_users": [],
    "oidc": None,
    "revoke": [],
    "umask": "0077",
    "environment": {},
    "port": None,
    "settings_port": None,
}


class Restart(ActionModule):
    """One whose host proves everything."""

    def __init__(self) -> None:
        connection = types.SimpleNamespace(transport="ssh")
        play = types.SimpleNamespace(remote_addr="127.0.0.1")
        super().__init__(types.SimpleNamespace(check_mode=False), connection, play, None, None, None)
        self.asked: list[dict[str, t.Any]] = []

    def run_module(self, module: str, options: dict[str, t.Any], shape: type, seconds: float | None = None) -> t.Any:
        self.asked.append(options)
        proof = make_state()["proof"]
        return {"changed": True, "proof": proof, "transaction": "20260303T000000Z-1", "served": "0" * 64, "remarks": []}


@pytest.mark.parametrize("prove_login", [False, True])
def test_the_host_knows_whose_login_is_to_be_proved(monkeypatch: pytest.MonkeyPatch, prove_login: bool) -> None:
    """Also where the control node is to log in: it may be killed before."""
    monkeypatch.setattr(restart_module, "prove_login", lambda *_arguments: None)
    monkeypatch.setattr(restart_module, "desired_drop_in", lambda *_arguments: "")
    restart = Restart()
    users = [{"username": "admin", "password": "correct horse battery staple", "permissions": "*"}]
    options = {**OPTIONS, "admin_users": users, "prove_login": prove_login}
    restart._restarted(options, t.cast("t.Any", make_state()), "", "", ["changed"])
    asked = restart.asked[0]
    assert (asked["username"], asked["keep_open"], asked["watch_minutes"]) == ("admin", prove_login, 10)
    assert [each["operation"] for each in restart.asked[1:]] == (["commit"] if prove_login else [])


def test_a_difference_shows_what_becomes_of_the_service_and_of_the_rights_of_files() -> None:
    restart = Restart()
    restart._task.check_mode = True
    state = make_state(exposed=["/home/pi/.node-red", "/home/pi/.node-red/settings.js"])
    state["service"]["drop_in"] = "[Service]\nUMask=0022\nEnvironment=TOKEN=seven-only-for-tests\n"
    options = {**OPTIONS, "host_info": state, "admin_users": [], "force": False, "changed": False, "fingerprint": None}
    result = restart._carried_out(options, restart.state(options), [])
    service, drop_in = result["diff"]
    assert (
        "due: other users of the host may read /home/pi/.node-red, /home/pi/.node-red/settings.js" in service["before"]
    )
    assert drop_in["before_header"] == "/etc/systemd/system/nodered.service.d/50-pifleet.conf"
    assert "UMask=0022" in drop_in["before"]
    assert "UMask=0077" in drop_in["after"]
    assert "only-for-tests" not in str(result)


@pytest.mark.parametrize(
    ("content", "in_use", "port"),
    [
        (b"module.exports = {uiPort: 443}", True, 443),
        (b"module.exports = {}", True, 1880),
        (b"module.exports = {", True, None),
        # Another file counts.
        (b"module.exports = {}", None, None),
        (None, True, None),
    ],
)
def test_the_port_of_the_settings_of_a_host(content: bytes | None, in_use: bool | None, port: int | None) -> None:
    state: dict[str, t.Any] = {
        "settings": {"content": content, "in_use": in_use, "sha256": "of now"},
        "overrides": [],
        "proof": None,
    }
    assert restart_module._settings_port(state) == port
    proof = {"settings": "of before", "expected": {"port": 1882}}
    assert restart_module._settings_port({**state, "proof": proof}) == port


def test_the_port_that_was_proved_is_that_of_code() -> None:
    settings = {"content": b"module.exports = {uiPort: process.env.PORT || 1880}", "in_use": True, "sha256": "of now"}
    state: dict[str, t.Any] = {
        "settings": settings,
        "overrides": [],
        "proof": {"settings": "of now", "expected": {"port": 1882}},
    }
    assert restart_module._settings_port(state) == 1882
    assert restart_module._settings_port({**state, "proof": None}) is None


@pytest.mark.parametrize(("handed", "capability"), [(False, False), (True, True)])
def test_the_settings_are_looked_at_where_nothing_was_handed_on(handed: bool, capability: bool) -> None:
    """What was handed on may be older than they are; then nothing is taken away."""
    state = make_state(service__drop_in=drop_in("0077", 443), settings__content=b"module.exports = {}")
    restart = Restart()
    restart._task.check_mode = True
    restart.look = lambda *_arguments, **_options: state  # type: ignore[method-assign]
    options = {**OPTIONS, "host_info": state if handed else None, "admin_users": [], "fingerprint": None}
    shown = restart.execute({**options, "changed": False, "force": True})["diff"][1:]
    assert [each["after"] for each in shown] == ([] if capability else [drop_in("0077", None)])
