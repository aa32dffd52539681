# Copyright (c) 2026, the pifleet.nodered maintainers
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Certificates of servers, proved with the openssl command, which shares no code with what made them."""

from __future__ import annotations

import base64
import datetime
import pathlib
import re
import secrets

import pytest
from pki_tools import DAY, NAMES, NO_CERTIFICATE, NOW, CertificateFactory, lint, openssl, text, verify

from ansible_collections.pifleet.nodered.plugins.plugin_utils._pki import certificates
from ansible_collections.pifleet.nodered.plugins.plugin_utils._pki.authority import CertificateAuthority
from ansible_collections.pifleet.nodered.plugins.plugin_utils._pki.names import (
    Names,
    PkiError,
    common_name,
    desired_names,
)


@pytest.fixture(scope="module")
def leaf(ca: CertificateAuthority, factory: CertificateFactory) -> bytes:
    return certificates.issue(ca, factory.request("p256"), NAMES, now=NOW)


class TestIssue:
    @pytest.mark.parametrize(
        ("kind", "usage"),
        [
            ("p256", "Digital Signature"),
            ("p384", "Digital Signature"),
            ("rsa2048", "Digital Signature, Key Encipherment"),
        ],
    )
    def test_contents(self, kind: str, usage: str, ca: CertificateAuthority, factory: CertificateFactory) -> None:
        leaf = certificates.issue(ca, factory.request(kind), NAMES, now=NOW)
        assert lint(leaf) == []
        expected = text(leaf)
        assert re.search(r"Subject: CN ?= ?pi.example.com\n", expected)
        assert re.search(r"Alternative Name: \n\s+DNS:pi.example.com, DNS:pi, DNS:pi.local, IP Address:192", expected)
        assert re.search(r"Basic Constraints: critical\s+CA:FALSE\n", expected)
        assert re.search(rf"Key Usage: critical\s+{usage}\n", expected)
        assert re.search(r"Extended Key Usage: \n\s+TLS Web Server Authentication\n", expected)
        assert "Subject Key Identifier" in expected
        identifier = re.compile(r"Key Identifier: \n\s+(?:keyid:)?([0-9A-F:]+)\n")
        assert identifier.findall(expected)[1] == identifier.findall(text(ca.certificate_pem))[0]
        assert "bank.example" not in expected
        assert "CA:TRUE" not in expected
        assert "whatever" not in expected

    def test_only_the_key_comes_from_the_request(self, leaf: bytes, factory: CertificateFactory) -> None:
        assert openssl("x509", "-noout", "-pubkey", content=leaf) == openssl(
            "pkey", "-in", factory.key("p256"), "-pubout"
        )

    def test_openssl_accepts_every_name(self, ca: CertificateAuthority, leaf: bytes, tmp_path: pathlib.Path) -> None:
        for name in NAMES.dns:
            assert verify(tmp_path, ca.certificate_pem, leaf, "-verify_hostname", name).endswith(": OK\n")
            assert "does match" in openssl("x509", "-noout", "-checkhost", name, content=leaf)
        for address in NAMES.ips:
            assert verify(tmp_path, ca.certificate_pem, leaf, "-verify_ip", address).endswith(": OK\n")
            assert "does match" in openssl("x509", "-noout", "-checkip", address, content=leaf)
        # From OpenSSL 3.5 on it fails as well.
        other = openssl("x509", "-noout", "-checkhost", "other.example", content=leaf, check=False)
        assert "does NOT match" in other
        assert "hostname mismatch" in verify(tmp_path, ca.certificate_pem, leaf, "-verify_hostname", "other.example")

    def test_openssl_accepts_no_other_authority(self, leaf: bytes, tmp_path: pathlib.Path) -> None:
        other = CertificateAuthority.load_or_create(tmp_path / "ca", now=NOW)
        assert "error" in verify(tmp_path, other.certificate_pem, leaf)

    def test_wildcards_and_non_ascii_names(self, ca: CertificateAuthority, factory: CertificateFactory) -> None:
        names = desired_names(extra=["*.küche.example"])
        expected = openssl(
            "x509",
            "-noout",
            "-checkhost",
            "pi.xn--kche-0ra.example",
            content=certificates.issue(ca, factory.request("p256"), names, now=NOW),
        )
        assert "does match" in expected

    @pytest.mark.parametrize(
        ("names", "subject"),
        [
            (Names((60 * "a" + ".local", "pi.example"), ()), "pi.example"),
            (Names((), ("192.0.2.7",)), "192.0.2.7"),
            (Names(("pi.example",), ("192.0.2.7",)), "pi.example"),
        ],
    )
    def test_common_name(
        self, names: Names, subject: str, ca: CertificateAuthority, factory: CertificateFactory
    ) -> None:
        described = certificates.describe(certificates.issue(ca, factory.request("p256"), names, now=NOW))
        assert described["subject"] == f"CN={subject}"
        assert common_name(names) == subject

    def test_without_a_subject_the_alternative_names_are_critical(
        self, ca: CertificateAuthority, factory: CertificateFactory, tmp_path: pathlib.Path
    ) -> None:
        name = 60 * "a" + ".local"
        chain = certificates.issue(ca, factory.request("p256"), Names((name,), ()), now=NOW)
        assert "Subject Alternative Name: critical" in text(chain)
        assert certificates.describe(chain)["subject"] == ""
        assert verify(tmp_path, ca.certificate_pem, chain, "-verify_hostname", name).endswith(": OK\n")

    def test_serials_are_random_positive_and_at_most_20_octets(
        self, ca: CertificateAuthority, factory: CertificateFactory
    ) -> None:
        serials = set()
        for _attempt in range(5):
            leaf = certificates.issue(ca, factory.request("p256"), NAMES, now=NOW)
            serials.add(openssl("x509", "-noout", "-serial", content=leaf).strip().partition("=")[2])
        assert len(serials) == 5
        assert all(8 <= len(serial) // 2 <= 20 and not serial.startswith("-") for serial in serials)

    def test_default_validity(self, leaf: bytes) -> None:
        described = certificates.describe(leaf)
        assert described["not_before"] == "2026-02-28T12:00:00Z"
        assert described["not_after"] == "2027-04-02T11:59:59Z"

    @pytest.mark.parametrize("days", [1, 397, 824, 825])
    def test_the_whole_validity_is_one_that_apple_accepts(
        self, days: int, ca: CertificateAuthority, factory: CertificateFactory
    ) -> None:
        described = certificates.describe(certificates.issue(ca, factory.request("p256"), NAMES, days, now=NOW))
        start, end = (datetime.datetime.fromisoformat(described[key]) for key in ("not_before", "not_after"))
        assert start <= NOW
        assert end == NOW + days * DAY - datetime.timedelta(seconds=1)
        assert end - start + datetime.timedelta(seconds=1) <= 825 * DAY

    @pytest.mark.parametrize("days", [0, -1, 826, 3650, 99_999, True, "397"])
    def test_validities_that_browsers_refuse(
        self, days: int, ca: CertificateAuthority, factory: CertificateFactory
    ) -> None:
        with pytest.raises(PkiError, match="1 to 825 whole days"):
            certificates.issue(ca, factory.request("p256"), NAMES, days, now=NOW)

    def test_never_longer_than_the_authority(self, tmp_path: pathlib.Path, factory: CertificateFactory) -> None:
        ca = CertificateAuthority.load_or_create(tmp_path, days=100, now=NOW)
        chain = certificates.issue(ca, factory.request("p256"), NAMES, now=NOW)
        described = certificates.describe(chain)
        root = certificates.describe(ca.certificate_pem)
        assert described["not_after"] == root["not_after"]
        assert described["not_before"] == root["not_before"]
        assert "2026-06-09" in (ca.warning(397, now=NOW) or "")
        assert ca.warning(100, now=NOW) is None
        # A new certificate would not last longer, so that renewing it would change every run.
        assert certificates.reasons_to_issue(chain, True, NAMES, ca.certificate, 200, now=NOW) == []

    def test_an_expired_authority(self, tmp_path: pathlib.Path, factory: CertificateFactory) -> None:
        ca = CertificateAuthority.load_or_create(tmp_path, days=100, now=NOW)
        with pytest.raises(PkiError, match="expired on 2026-06-09"):
            certificates.issue(ca, factory.request("p256"), NAMES, now=NOW + 101 * DAY)

    def test_a_clock_before_the_authority(self, ca: CertificateAuthority, factory: CertificateFactory) -> None:
        with pytest.raises(PkiError, match="set the clock of the control node"):
            certificates.issue(ca, factory.request("p256"), NAMES, now=NOW - 2 * DAY)

    def test_without_names(self, ca: CertificateAuthority, factory: CertificateFactory) -> None:
        with pytest.raises(PkiError, match="no name"):
            certificates.issue(ca, factory.request("p256"), Names((), ()), now=NOW)

    @pytest.mark.parametrize(
        ("kind", "key_type"),
        [("ed25519", "ed25519"), ("p192", "ecdsa-secp192r1"), ("p521", "ecdsa-p521"), ("rsa1024", "rsa-1024")],
    )
    def test_keys_that_browsers_refuse(
        self, kind: str, key_type: str, ca: CertificateAuthority, factory: CertificateFactory
    ) -> None:
        with pytest.raises(PkiError, match=f"of the type {key_type}, which browsers refuse"):
            certificates.issue(ca, factory.request(kind), NAMES, now=NOW)

    @pytest.mark.parametrize("request_pem", [b"", b"garbage", "garbage", b"-----BEGIN CERTIFICATE REQUEST-----\n"])
    def test_unreadable_requests(self, request_pem: bytes | str, ca: CertificateAuthority) -> None:
        with pytest.raises(PkiError, match="PKCS #10"):
            certificates.issue(ca, request_pem, NAMES, now=NOW)

    def test_a_certificate_is_no_request(self, ca: CertificateAuthority, factory: CertificateFactory) -> None:
        certificate = factory.self_signed("p256", "-addext", "subjectAltName=DNS:bank.example")
        for pem in (certificate, certificate.replace(b"CERTIFICATE-", b"CERTIFICATE REQUEST-"), ca.certificate_pem):
            with pytest.raises(PkiError, match="PKCS #10"):
                certificates.issue(ca, pem, NAMES, now=NOW)

    def test_a_request_not_signed_by_its_own_key(self, ca: CertificateAuthority, factory: CertificateFactory) -> None:
        der = base64.b64decode(b"".join(factory.request("p256").splitlines()[1:-1]))
        forged = base64.encodebytes(der.replace(b"whatever", b"whatevil"))
        pem = b"-----BEGIN CERTIFICATE REQUEST-----\n" + forged + b"-----END CERTIFICATE REQUEST-----\n"
        with pytest.raises(PkiError, match="not signed by its own key"):
            certificates.issue(ca, pem, NAMES, now=NOW)


class TestValidity:
    @pytest.mark.parametrize(("days", "renew_before"), [(397, 30), (825, 0), (2, 1)])
    def test_possible(self, days: int, renew_before: int) -> None:
        certificates.check_validity(days, renew_before)

    @pytest.mark.parametrize(("days", "renew_before"), [(826, 30), (30, 30), (30, 31), (30, -1)])
    def test_impossible(self, days: int, renew_before: int) -> None:
        with pytest.raises(PkiError):
            certificates.check_validity(days, renew_before)


class TestDescribe:
    def test_agrees_with_openssl(self, leaf: bytes, ca: CertificateAuthority) -> None:
        described = certificates.describe(leaf)
        sha256 = openssl("x509", "-noout", "-fingerprint", "-sha256", content=leaf).strip().partition("=")[2]
        serial = openssl("x509", "-noout", "-serial", content=leaf).strip().partition("=")[2]
        issuer = openssl("x509", "-noout", "-subject", "-nameopt", "RFC2253", content=ca.certificate_pem)
        assert described["fingerprint"] == sha256.replace(":", "").lower() == certificates.fingerprint(leaf)
        assert described["serial"] == serial.lower()
        assert described["issuer"] == issuer.strip().removeprefix("subject=")
        assert described["dns_names"] == list(NAMES.dns)
        assert described["ip_addresses"] == list(NAMES.ips)
        assert described["key_type"] == "ecdsa-p256"
        assert described["self_signed"] is False
        assert certificates.describe(ca.certificate_pem)["self_signed"] is True

    @pytest.mark.parametrize(
        ("kind", "expected"),
        [("rsa2048", "rsa-2048"), ("p384", "ecdsa-p384"), ("p521", "ecdsa-p521"), ("ed25519", "ed25519")],
    )
    def test_key_types(self, kind: str, expected: str, factory: CertificateFactory) -> None:
        described = certificates.describe(factory.self_signed(kind))
        assert described["key_type"] == expected
        assert described["self_signed"] is True
        assert described["dns_names"] == []

    def test_a_string_instead_of_bytes_and_text_around_the_pem(self, leaf: bytes) -> None:
        around = openssl("x509", "-text", content=leaf) + "\nend\n"
        assert certificates.describe(around) == certificates.describe(leaf)

    def test_the_first_of_a_chain_counts(self, leaf: bytes, ca: CertificateAuthority) -> None:
        assert certificates.describe(leaf + ca.certificate_pem) == certificates.describe(leaf)

    @pytest.mark.parametrize("pem", [b"", b"garbage", "gärbage", NO_CERTIFICATE])
    def test_unreadable(self, pem: bytes | str) -> None:
        with pytest.raises(PkiError, match="cannot be read"):
            certificates.describe(pem)
        with pytest.raises(PkiError, match="cannot be read"):
            certificates.fingerprint(pem)


class TestReasons:
    def test_none(self, leaf: bytes, ca: CertificateAuthority) -> None:
        for key_matches in (True, None):
            assert certificates.reasons_to_issue(leaf, key_matches, NAMES, ca.certificate, 30, now=NOW) == []

    @pytest.mark.parametrize("pem", [None, b"", ""])
    def test_missing(self, pem: bytes | str | None, ca: CertificateAuthority) -> None:
        assert certificates.reasons_to_issue(pem, None, NAMES, ca.certificate, 30) == ["there is no certificate yet"]

    @pytest.mark.parametrize("pem", [b"garbage", "gärbage"])
    def test_unreadable(self, pem: bytes | str, ca: CertificateAuthority) -> None:
        assert certificates.reasons_to_issue(pem, None, NAMES, ca.certificate, 30) == ["the certificate cannot be read"]

    def test_the_key_does_not_fit(self, leaf: bytes, ca: CertificateAuthority) -> None:
        reasons = certificates.reasons_to_issue(leaf, False, NAMES, ca.certificate, 30, now=NOW)
        assert reasons == ["the private key does not fit the certificate"]

    @pytest.mark.parametrize(
        ("days", "reasons"),
        [
            (-2, ["it is not valid before 2026-02-28"]),
            (366, []),
            (368, ["it expires in 28 days, on 2027-04-02"]),
            (396, ["it expires in 0 days, on 2027-04-02"]),
            (397, ["it expired on 2027-04-02"]),
        ],
    )
    def test_time(self, days: int, reasons: list[str], leaf: bytes, ca: CertificateAuthority) -> None:
        assert certificates.reasons_to_issue(leaf, True, NAMES, ca.certificate, 30, now=NOW + days * DAY) == reasons

    def test_names_missing(self, leaf: bytes, ca: CertificateAuthority) -> None:
        wanted = Names((*NAMES.dns, "new.example"), (*NAMES.ips, "192.0.2.9"))
        reasons = certificates.reasons_to_issue(leaf, True, wanted, ca.certificate, 30, now=NOW)
        assert reasons == ["the DNS name new.example is missing", "the IP address 192.0.2.9 is missing"]

    def test_names_more_than_wanted(self, leaf: bytes, ca: CertificateAuthority) -> None:
        assert certificates.reasons_to_issue(leaf, True, Names(("pi",), ()), ca.certificate, 30, now=NOW) == []

    def test_a_common_name_is_no_alternative_name(self, factory: CertificateFactory) -> None:
        certificate = factory.self_signed("p256", subject="/CN=pi")
        reasons = certificates.reasons_to_issue(certificate, True, Names(("pi",), ()), None, 0, self_signed=True)
        assert reasons == ["the DNS name pi is missing"]

    def test_another_authority(self, leaf: bytes, ca: CertificateAuthority, tmp_path: pathlib.Path) -> None:
        other = CertificateAuthority.load_or_create(tmp_path, now=NOW)
        (reason,) = certificates.reasons_to_issue(leaf, True, NAMES, other.certificate, 30, now=NOW)
        assert certificates.describe(ca.certificate_pem)["subject"] in reason
        assert certificates.describe(other.certificate_pem)["subject"] in reason

    def test_another_authority_of_the_same_name(
        self, leaf: bytes, ca: CertificateAuthority, tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        suffix = certificates.describe(ca.certificate_pem)["subject"][-8:]
        monkeypatch.setattr(secrets, "token_hex", lambda _bytes: suffix)
        other = CertificateAuthority.load_or_create(tmp_path, now=NOW)
        (reason,) = certificates.reasons_to_issue(leaf, True, NAMES, other.certificate, 30, now=NOW)
        assert "another CA that is called" in reason

    def test_no_authority_yet(self, leaf: bytes, factory: CertificateFactory) -> None:
        own = factory.self_signed("p256", "-addext", "subjectAltName=DNS:pi", "-days", "90")
        for pem, names, now in ((leaf, NAMES, NOW), (own, Names(("pi",), ()), None)):
            reasons = certificates.reasons_to_issue(pem, True, names, None, 30, self_signed=False, now=now)
            assert reasons == ["the CA that should issue it does not exist yet"]

    def test_self_signed(self, leaf: bytes, ca: CertificateAuthority, factory: CertificateFactory) -> None:
        own = factory.self_signed("p256", "-addext", "subjectAltName=DNS:pi", "-days", "90")
        wanted = Names(("pi",), ())
        assert certificates.reasons_to_issue(own, True, wanted, None, 30, self_signed=True) == []
        assert certificates.reasons_to_issue(own, True, wanted, None, 30) == []
        (unexpected,) = certificates.reasons_to_issue(own, True, wanted, ca.certificate, 30)
        assert "it is self-signed and should be issued by" in unexpected
        (expected,) = certificates.reasons_to_issue(leaf, True, wanted, None, 30, self_signed=True, now=NOW)
        assert "should be self-signed" in expected

    def test_a_name_alone_does_not_make_it_self_signed(
        self, factory: CertificateFactory, tmp_path: pathlib.Path
    ) -> None:
        one = factory.self_signed("p256", "-addext", "keyUsage=keyCertSign", subject="/CN=pi")
        (tmp_path / "ca.pem").write_bytes(one)
        (tmp_path / "csr").write_bytes(factory.request("p384"))
        openssl(
            "x509",
            "-req",
            "-in",
            tmp_path / "csr",
            "-CA",
            tmp_path / "ca.pem",
            "-CAkey",
            factory.key("p256"),
            "-subj",
            "/CN=pi",
            "-out",
            tmp_path / "leaf.pem",
        )
        described = certificates.describe((tmp_path / "leaf.pem").read_bytes())
        assert described["subject"] == described["issuer"] == "CN=pi"
        assert described["self_signed"] is False

    def test_the_key_type_counts_only_if_asked_for(self, leaf: bytes, ca: CertificateAuthority) -> None:
        assert (
            certificates.reasons_to_issue(leaf, True, NAMES, ca.certificate, 30, key_type="ecdsa-p256", now=NOW) == []
        )
        reasons = certificates.reasons_to_issue(leaf, True, NAMES, ca.certificate, 30, key_type="rsa-2048", now=NOW)
        assert reasons == ["its key is of the type ecdsa-p256, not rsa-2048"]

    def test_self_signed_by_an_authority_is_a_contradiction(self, leaf: bytes, ca: CertificateAuthority) -> None:
        with pytest.raises(AssertionError):
            certificates.reasons_to_issue(leaf, True, NAMES, ca.certificate, 30, self_signed=True)

    def test_several_at_once(self, leaf: bytes, tmp_path: pathlib.Path) -> None:
        other = CertificateAuthority.load_or_create(tmp_path, now=NOW)
        wanted = Names(("new.example",), ())
        later = NOW + 400 * DAY
        assert (
            len(certificates.reasons_to_issue(leaf, False, wanted, other.certificate, 30, "rsa-2048", now=later)) == 5
        )


def test_pkilint_finds_something(factory: CertificateFactory) -> None:
    own = factory.self_signed("p256", "-addext", "keyUsage=keyCertSign", "-addext", "basicConstraints=CA:FALSE")
    assert lint(own)
