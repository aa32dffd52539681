# Copyright (c) 2026, the pifleet.nodered maintainers
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What an authority may sign for: never more than openssl would accept, and no less."""

from __future__ import annotations

import datetime
import ipaddress
import pathlib
import re
import typing as t

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from pki_tools import DAY, NOW, CertificateFactory, blocks, lint, text, verify

from ansible_collections.pifleet.nodered.plugins.plugin_utils._pki import certificates
from ansible_collections.pifleet.nodered.plugins.plugin_utils._pki.authority import CertificateAuthority
from ansible_collections.pifleet.nodered.plugins.plugin_utils._pki.name_constraints import permits
from ansible_collections.pifleet.nodered.plugins.plugin_utils._pki.names import Names, PkiError, desired_names


def names_of(*names: str) -> Names:
    return desired_names(extra=names)


def signed_anyway(ca: CertificateAuthority, factory: CertificateFactory, *names: str) -> bytes:
    """What the authority would have signed if it had not looked at its constraints."""
    alternatives: list[x509.GeneralName] = []
    for name in names:
        try:
            alternatives.append(x509.IPAddress(ipaddress.ip_address(name)))
        except ValueError:
            alternatives.append(x509.DNSName(name))
    private_key = serialization.load_pem_private_key(factory.key("p256").read_bytes(), None)
    assert isinstance(private_key, ec.EllipticCurvePrivateKey)
    key = private_key.public_key()
    builder = x509.CertificateBuilder().subject_name(x509.Name([])).issuer_name(ca.certificate.subject)
    builder = builder.public_key(key).serial_number(1).not_valid_before(NOW - DAY).not_valid_after(NOW + 365 * DAY)
    for extension, critical in (
        (x509.SubjectAlternativeName(alternatives), True),
        (x509.SubjectKeyIdentifier.from_public_key(key), False),
        (x509.AuthorityKeyIdentifier.from_issuer_public_key(ca.key.public_key()), False),
    ):
        builder = builder.add_extension(extension, critical)
    return builder.sign(ca.key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)


EVERY_NAME = (
    "pi",
    "local",
    "pi.local",
    "a.pi.local",
    "notlocal",
    "pi.notlocal",
    "example.com",
    "*.example.com",
    "pi.example.com",
    "*.pi.example.com",
    "www.bank.com",
    "192.168.1.2",
    "192.169.1.2",
    "10.1.2.3",
    "fd00::1",
    "2001:db8::1",
)


@pytest.mark.parametrize(
    ("permitted", "allowed"),
    [
        (["local"], {"local", "pi.local", "a.pi.local"}),
        (
            ["Local", "EXAMPLE.com."],
            {
                "local",
                "pi.local",
                "a.pi.local",
                "example.com",
                "*.example.com",
                "pi.example.com",
                "*.pi.example.com",
            },
        ),
        (["pi.example.com"], {"pi.example.com", "*.pi.example.com"}),
        (["192.168.0.0/16"], {"192.168.1.2"}),
        (["192.168.1.2"], {"192.168.1.2"}),
        (["fd00::/8", "10.0.0.0/8", "pi"], {"fd00::1", "10.1.2.3", "pi"}),
        (["local", "0.0.0.0/0"], {"local", "pi.local", "a.pi.local", "192.168.1.2", "192.169.1.2", "10.1.2.3"}),
        ([], set(EVERY_NAME)),
    ],
)
def test_what_is_permitted(
    permitted: list[str], allowed: set[str], tmp_path: pathlib.Path, factory: CertificateFactory
) -> None:
    ca = CertificateAuthority.load_or_create(tmp_path / "ca", permitted=permitted, now=NOW)
    to_be_made = permits(permitted)
    for name in EVERY_NAME:
        accepted = verify(tmp_path, ca.certificate_pem, signed_anyway(ca, factory, name)).endswith(": OK\n")
        assert accepted == ca.permits(name) == to_be_made(name) == (name in allowed), name
        if accepted:
            chain = certificates.issue(ca, factory.request("p256"), names_of(name), now=NOW)
            assert verify(tmp_path, ca.certificate_pem, chain).endswith(": OK\n")
        else:
            with pytest.raises(PkiError, match=f"but not for .*{re.escape(name)}: remove") as caught:
                certificates.issue(ca, factory.request("p256"), names_of("pi.local", name), now=NOW)
            assert "nodered_ca_permitted" in str(caught.value)
    assert lint(ca.certificate_pem) == []


def test_the_extension_is_critical(tmp_path: pathlib.Path) -> None:
    ca = CertificateAuthority.load_or_create(tmp_path, permitted=["home.arpa", "fd00::/8"])
    expected = text(ca.certificate_pem)
    assert re.search(r"Name Constraints: critical\s+Permitted:\s+DNS:home.arpa\s+IP:FD00:", expected)
    assert "Name Constraints" not in text(CertificateAuthority.load_or_create(tmp_path / "other").certificate_pem)


@pytest.mark.parametrize(
    ("entry", "expected"),
    [
        ("192.168.1.0/16", "the network is 192.168.0.0/16"),
        ("192.168.0.0/33", "no IP network"),
        ("fd00::/129", "no IP network"),
        ("https://pi.local", "no IP network"),
        (".local", "'local'"),
        ("*.example.com", "'example.com'"),
        ("192.168", "last label is a number"),
        ("a_b.example", "neither a DNS name nor an IP address"),
        ("", "neither a DNS name nor an IP address"),
        (5, "not text"),
        (None, "not text"),
    ],
)
def test_what_is_neither_domain_nor_network(entry: t.Any, expected: str, tmp_path: pathlib.Path) -> None:
    with pytest.raises(PkiError, match=re.escape(expected)):
        CertificateAuthority.load_or_create(tmp_path / "ca", permitted=[entry])
    assert CertificateAuthority.peek(tmp_path / "ca") is None


def test_a_string_is_not_a_list(tmp_path: pathlib.Path) -> None:
    with pytest.raises(PkiError, match="must be a list"):
        CertificateAuthority.load_or_create(tmp_path / "ca", permitted="local")


def test_one_that_exists_keeps_its_own_and_a_difference_is_told(tmp_path: pathlib.Path) -> None:
    made = CertificateAuthority.load_or_create(tmp_path, permitted=["local", "fd00::/8"])
    ca = CertificateAuthority.load_or_create(tmp_path, permitted=["example.com"])
    assert ca.certificate == made.certificate
    assert ca.permitted_warning(["FD00::/8", "local."]) is None
    expected = ca.permitted_warning(["example.com"]) or ""
    assert "may sign for local, fd00::/8, although nodered_ca_permitted says example.com." in expected
    assert "says everything" in (ca.permitted_warning([]) or "")
    free = CertificateAuthority.load_or_create(tmp_path / "other")
    assert free.permitted_warning([]) is None
    assert "may sign for everything, although" in (free.permitted_warning(["local"]) or "")
    with pytest.raises(PkiError):
        ca.permitted_warning(["/"])


class TestReplaced:
    def test_the_successor_has_the_same_unless_told(self, tmp_path: pathlib.Path, factory: CertificateFactory) -> None:
        old = CertificateAuthority.load_or_create(tmp_path / "ca", permitted=["local"], now=NOW)
        new = CertificateAuthority.replace(tmp_path / "ca", now=NOW)
        assert new.permitted_warning(["local"]) is None
        chain = certificates.issue(new, factory.request("p256"), names_of("pi.local"), now=NOW)
        for root in (old, new):
            assert verify(tmp_path, root.certificate_pem, chain).endswith(": OK\n")
        assert lint((tmp_path / "ca" / "ca.pem").read_bytes()) == []
        bad = signed_anyway(new, factory, "www.bank.com") + b"".join(blocks(chain)[1:])
        for root in (old, new):
            assert "permitted subtree violation" in verify(tmp_path, root.certificate_pem, bad)

    def test_it_may_get_more_than_the_former_had(self, tmp_path: pathlib.Path, factory: CertificateFactory) -> None:
        old = CertificateAuthority.load_or_create(tmp_path / "ca", permitted=["local"], now=NOW)
        new = CertificateAuthority.replace(tmp_path / "ca", permitted=["local", "example.com"], now=NOW)
        inside = certificates.issue(new, factory.request("p256"), names_of("pi.local"), now=NOW)
        outside = certificates.issue(new, factory.request("p256"), names_of("pi.local", "pi.example.com"), now=NOW)
        # The former root would refuse it, so that nothing leads there.
        assert [len(blocks(chain)) for chain in (inside, outside)] == [2, 1]
        assert verify(tmp_path, old.certificate_pem, inside).endswith(": OK\n")
        assert verify(tmp_path, new.certificate_pem, outside).endswith(": OK\n")

    def test_it_may_lose_them(self, tmp_path: pathlib.Path, factory: CertificateFactory) -> None:
        CertificateAuthority.load_or_create(tmp_path / "ca", permitted=["local"], now=NOW)
        new = CertificateAuthority.replace(tmp_path / "ca", permitted=[], now=NOW)
        assert new.permits("www.example.com")
        chain = certificates.issue(new, factory.request("p256"), names_of("192.0.2.7"), now=NOW)
        assert verify(tmp_path, new.certificate_pem, chain).endswith(": OK\n")

    def test_a_renewed_one_keeps_them(self, tmp_path: pathlib.Path) -> None:
        CertificateAuthority.load_or_create(tmp_path, permitted=["local"])
        assert CertificateAuthority.renew(tmp_path).permitted_warning(["local"]) is None


@pytest.mark.parametrize(
    "constraints",
    [
        "permitted;DNS:.example.com",
        "permitted;DNS:example.com",
        "excluded;DNS:pi.example.com",
        "permitted;IP:192.168.0.0/255.255.0.0",
        "excluded;IP:192.168.0.0/255.255.0.0",
        "permitted;DNS:example.com,excluded;DNS:pi.example.com",
    ],
)
def test_constraints_of_what_signed_it_count_too(
    constraints: str, tmp_path: pathlib.Path, factory: CertificateFactory
) -> None:
    usage = "keyUsage=critical,keyCertSign"
    limits = f"nameConstraints=critical,{constraints}"
    root = factory.self_signed("rsa2048", "-addext", usage, "-addext", limits, subject="/CN=root")
    low = factory.signed(
        "p384",
        root,
        "rsa2048",
        f"basicConstraints=critical,CA:TRUE\n{usage}\nsubjectKeyIdentifier=hash\n",
        subject="/CN=low",
    )
    ca = CertificateAuthority.from_pem(low + root, factory.key("p384").read_bytes())
    now = datetime.datetime.now(datetime.UTC)
    for name in EVERY_NAME:
        chain = signed_anyway(ca, factory, name) + low
        accepted = verify(tmp_path, root, chain, when=now).endswith(": OK\n")
        if name == "*.example.com" and "excluded;DNS" in constraints:
            # openssl takes the wildcard for a label. Browsers do not all, and it does stand for `pi`.
            assert accepted
            assert not ca.permits(name)
        else:
            assert accepted == ca.permits(name), name
        if not ca.permits(name):
            with pytest.raises(PkiError, match="'CN=root' may sign for .*, but not for"):
                certificates.issue(ca, factory.request("p256"), names_of(name))
