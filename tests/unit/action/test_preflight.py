# Copyright (c) 2026, the pifleet.nodered maintainers
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a run makes once must be there before the process of each host is forked; what another one has left comes first."""

from __future__ import annotations

import copy
import os
import subprocess
import sys
import types
import typing as t

import pytest
from ansible.parsing.dataloader import DataLoader
from ansible.template import Templar
from host_state import make_state
from single_sign_on import make_oidc

from ansible_collections.pifleet.nodered.plugins.action.preflight import ActionModule
from ansible_collections.pifleet.nodered.plugins.plugin_utils._collection.roles import ROLE_DEFAULTS
from ansible_collections.pifleet.nodered.plugins.plugin_utils._errors import UserError
from ansible_collections.pifleet.nodered.plugins.plugin_utils._pki.names import Names
from ansible_collections.pifleet.nodered.plugins.plugin_utils._settings.listening import Listening

PROGRAM = """
import bcrypt
from ansible_collections.pifleet.nodered.plugins.action import preflight
from ansible_collections.pifleet.nodered.plugins.module_utils._shared.host_state import HostState
from ansible_collections.pifleet.nodered.plugins.plugin_utils._accounts import passwords
from ansible_collections.pifleet.nodered.plugins.plugin_utils._action import answers
from ansible_collections.pifleet.nodered.plugins.plugin_utils._javascript import parser
from ansible_collections.pifleet.nodered.plugins.plugin_utils._settings.document import SettingsDocument
from host_state import make_state
from single_sign_on import make_oidc

computed = []
hashpw = bcrypt.hashpw
bcrypt.hashpw = lambda *arguments: computed.append(arguments) or hashpw(*arguments)
assert passwords.fits("secret", hashpw(b"secret", b"$2b$04$" + b"." * 22).decode())
assert len(computed) == 1
caches = (answers._hints, parser._language, parser._query)
before = [cache.cache_info().misses for cache in caches]
answers.checked(HostState, make_state(), "host_info")
SettingsDocument("module.exports = { /* é */ uiPort: 1880, a: { b: 'c' } }".encode()).set("a.b", "d")
assert all(before)
after = [cache.cache_info().misses for cache in caches]
assert after == before, (before, after)
"""


def test_nothing_that_all_hosts_need_is_left_to_the_process_of_one() -> None:
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    run = subprocess.run([sys.executable, "-c", PROGRAM], capture_output=True, text=True, check=False, env=environment)
    assert run.returncode == 0, run.stderr


class Preflight(ActionModule):
    """One on whose host a run was interrupted; what is due is not asked."""

    def __init__(self, check_mode: bool) -> None:
        play = types.SimpleNamespace(remote_addr="pi.local")
        connection = types.SimpleNamespace(transport="ssh")
        super().__init__(types.SimpleNamespace(check_mode=check_mode), connection, play, None, None, None)
        self.task_vars = {**copy.deepcopy(ROLE_DEFAULTS), "inventory_hostname": "pi"}
        self._templar = Templar(loader=DataLoader(), variables=self.task_vars)
        self.listening = Listening(None, None, None, None)
        self.transaction: t.Any = {"id": "20260102T030405Z-17"}
        #: What was done, in its order.
        self.done: list[str] = []
        self._display = types.SimpleNamespace(warning=self.done.append)

    def look(self, *_options: t.Any, **_named: t.Any) -> t.Any:
        self.done.append("look")
        return make_state(transaction=self.transaction)

    def run_module(self, module: str, options: dict[str, t.Any], shape: type, seconds: float | None = None) -> t.Any:
        self.done.append(f"{module} {options['operation']}")
        self.transaction = None
        return {"changed": True, "finished": False, "restored": ["/settings.js"], "displaced": {}}

    def _due(self, found: t.Any, *_options: t.Any) -> t.Any:
        self.done.append("compare" if found["transaction"] is None else "compare with what was left")
        return [], [], None, self.listening


def test_what_an_interrupted_run_has_left_is_undone_before_anything_is_compared() -> None:
    """Else a setting that nobody asks for any more would be kept, and restarted with."""
    preflight = Preflight(check_mode=False)
    assert preflight.execute({})["changed"] is True
    told = "pi: A former run was interrupted before it had proved its changes. They were undone before this one began."
    assert preflight.done == ["look", "host_restart undo", told, "look", "compare"]


def test_check_mode_undoes_nothing() -> None:
    preflight = Preflight(check_mode=True)
    assert preflight.execute({})["changed"] is False
    assert preflight.done == ["look", "compare with what was left"]


@pytest.mark.parametrize("names", [["kitchen.example.com"], []])
def test_a_failure_has_nothing_empty_beside_its_reason(monkeypatch: pytest.MonkeyPatch, names: list[str]) -> None:
    refused = Preflight(check_mode=True)
    refused.task_vars["nodered_certificate_names"] = names

    def refuse(*_options: t.Any) -> t.NoReturn:
        raise UserError("This host has no service nodered.service.")

    monkeypatch.setattr(refused, "_due", refuse)
    with pytest.raises(UserError) as caught:
        refused.execute({})
    assert caught.value.details.get("certificate", {}).get("asked", []) == names
    assert ("certificate" in caught.value.details) is bool(names)


@pytest.mark.parametrize(("host", "told"), [("0.0.0.0", True), ("::", False), (None, False)])
def test_a_host_that_people_reach_by_ipv6_alone_is_told_of(host: str | None, told: bool) -> None:
    preflight = Preflight(check_mode=True)
    preflight._play_context.remote_addr = "fd00::7"
    preflight.listening = Listening(host, 1880, True, "/")
    access = preflight.execute({})["access"]
    assert (access["ssh"], access["listening"]["host"], access["proxy"]) == ("fd00::7", host, None)
    assert any("answers by IPv4 alone" in each for each in preflight.done) is told


@pytest.mark.parametrize(
    ("url", "names", "told"),
    [
        ("https://kitchen.example.com:1880", Names(("kitchen.local",), ()), True),
        ("https://kitchen.example.com:1880", Names(("*.example.com",), ()), False),
        ("https://192.168.1.20:1880", Names(("kitchen.local",), ("192.168.1.20",)), False),
        ("https://[fd00::20]", Names((), ("192.168.1.20",)), True),
        # Another warning tells of what only the host claims.
        ("https://kitchen.lan", Names(("kitchen.local",), (), left_out=("kitchen.lan",)), False),
        ("", Names((), ()), False),
    ],
)
def test_single_sign_on_by_a_name_that_the_certificate_lacks(url: str, names: Names, told: bool) -> None:
    preflight = Preflight(check_mode=True)
    preflight._warn_of_url(url, names)
    assert len(preflight.done) == told
    assert all(warning.startswith(f"pi: nodered_oidc: url is {url}, but ") for warning in preflight.done)


@pytest.mark.parametrize(("where", "sign_on"), [("editor", "Keycloak"), ("dashboards", "")])
def test_the_provider_of_the_editor_is_told(where: str, sign_on: str) -> None:
    preflight = Preflight(check_mode=True)
    both = {"editor": None, "dashboards": None, where: [{"group": "family", "permissions": "*"}]}
    preflight.task_vars["nodered_oidc"] = make_oidc(**both)
    assert preflight.execute({})["access"]["sign_on"] == sign_on
