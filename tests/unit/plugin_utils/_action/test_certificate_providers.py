# Copyright (c) 2026, the pifleet.nodered maintainers
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Why a certificate is due, and what is said of one that is not, as each provider has it."""

from __future__ import annotations

import pathlib
import time
import types
import typing as t

import pytest
from certbot_lineages import LINEAGE
from host_state import make_state
from pki_tools import CertificateFactory

from ansible_collections.pifleet.nodered.plugins.plugin_utils._action.certificate_providers import (
    FleetAuthority,
    Provider,
    SelfSigned,
    certificate_provider,
)
from ansible_collections.pifleet.nodered.plugins.plugin_utils._collection.argument_specs import argument_spec, validated
from ansible_collections.pifleet.nodered.plugins.plugin_utils._errors import UserError
from ansible_collections.pifleet.nodered.plugins.plugin_utils._pki import certificates
from ansible_collections.pifleet.nodered.plugins.plugin_utils._pki.authority import CertificateAuthority

SPEC = argument_spec("certificate")
ACTION = types.SimpleNamespace(
    task_vars={"inventory_hostname": "kitchen", "groups": {"all": ["kitchen"]}},
    remote_address="kitchen",
    is_here=False,
    certificates_of_others=dict,
)


def provider(kind: str, chain: bytes, action: t.Any = ACTION, acme: t.Any = None, **options: t.Any) -> Provider:
    given = validated(SPEC, {"provider": kind, **options})
    assert given is not None
    state = make_state(acme=acme, **{"certificate.chain": chain.decode(), "host.clock": int(time.time())})
    made = certificate_provider(action, given, t.cast("dict[str, t.Any]", state))
    assert made is not None
    return made


@pytest.fixture
def authority(tmp_path: pathlib.Path) -> CertificateAuthority:
    return CertificateAuthority.load_or_create(tmp_path)


def issued(authority: CertificateAuthority, factory: CertificateFactory, kind: str, folder: pathlib.Path) -> bytes:
    names = provider("ca", b"", ca_dir=str(folder)).names
    return certificates.issue(authority, factory.request(kind), names)


@pytest.mark.parametrize("kind", ["p384", "rsa2048"])
def test_a_key_of_any_type_stays_where_none_is_asked_for(
    kind: str, authority: CertificateAuthority, factory: CertificateFactory, tmp_path: pathlib.Path
) -> None:
    assert provider("ca", issued(authority, factory, kind, tmp_path), ca_dir=str(tmp_path)).reasons() == []


def test_a_type_that_is_asked_for_is_made(
    authority: CertificateAuthority, factory: CertificateFactory, tmp_path: pathlib.Path
) -> None:
    chain = issued(authority, factory, "p256", tmp_path)
    assert provider("ca", chain, ca_dir=str(tmp_path), key_type="ecdsa-p256").reasons() == []
    due = provider("ca", chain, ca_dir=str(tmp_path), key_type="rsa-2048").reasons()
    assert due == ["its key is of the type ecdsa-p256, not rsa-2048"]


@pytest.mark.parametrize(
    ("present", "asked", "sent"),
    [("rsa2048", None, "rsa-2048"), ("rsa2048", "ecdsa-p256", "ecdsa-p256"), ("p384", None, None), (None, None, None)],
)
def test_certbot_keeps_its_type(
    present: str | None, asked: str | None, sent: str | None, factory: CertificateFactory
) -> None:
    arguments: dict[str, t.Any] = {}

    def run_module(_module: str, options: dict[str, t.Any], _shape: object) -> dict[str, str]:
        asked.append(options)
        return {"transaction": "a"}

    action = types.SimpleNamespace(**vars(ACTION), run_module=run_module)
    chain = issued(authority, factory, "p256", tmp_path)
    made = provider("ca", chain, action, ca_dir=str(tmp_path), proxy=proxy)
    assert made.reasons() == []
    assert made.all_reasons() == (["it lies where nobody reads it any more"] if moves else [])
    if moves:
        assert made.path == "/etc/pifleet-nodered/nodered/server.pem"
        made.carry_out()
        assert [(each["operation"], each["proxy"]) for each in asked] == [("move", True)]


@pytest.mark.parametrize("kind", ["acme", "host", "none"])
def test_a_provider_that_nginx_has_nothing_from_is_refused(kind: str) -> None:
    with pytest.raises(UserError, match=f"nodered_certificate_provider {kind}"):
        provider(kind, b"", proxy="nginx")
