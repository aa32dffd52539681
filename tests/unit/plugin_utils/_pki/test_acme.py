# Copyright (c) 2026, the pifleet.nodered maintainers
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Certificates from ACME servers: what may be asked for, and when one is due."""

from __future__ import annotations

import dataclasses
import typing as t

import pytest
from certbot_lineages import CHAIN, DIRECTORY, HOOK, LINEAGE, NOW, pair
from cryptography.hazmat.primitives.asymmetric import rsa

from ansible_collections.pifleet.nodered.plugins.plugin_utils._pki import acme

DESIRED = acme.desired_lineage(["pi.example.org"], DIRECTORY)


def reasons(
    found: dict[str, t.Any] | None = None,
    installed: str | None = CHAIN,
    desired: t.Any = DESIRED,
    hook: t.Any = HOOK,
    **changes: t.Any,
) -> tuple[t.Any, ...]:
    return acme.reasons({**LINEAGE, **(found or {})}, installed, dataclasses.replace(desired, **changes), hook, NOW)


def test_nothing_to_do() -> None:
    assert reasons() == ([], [])


def test_no_lineage() -> None:
    assert acme.reasons(None, CHAIN, DESIRED, HOOK) == (["there is no certificate of an ACME server yet"], [])


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"names": ("pi.example.org", "other.example.org")}, "the DNS name other.example.org is missing"),
        ({"names": ("other.example.org",)}, "the DNS name pi.example.org is no longer wanted"),
        ({"directory": "https://other.example.org/"}, "it came from"),
        ({"challenge": "dns-rfc2136"}, "its renewal is proved with standalone and should be with dns-rfc2136"),
        ({"key_type": "rsa-2048"}, "its key is of the type ecdsa-p256, not rsa-2048"),
        ({"configuration": 'preferred-chain = "Root"'}, "certbot's other options were changed"),
        ({"credentials": "password = secret"}, "certbot's other options were changed"),
        ({"webroot": "/var/www"}, "certbot's other options were changed"),
    ],
)
def test_another_request(changes: dict[str, t.Any], reason: str) -> None:
    to_fetch, to_install = reasons(**changes)
    assert any(each.startswith(reason) for each in to_fetch)
    assert to_install == []


def test_an_address_for_mail_is_no_reason() -> None:
    assert reasons(email="operator@example.org") == ([], [])


def test_server_that_adds_names() -> None:
    """Else each run would fetch a new one, until the server refuses."""
    chain = pair("pi.example.org", "www.pi.example.org")[1].decode()
    assert reasons({"chain": chain}, chain) == ([], [])


@pytest.mark.parametrize("name", ["kitchen.local", "kitchen", "pi.home.arpa", "pi.lan"])
def test_a_private_name_and_a_public_authority(name: str) -> None:
    for directory in ("https://acme-v02.api.letsencrypt.org/directory", "https://dv.acme-v02.api.pki.goog/directory"):
        with pytest.raises(acme.AcmeError, match=f"No public authority signs {name}"):
            acme.desired_lineage(["pi.example.org", name], directory)
    # One of the owner's own signs what he likes.
    assert acme.desired_lineage([name], "https://ca.example.org/acme/acme/directory").names == (name,)
    assert acme.desired_lineage([name], "https://notletsencrypt.org/directory").names == (name,)


def test_rsa_size() -> None:
    chain = pair("pi.example.org", key=rsa.generate_private_key(65537, 2048))[1].decode()
    assert reasons({"chain": chain}, chain, key_type="rsa-2048") == ([], [])
    assert reasons({"chain": chain}, chain, key_type=None) == ([], [])
    assert reasons({"chain": chain}, chain, key_type="rsa-3072")[0] == ["its key is of the type rsa-2048, not rsa-3072"]


@pytest.mark.parametrize(
    ("start", "days", "reason"),
    [
        (-59, 90, None),
        (-75, 90, "certbot should have renewed it long ago: it expires on 2026-06-16"),
        (-91, 90, "it expired on 2026-05-31"),
        (-3, 6, None),
        (-5, 6, "certbot should have renewed it long ago: it expires on 2026-06-02"),
    ],
)
def test_certbot_has_failed_to_renew(start: int, days: int, reason: str | None) -> None:
    chain = pair("pi.example.org", start=start, days=days)[1].decode()
    assert reasons({"chain": chain}, chain) == ([reason] if reason else [], [])


@pytest.mark.parametrize(
    ("found", "reason"),
    [
        ({"key_matches": False}, "the private key that certbot has does not fit its certificate"),
        ({"chain": ""}, "the certificate that certbot has cannot be read"),
    ],
)
def test_damaged_lineage(found: dict[str, t.Any], reason: str) -> None:
    assert reasons(found)[0] == [reason]


@pytest.mark.parametrize("installed", [None, "", "no PEM", pair("pi.example.org")[1].decode()])
def test_service_has_another_certificate(installed: str | None) -> None:
    assert reasons(installed=installed) == ([], ["the service has not got the certificate that certbot has fetched"])


@pytest.mark.parametrize(
    ("found", "reason"),
    [
        ({"hook": ""}, "the hook that hands on renewals is missing"),
        ({"hook": "0" * 64}, "the hook that hands on renewals differs"),
        ({"timer": False}, "certbot's timer is not enabled"),
    ],
)
def test_renewals_would_not_arrive(found: dict[str, t.Any], reason: str) -> None:
    assert reasons(found) == ([], [reason])


# What may be asked for


@pytest.mark.parametrize(
    ("names", "changes", "sentence"),
    [
        ([], {}, "Name at least one"),
        (["192.0.2.1"], {}, "DNS names only"),
        (["pi.example.org", "192.0.2.1"], {}, "the address 192.0.2.1"),
        (["pi_1.example.org"], {}, "no underscore"),
        ("pi.example.org", {}, "must be a list"),
        (["pi.example.org"], {"directory": "http://example.org"}, "https://"),
        (["pi.example.org"], {"challenge": "manual"}, "none of standalone, webroot and dns-"),
        (["pi.example.org"], {"challenge": "dns-x; reboot"}, "none of standalone, webroot and dns-"),
        (["pi.example.org"], {"challenge": "webroot"}, "belong together"),
        (["pi.example.org"], {"webroot": "/var/www"}, "belong together"),
        (["*.example.org"], {}, "A wildcard such as *.example.org needs a dns- challenge"),
        (["pi.example.org"], {"credentials": "secret"}, "dns- challenge only"),
        (["pi.example.org"], {"email": 'a"\nserver = b'}, "The email has a space or a quote"),
        (["pi.example.org"], {"options": {"server": "x"}}, "set by this collection"),
        (["pi.example.org"], {"options": {"--cert_name": "x"}}, "set by this collection"),
        (["pi.example.org"], {"options": {"x = y\nz": "x"}}, "is not the name of an option"),
    ],
)
def test_refused_requests(names: list[str] | str, changes: dict[str, t.Any], sentence: str) -> None:
    with pytest.raises(acme.AcmeError) as caught:
        acme.desired_lineage(names, **{"directory": DIRECTORY, **changes})
    assert sentence in str(caught.value)


@pytest.mark.parametrize("value", ["two\nlines", 'a "quote"', " space", ["a"], ""])
def test_refused_values_are_not_shown(value: str | list[str]) -> None:
    with pytest.raises(acme.AcmeError) as caught:
        acme.configuration({"eab-hmac-key": value})
    assert (
        str(caught.value)
        == "The value of certbot's option eab-hmac-key must be one line of text without double quotes."
    )


def test_names_are_normalized() -> None:
    desired = acme.desired_lineage(["Pi.Example.ORG.", "bücher.example"], DIRECTORY, "dns-rfc2136", credentials="a = b")
    assert desired.names == ("pi.example.org", "xn--bcher-kva.example")


def test_configuration() -> None:
    options = {
        "eab-kid": "kid # 1",
        "--preferred_chain": "Root X1",
        "must-staple": True,
        "dns-rfc2136-propagation-seconds": 9,
        "reuse-key": False,
    }
    assert acme.configuration(options) == (
        'preferred-chain = "Root X1"\ndns-rfc2136-propagation-seconds = "9"\neab-kid = "kid # 1"\nmust-staple = "true"'
    )


def test_arguments_of_the_module() -> None:
    assert DESIRED.arguments == {
        "names": ["pi.example.org"],
        "directory": DIRECTORY,
        "challenge": "standalone",
    }


def test_secrets_are_not_in_its_representation() -> None:
    assert "hidden" not in repr(
        acme.desired_lineage(["a.example"], DIRECTORY, "dns-x", credentials="hidden", options={"eab-kid": "hidden"})
    )
