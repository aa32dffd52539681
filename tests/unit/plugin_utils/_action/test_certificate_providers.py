# Copyright (c) 2026, the pifleet.nodered maintainers
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Why a certificate is due, and what is said of one that is not, as each provider has it."""

from __future__ import annotations

import pathlib
import subprocess
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
from ansible_collections.pifleet.nodered.plugins.plugin_utils._pki.names import PkiError

SPEC = argument_spec("certificate")
ACTION = types.SimpleNamespace(
    task_vars={"inventory_hostname": "kitchen", "groups": {"all": ["kitchen"]}},
    remote_address="kitchen",
    is_here=False,
    certificates_of_others=dict,
)


def options(**given: t.Any) -> dict[str, t.Any]:
    options = validated(SPEC, {"provider": "ca", **given})
    assert options is not None
    return options


def provider(kind: str, chain: bytes, action: t.Any = ACTION, acme: t.Any = None, **more: t.Any) -> Provider:
    given = options(**{"provider": kind, **more})
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
    action = types.SimpleNamespace(
        **vars(ACTION), run_module=lambda _module, options, _shape: arguments.update(options) or {}
    )
    chain = factory.self_signed(present).decode() if present else ""
    lineage = {**LINEAGE, "chain": chain, "names": ["pi.example.org"]} if present else None
    made = provider("acme", b"", action, lineage, names=["pi.example.org"], **({"key_type": asked} if asked else {}))
    made.reasons()
    made.install()
    assert arguments.get("key_type") == sent


def test_the_advice_on_a_weak_key_works(factory: CertificateFactory) -> None:
    """What the rule certificate-weak-key says: set the variable, and run `secure`."""
    weak = factory.self_signed("rsa1024", "-days", "90", "-addext", "subjectAltName=DNS:kitchen,DNS:kitchen.local")
    asked = provider("selfsigned", weak, key_type="ecdsa-p256")
    assert isinstance(asked, SelfSigned)
    assert "its key is of the type rsa-1024, not ecdsa-p256" in asked.reasons()
    assert asked.options["new_key"] is False


def test_a_key_that_others_may_read_is_told(authority: CertificateAuthority, tmp_path: pathlib.Path) -> None:
    (tmp_path / "ca.key").chmod(0o644)
    (warning,) = provider("ca", b"", ca_dir=str(tmp_path)).warnings
    assert f"chmod 600 {tmp_path / 'ca.key'}" in warning


def test_an_authority_with_another_key_is_told(authority: CertificateAuthority, tmp_path: pathlib.Path) -> None:
    said = provider("ca", b"", ca_dir=str(tmp_path), ca_key_type="rsa-2048")
    assert isinstance(said, FleetAuthority)
    (warning,) = said.warnings
    assert "ecdsa-p256, although nodered_ca_key_type says rsa-2048" in warning
    assert "nodered_rotate=authority" in warning
    for asked in ({}, {"ca_key_type": "ecdsa-p256"}):
        assert provider("ca", b"", ca_dir=str(tmp_path), **asked).warnings == []


def test_a_name_that_the_authority_may_not_sign_is_refused_beforehand(tmp_path: pathlib.Path) -> None:
    CertificateAuthority.load_or_create(tmp_path, permitted=["local"])
    with pytest.raises(PkiError, match=r"but not for kitchen\.example\.com: .*nodered_rotate=authority"):
        provider("ca", b"", ca_dir=str(tmp_path), names=["kitchen.example.com"])
    with pytest.raises(PkiError, match=r"but not for kitchen\.example\.com"):
        FleetAuthority.check_options(options(ca_dir=str(tmp_path), names=["kitchen.example.com"]))
    FleetAuthority.check_options(options(ca_dir=str(tmp_path), names=["kitchen.local"]))


def test_no_name_is_proposed_that_the_authority_may_not_sign(tmp_path: pathlib.Path) -> None:
    CertificateAuthority.load_or_create(tmp_path, permitted=["local"])

    def warning_for(hostname: str) -> str:
        state = make_state(**{"host.hostname": hostname, "host.fqdn": hostname, "host.clock": int(time.time())})
        made = certificate_provider(ACTION, options(ca_dir=str(tmp_path)), t.cast("dict[str, t.Any]", state))
        assert made is not None
        told = made.warnings_when_due(None, None)
        return next(warning for warning in told if warning.startswith("Left out of the certificate"))

    assert "nodered_certificate_names: [garage.local]" in warning_for("garage")
    assert "nodered_certificate_names" not in warning_for("bank.example.com")
    assert warning_for("bank.example.com").endswith("signs none of them either: there is nothing to add.")


def test_what_needs_no_signature_needs_no_authority(
    authority: CertificateAuthority, factory: CertificateFactory, tmp_path: pathlib.Path
) -> None:
    chain = issued(authority, factory, "p256", tmp_path)
    spared = provider("ca", chain, ca_dir=str(tmp_path / "gone"))
    assert spared.reasons() == []
    (warning,) = spared.warnings
    assert f"{tmp_path / 'gone'} holds no certificate authority" in warning
    assert "needs none until 30 days before 20" in warning


@pytest.mark.parametrize(
    ("asked", "due"),
    [
        ({"renew_before": 20}, "it expires in 19 days"),
        ({"names": ["attic.local"]}, "the DNS name attic.local is missing"),
        ({"new_key": True}, "a new key was asked for"),
    ],
)
def test_what_needs_a_signature_is_refused_without_authority(
    asked: dict[str, t.Any],
    due: str,
    authority: CertificateAuthority,
    factory: CertificateFactory,
    tmp_path: pathlib.Path,
) -> None:
    names = provider("ca", b"", ca_dir=str(tmp_path)).names
    # In its last 20 days, where something else is asked for: no reason to renew it then.
    chain = certificates.issue(authority, factory.request("p256"), names, 20)
    asked = {"renew_before": 0, **asked}
    with pytest.raises(UserError, match=rf"needed now \({due}.*Restore that directory"):
        provider("ca", chain, ca_dir=str(tmp_path / "gone"), **asked)
    # A new one is made where that is asked for.
    assert provider("ca", chain, ca_dir=str(tmp_path / "gone"), ca_new=True, **asked).reasons()


@pytest.mark.parametrize(("proxy", "moves"), [("none", False), ("nginx", True)])
def test_a_good_certificate_moves_to_who_reads_it(
    proxy: str, moves: bool, authority: CertificateAuthority, factory: CertificateFactory, tmp_path: pathlib.Path
) -> None:
    """It stays the same, so that browsers need not trust another one."""
    asked: list[dict[str, t.Any]] = []

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


def at(kind: str, days: float) -> Provider:
    """The provider for a host whose clock is so many days from here."""
    state = make_state(**{"host.clock": int(time.time() + days * 86400)})
    made = certificate_provider(ACTION, options(provider=kind), t.cast("dict[str, t.Any]", state))
    assert made is not None
    return made


@pytest.mark.parametrize(("days", "told"), [(-3650, "3650 days behind that"), (365, "365 days ahead of that")])
def test_a_clock_that_is_days_away_matters_to_who_signs_by_it(days: float, told: str) -> None:
    warnings = at("ca", days).warnings
    assert [told in warning for warning in warnings if "clock" in warning] == [True]
    with pytest.raises(UserError, match=f"{told}.*The dates of its certificate would be wrong"):
        at("selfsigned", days)


@pytest.mark.parametrize("days", [-0.4, 0, 0.4])
def test_a_clock_that_is_hours_away_matters_to_nobody(days: float) -> None:
    for kind in ("ca", "selfsigned"):
        assert not [warning for warning in at(kind, days).warnings if "clock" in warning]


def test_nginx_without_a_certificate_is_refused() -> None:
    with pytest.raises(UserError, match="nodered_certificate_provider none"):
        provider("none", b"", proxy="nginx")


ACME = {"names": ["pi.example.org"], "acme_directory": "https://acme.example.test/dir", "proxy": "nginx"}


def asked_of_certbot(site: str | None, **options: t.Any) -> dict[str, t.Any]:
    """What the host is asked for, with this site in its nginx."""
    asked: list[dict[str, t.Any]] = []
    action = types.SimpleNamespace(**vars(ACTION), run_module=lambda _name, arguments, _shape: asked.append(arguments))
    given = validated(SPEC, {"provider": "acme", **ACME, **options})
    proxy = {"site": site, "ipv6": False} if given and given["proxy"] == "nginx" else None
    state = make_state(**{"certificate.chain": "", "host.clock": int(time.time())})
    made = certificate_provider(action, given or {}, t.cast("dict[str, t.Any]", {**state, "proxy": proxy}))
    assert made is not None
    made.reasons()
    made.install()
    return asked[0]


def test_nginx_answers_the_acme_server() -> None:
    asked = asked_of_certbot(None)
    assert (asked["challenge"], asked["webroot"]) == ("webroot", "/var/lib/letsencrypt/pifleet-nodered")
    assert asked["proxy"] is True
    assert "listen 80;" in asked["site"]
    assert "server_name pi.example.org;" in asked["site"]
    assert "root /var/lib/letsencrypt/pifleet-nodered;" in asked["site"]


@pytest.mark.parametrize(
    ("options", "challenge"),
    [
        ({"proxy_ports": {"http": 0}}, ("standalone", None)),
        ({"proxy_ports": {"http": 0}, "acme_challenge": "webroot", "acme_webroot": "/srv"}, ("webroot", "/srv")),
        ({"acme_challenge": "dns-rfc2136", "acme_credentials": "a = b"}, ("dns-rfc2136", None)),
        ({"proxy": "none"}, ("standalone", None)),
    ],
)
def test_where_nginx_is_not_asked_its_site_stays(options: dict[str, t.Any], challenge: tuple[str, str | None]) -> None:
    asked = asked_of_certbot(None, **options)
    assert (asked["challenge"], asked.get("webroot")) == challenge
    assert asked["site"] is None


def test_a_webroot_that_nginx_would_not_lead_to_is_refused() -> None:
    with pytest.raises(UserError, match="nodered_acme_challenge is webroot, but nginx"):
        asked_of_certbot(None, acme_challenge="webroot", acme_webroot="/srv")


def test_an_execution_environment_needs_an_authority_before_anything_changes(
    authority: CertificateAuthority,
    factory: CertificateFactory,
    tmp_path: pathlib.Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    chain = issued(authority, factory, "p256", tmp_path)
    monkeypatch.setenv("AWX_ISOLATED_DATA_DIR", "/runner/artifacts/1")
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    with pytest.raises(UserError, match="nodered_ca_certificate and nodered_ca_key"):
        provider("ca", b"")
    # What needs no signature needs none here either.
    assert provider("ca", chain).reasons() == []


def test_an_authority_from_a_vault(authority: CertificateAuthority, tmp_path: pathlib.Path) -> None:
    """It is told at the end of a run, and not together with a wish for a new one."""
    given = {
        "ca_certificate": (tmp_path / "ca.pem").read_text("ascii"),
        "ca_key": (tmp_path / "ca.key").read_text("ascii"),
    }
    assert provider("ca", b"", **given).reasons() == ["there is no certificate yet"]
    name, shown = provider("ca", b"", **given).trusted_source
    assert name.startswith("nodered_ca_certificate (CN=Node-RED fleet CA ")
    by_openssl = subprocess.run(
        ["openssl", "x509", "-noout", "-fingerprint", "-sha256", "-in", tmp_path / "ca.pem"],
        check=True,
        capture_output=True,
        text=True,
    ).stdout
    assert by_openssl.strip().endswith(f"={shown}")
    assert provider("ca", b"", ca_dir=str(tmp_path)).trusted_source == (str(tmp_path / "ca.pem"), "")
    with pytest.raises(UserError, match="leave out one of the two"):
        provider("ca", b"", **given, ca_new=True)
    options = validated(SPEC, {**given, "ca_new": True})
    assert options is not None
    with pytest.raises(UserError, match="leave out one of the two"):
        FleetAuthority.check_options(options)
