# Copyright (c) 2026, the pifleet.nodered maintainers
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Why the site of nginx has to change, from the state of a host."""

from __future__ import annotations

import pathlib
import typing as t

import pytest
from host_state import make_state
from pki_tools import CertificateFactory

from ansible_collections.pifleet.nodered.plugins.plugin_utils._action.proxy_change import ProxyChange, desired_proxy
from ansible_collections.pifleet.nodered.plugins.plugin_utils._collection.argument_specs import argument_spec, validated
from ansible_collections.pifleet.nodered.plugins.plugin_utils._errors import UserError

NGINX: dict[str, t.Any] = {
    "version": "1.26.3",
    "active": True,
    "enabled": True,
    "site": None,
    "authorities": "",
    "ipv6": True,
    "listeners": [],
    "direct": None,
    "complaints": [],
}
OTHER = {"path": "/garage", "url": "https://192.168.1.21:1880", "name": "garage.local"}


def options(**given: t.Any) -> dict[str, t.Any]:
    made = validated(argument_spec("proxy"), {"proxy": "nginx", **given})
    assert made is not None
    return made


@pytest.fixture(scope="module")
def chain(factory: CertificateFactory) -> str:
    return factory.self_signed("p256", "-addext", "subjectAltName=DNS:kitchen.local", subject="/CN=kitchen").decode()


def change(chain: str, nginx: dict[str, t.Any] | None = None, **given: t.Any) -> ProxyChange:
    proof_port = given.pop("proved", 1880)
    state = make_state(
        proxy={**NGINX, **(nginx or {})}, certificate__chain=chain, **{"proof.expected.port": proof_port}
    )
    return ProxyChange(options(**given), state)


def test_nothing_is_due_where_the_site_is_there(chain: str) -> None:
    first = change(chain)
    assert first.reasons == ["nginx has no site for Node-RED"]
    assert "server_name kitchen.local;" in first.after
    assert change(chain, {"site": first.after}).reasons == []


@pytest.mark.parametrize(
    ("nginx", "reason"),
    [
        ({"site": "another"}, "the site of nginx differs"),
        ({"active": False}, "nginx does not run"),
        ({"enabled": False}, "nginx does not start with the host"),
        ({"authorities": "former"}, "the authorities of other hosts differ"),
    ],
)
def test_what_differs_is_due(chain: str, nginx: dict[str, t.Any], reason: str) -> None:
    assert change(chain, {"site": change(chain).after, **nginx}).reasons == [reason]


def test_nginx_has_to_be_installed_first(chain: str) -> None:
    found = change(chain, {"version": None, "active": False})
    assert found.reasons == ["nginx is not installed"]
    assert found.after == ""


def test_a_site_that_nobody_asks_for_goes(chain: str) -> None:
    found = change(chain, {"site": "a site"}, proxy="none")
    assert (found.before, found.after) == ("a site", "")
    assert len(found.reasons) == 1
    assert ProxyChange(options(proxy="none"), make_state()).reasons == []


def test_another_program_on_a_port_is_named(chain: str) -> None:
    listeners = [{"address": "0.0.0.0", "port": 443, "program": "apache2"}]
    with pytest.raises(UserError, match="apache2 on port 443"):
        change(chain, {"listeners": listeners})


@pytest.mark.parametrize(
    ("given", "port"),
    [
        ({}, 1880),
        ({"proved": 1881}, 1881),
        ({"port": 1882, "proved": 1881}, 1882),
        ({"settings_port": 1883, "proved": 443}, 1883),
    ],
)
def test_where_node_red_listens(chain: str, given: dict[str, t.Any], port: int) -> None:
    assert f"proxy_pass http://127.0.0.1:{port};" in change(chain, **given).after


@pytest.mark.parametrize(
    ("settings", "port"),
    [
        (b"module.exports = {uiPort: 1890}", 1890),
        (b"module.exports = {uiPort: process.env.PORT || 1891}", 1891),
        (b"module.exports = {uiPort: code()}", 1880),
        (b"module.exports = {", 1880),
        (None, 1880),
    ],
)
def test_where_a_node_red_listens_that_was_never_proved(chain: str, settings: bytes | None, port: int) -> None:
    state: t.Any = make_state(proxy=NGINX, certificate__chain=chain, proof=None)
    state["settings"]["content"] = settings
    assert f"127.0.0.1:{port};" in ProxyChange(options(), state).after


@pytest.mark.parametrize("given", [{"port": 443}, {"proved": 80}])
def test_a_port_that_both_would_have(chain: str, given: dict[str, t.Any]) -> None:
    with pytest.raises(UserError, match="uiPort of Node-RED is .*, which nginx is to have"):
        change(chain, **given)


def test_the_authority_of_other_hosts(chain: str, tmp_path: pathlib.Path) -> None:
    with pytest.raises(UserError, match=r"nodered_proxy_others: there is no .*ca\.pem"):
        change(chain, others=[OTHER], ca_dir=str(tmp_path))
    (tmp_path / "ca.pem").write_text("the authority\n", "ascii")
    assert change(chain, others=[OTHER], ca_dir=str(tmp_path)).authorities == "the authority\n"
    assert change(chain, others=[OTHER], ca_certificate=" of a vault ").authorities == "of a vault\n"


def test_without_a_certificate_the_names_are_those_that_it_will_have() -> None:
    assert change("").after == ""
    assert "server_name new.local;" in change("", certificate_names=["new.local"]).after


def test_a_provider_that_does_not_work_is_refused() -> None:
    with pytest.raises(UserError, match="nodered_certificate_provider none"):
        desired_proxy(options(provider="none"))
