# Copyright (c) 2026, the pifleet.nodered maintainers
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Certificates from elsewhere, made by openssl: which are taken, and what is said of the others."""

from __future__ import annotations

import datetime
import pathlib
import re
import typing as t

import pytest
from pki_tools import DAY, NO_CERTIFICATE, CertificateFactory, blocks, lint, openssl, verify

from ansible_collections.pifleet.nodered.plugins.plugin_utils._pki import certificates
from ansible_collections.pifleet.nodered.plugins.plugin_utils._pki.bundle import check_bundle
from ansible_collections.pifleet.nodered.plugins.plugin_utils._pki.names import PkiError

CA = "basicConstraints=critical,CA:TRUE\nkeyUsage=critical,keyCertSign\nsubjectKeyIdentifier=hash\n"
SERVER = (
    "basicConstraints=critical,CA:FALSE\nkeyUsage=critical,digitalSignature\nextendedKeyUsage=serverAuth\n"
    "subjectAltName=DNS:pi.example.com,DNS:*.fleet.example.com,DNS:*.net,IP:192.0.2.7,IP:2001:db8::7\n"
)
WANTED = ("pi.example.com", "192.0.2.7")


class Chain(t.NamedTuple):
    root: bytes
    middle: bytes
    low: bytes
    leaf: bytes
    key: bytes

    @property
    def full(self) -> bytes:
        return self.leaf + self.low + self.middle


@pytest.fixture(scope="module")
def chain(factory: CertificateFactory) -> Chain:
    """Root (RSA), two intermediates (P-384, RSA), server (P-256): valid for 3650, 1000, 500 and 90 days."""
    root = factory.self_signed("rsa2048", "-days", "3650", "-addext", "keyUsage=keyCertSign", subject="/CN=root")
    middle = factory.signed("p384", root, "rsa2048", CA, "-days", "1000", subject="/CN=middle")
    low = factory.signed("rsa2048", middle, "p384", CA, "-days", "500", subject="/CN=low")
    leaf = factory.signed("p256", low, "rsa2048", SERVER, subject="/CN=pi")
    return Chain(root, middle, low, leaf, factory.key("p256").read_bytes())


def refusal(chain_pem: bytes, key: bytes, wanted: t.Sequence[str] = WANTED, **options: t.Any) -> str:
    with pytest.raises(PkiError) as caught:
        check_bundle(chain_pem, key, wanted, **options)
    message = str(caught.value)
    assert caught.value.__context__ is None or caught.value.__suppress_context__
    for line in key.splitlines():
        assert line.startswith(b"-----") or len(line) < 20 or line.decode("ascii", "replace") not in message
    return message


class TestTaken:
    def test_a_chain(self, chain: Chain, tmp_path: pathlib.Path) -> None:
        bundle = check_bundle(chain.full, chain.key, WANTED)
        assert bundle.chain == chain.full
        public = openssl("x509", "-noout", "-pubkey", content=chain.leaf)
        assert openssl("pkey", "-pubout", content=bundle.key) == public
        now = datetime.datetime.now(datetime.UTC)
        assert verify(tmp_path, chain.root, bundle.chain, "-verify_hostname", WANTED[0], when=now).endswith(": OK\n")
        assert lint(bundle.chain) == []

    def test_nothing_secret_is_shown(self, chain: Chain) -> None:
        bundle = check_bundle(chain.full, chain.key, WANTED)
        assert "PRIVATE" not in repr(bundle)
        assert bundle.key.splitlines()[1].decode("ascii") not in repr(bundle)

    def test_root_and_repetitions_are_left_out(self, chain: Chain) -> None:
        given = chain.leaf + chain.full + chain.root
        assert check_bundle(given, chain.key, WANTED).chain == chain.full

    def test_text_around_and_line_ends_of_windows(self, chain: Chain) -> None:
        around = "".join(openssl("x509", "-text", content=each) + "\nend\n" for each in blocks(chain.full))
        key = "Bag Attributes\n" + chain.key.decode("ascii")
        bundle = check_bundle(around.replace("\n", "\r\n"), key.replace("\n", "\r\n"), WANTED)
        assert bundle == check_bundle(chain.full, chain.key, WANTED)

    def test_a_server_certificate_alone(self, chain: Chain) -> None:
        assert check_bundle(chain.leaf, chain.key, WANTED).chain == chain.leaf

    def test_a_self_signed_one(self, factory: CertificateFactory) -> None:
        extensions = ["-addext", "basicConstraints=CA:FALSE", "-addext", "subjectAltName=DNS:pi"]
        own = factory.self_signed("rsa2048", "-days", "3650", *extensions)
        assert check_bundle(own, factory.key("rsa2048").read_bytes(), ["pi"]).chain == own

    def test_everything_in_one_file(self, chain: Chain) -> None:
        both = chain.key + chain.full
        assert check_bundle(both, both, WANTED) == check_bundle(chain.full, chain.key, WANTED)

    @pytest.mark.parametrize("form", [["-traditional"], []])
    @pytest.mark.parametrize("passphrase", [None, "secret-value"])
    def test_forms_of_keys(
        self, form: list[str], passphrase: str | None, chain: Chain, factory: CertificateFactory
    ) -> None:
        cipher = ["-aes256", "-passout", f"pass:{passphrase}"] if passphrase else []
        key = openssl("pkey", "-in", factory.key("p256"), *form, *cipher)
        bundle = check_bundle(chain.full, key, WANTED, passphrase=passphrase)
        assert bundle.key.startswith(b"-----BEGIN PRIVATE KEY-----\n")
        assert bundle == check_bundle(chain.full, chain.key, WANTED)

    def test_with_curve_parameters_before_the_key(self, chain: Chain, factory: CertificateFactory) -> None:
        parameters = openssl("ecparam", "-name", "prime256v1")
        key = parameters + openssl("pkey", "-in", factory.key("p256"), "-traditional")
        assert check_bundle(chain.full, key, WANTED) == check_bundle(chain.full, chain.key, WANTED)

    @pytest.mark.parametrize(
        "wanted",
        [
            [],
            ["PI.example.com."],
            ["a.fleet.example.com"],
            ["*.fleet.example.com"],
            ["2001:DB8:0::7"],
            ["xn--bro-hoa.fleet.example.com"],
            ["büro.fleet.example.com"],
        ],
    )
    def test_names(self, wanted: list[str], chain: Chain) -> None:
        check_bundle(chain.full, chain.key, wanted)
        for name in wanted:
            if "*" not in name and name.isascii():
                option = "-checkip" if ":" in name else "-checkhost"
                assert "does match" in openssl("x509", "-noout", option, name.rstrip("."), content=chain.leaf)

    def test_validity_is_not_limited(self, factory: CertificateFactory, chain: Chain) -> None:
        leaf = factory.signed("p256", chain.low, "rsa2048", SERVER, "-days", "10000")
        assert check_bundle(leaf, chain.key, WANTED).chain == leaf

    def test_without_optional_extensions(self, factory: CertificateFactory, chain: Chain) -> None:
        leaf = factory.signed("p256", chain.low, "rsa2048", "subjectAltName=DNS:pi")
        assert check_bundle(leaf + chain.low, chain.key, ["pi"]).chain == leaf + chain.low


class TestRefused:
    @pytest.mark.parametrize("content", [b"", b"garbage", b"\x30\x82\x01\x00"])
    def test_what_is_no_pem(self, content: bytes, chain: Chain) -> None:
        assert "The certificate file has no certificate in PEM, but none" in refusal(content, chain.key)
        assert "The key file has no private key in PEM, but none" in refusal(chain.full, content)

    def test_swapped(self, chain: Chain) -> None:
        assert "The certificate file has no certificate in PEM, but a private key" in refusal(chain.key, chain.full)
        assert "The key file has no private key in PEM, but a certificate" in refusal(chain.full, chain.full)

    def test_damaged(self, chain: Chain) -> None:
        expected = refusal(chain.leaf + NO_CERTIFICATE, chain.key, chain_name="/tmp/chain.pem")
        assert expected.startswith("Certificate 2 of 2 in /tmp/chain.pem cannot be read")
        key = b"-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n"
        expected = refusal(chain.full, key, key_name="/tmp/key.pem")
        assert expected.startswith("The key in /tmp/key.pem cannot be read")
        assert "cannot be read" in refusal(chain.full, chain.key[:-20])

    def test_options_keep_their_names(self, chain: Chain) -> None:
        names = {"chain_name": "nodered_certificate_chain", "key_name": "nodered_certificate_key"}
        assert refusal(b"", chain.key, **names).startswith("nodered_certificate_chain has no certificate")
        assert refusal(chain.full, b"", **names).startswith("nodered_certificate_key has no private key")

    def test_several_keys(self, chain: Chain, factory: CertificateFactory) -> None:
        assert "has 2 private keys" in refusal(chain.full, chain.key + factory.key("p384").read_bytes())

    def test_passphrases(self, chain: Chain, factory: CertificateFactory) -> None:
        key = openssl("pkey", "-in", factory.key("p256"), "-aes256", "-passout", "pass:secret-value").encode("ascii")
        assert "is encrypted: set the passphrase (nodered_certificate_key_passphrase)" in refusal(chain.full, key)
        expected = refusal(chain.full, key, passphrase="other", passphrase_option="mine")
        assert "The passphrase (mine) does not open" in expected
        assert "is not encrypted" in refusal(chain.full, chain.key, passphrase="secret-value")

    def test_a_key_of_another_certificate(self, chain: Chain, factory: CertificateFactory) -> None:
        other = openssl("genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256").encode("ascii")
        assert "The key in the key file does not fit 'CN=pi'" in refusal(chain.full, other)

    def test_the_server_is_not_first(self, chain: Chain) -> None:
        for given in (chain.middle + chain.low + chain.leaf, chain.low + chain.leaf, chain.root + chain.leaf):
            assert "wrong order: the key fits 'CN=pi', which has to come first" in refusal(given, chain.key)

    def test_the_others_are_not_in_order(self, chain: Chain, factory: CertificateFactory) -> None:
        assert "'CN=middle' follows" in refusal(chain.leaf + chain.middle + chain.low, chain.key)
        assert "'CN=root' follows" in refusal(chain.leaf + chain.low + chain.root, chain.key)
        assert "'CN=pi' is signed by 'CN=low', but 'CN=root'" in refusal(chain.leaf + chain.root, chain.key)
        assert "'CN=low' follows" in refusal(
            chain.full + chain.root + factory.signed("rsa2048", chain.middle, "p384", CA, subject="/CN=low"), chain.key
        )

    def test_an_issuer_that_is_no_authority(self, chain: Chain, factory: CertificateFactory) -> None:
        leaf = factory.signed("p384", chain.leaf, "p256", SERVER, subject="/CN=other")
        expected = refusal(leaf + chain.leaf, factory.key("p384").read_bytes())
        assert "'CN=pi' signed 'CN=other', but is not that of a CA" in expected

    @pytest.mark.parametrize(
        ("days", "expected"),
        [
            (91, "The certificate 'CN=pi' in the certificate file expired on 2"),
            (-1, "The certificate 'CN=pi' in the certificate file is not valid before 2"),
        ],
    )
    def test_the_time_of_the_server(self, days: int, expected: str, chain: Chain) -> None:
        now = datetime.datetime.now(datetime.UTC) + days * DAY
        assert expected in refusal(chain.full, chain.key, now=now)

    def test_the_time_of_an_intermediate(self, chain: Chain, factory: CertificateFactory) -> None:
        leaf = factory.signed("p256", chain.low, "rsa2048", SERVER, "-days", "2000")
        now = datetime.datetime.now(datetime.UTC) + 700 * DAY
        end = certificates.describe(chain.low)["not_after"][:10]
        expected = refusal(leaf + chain.low + chain.middle, chain.key, now=now)
        assert f"The certificate 'CN=low' in the certificate file expired on {end}" in expected

    def test_without_alternative_names(self, chain: Chain, factory: CertificateFactory) -> None:
        leaf = factory.signed("p256", chain.low, "rsa2048", "basicConstraints=CA:FALSE", subject="/CN=pi.example.com")
        assert "has no subject alternative name" in refusal(leaf, chain.key)

    @pytest.mark.parametrize(
        "name",
        [
            "example.com",
            "other.example.com",
            "fleet.example.com",
            "a.b.fleet.example.com",
            "*.example.com",
            "*.a.fleet.example.com",
            "x.net",
            "192.0.2.8",
            "2001:db8::8",
        ],
    )
    def test_names_it_does_not_have(self, name: str, chain: Chain) -> None:
        assert re.search(rf"not for {re.escape(name)}: get", refusal(chain.full, chain.key, [*WANTED, name]))

    def test_all_names_it_does_not_have(self, chain: Chain) -> None:
        assert "not for kitchen, 192.0.2.9: get" in refusal(chain.full, chain.key, ["kitchen", "192.0.2.9"])

    def test_a_wanted_name_that_is_none(self, chain: Chain) -> None:
        assert "'a_b'" in refusal(chain.full, chain.key, ["a_b"])

    @pytest.mark.parametrize(
        ("extensions", "expected"),
        [
            ("basicConstraints=CA:TRUE\n", "'CN=pi', is that of a CA"),
            ("extendedKeyUsage=clientAuth\n", "without serverAuth"),
            ("keyUsage=keyAgreement\n", "without digitalSignature"),
        ],
    )
    def test_what_it_is_for(self, extensions: str, expected: str, chain: Chain, factory: CertificateFactory) -> None:
        leaf = factory.signed("p256", chain.low, "rsa2048", extensions + "subjectAltName=DNS:pi\n")
        assert expected in refusal(leaf + chain.low, chain.key, ["pi"])

    @pytest.mark.parametrize(
        ("kind", "expected"), [("ed25519", "ed25519"), ("p521", "ecdsa-p521"), ("rsa1024", "rsa-1024")]
    )
    def test_keys_that_browsers_refuse(
        self, kind: str, expected: str, chain: Chain, factory: CertificateFactory
    ) -> None:
        leaf = factory.signed(kind, chain.low, "rsa2048", SERVER)
        message = refusal(leaf + chain.low, factory.key(kind).read_bytes())
        assert f"is of the type {expected}, which browsers refuse" in message

    def test_intermediates_with_such_a_key(self, chain: Chain, factory: CertificateFactory) -> None:
        low = factory.signed("rsa1024", chain.middle, "p384", CA, subject="/CN=low")
        leaf = factory.signed("p256", low, "rsa1024", SERVER)
        assert "certificate 'CN=low' in the certificate file is of the type rsa-1024" in refusal(leaf + low, chain.key)

    def test_signatures_that_browsers_refuse(self, chain: Chain, factory: CertificateFactory) -> None:
        leaf = factory.signed("p256", chain.low, "rsa2048", SERVER, "-sha1")
        assert "'CN=pi' in the certificate file is signed with SHA1" in refusal(leaf, chain.key)
        low = factory.signed("rsa2048", chain.middle, "p384", CA, "-sha1", subject="/CN=low")
        leaf = factory.signed("p256", low, "rsa2048", SERVER)
        assert "'CN=low' in the certificate file is signed with SHA1" in refusal(leaf + low, chain.key)
        root = factory.self_signed("ed25519", subject="/CN=edwards")
        leaf = factory.signed("p256", root, "ed25519", SERVER)
        assert "signed with 1.3.101.112, which browsers refuse" in refusal(leaf + root, chain.key)


class TestPublicKeyFingerprint:
    def test_agrees_with_openssl(self, chain: Chain, tmp_path: pathlib.Path, factory: CertificateFactory) -> None:
        openssl("pkey", "-in", factory.key("p256"), "-pubout", "-outform", "DER", "-out", tmp_path / "key.der")
        expected = openssl("dgst", "-sha256", "-r", tmp_path / "key.der").split()[0]
        assert certificates.public_key_fingerprint(chain.full) == expected
        assert re.fullmatch("[0-9a-f]{64}", expected)

    def test_two_certificates_of_one_key(self, chain: Chain, factory: CertificateFactory) -> None:
        own = factory.self_signed("p256").decode("ascii")
        assert certificates.public_key_fingerprint(own) == certificates.public_key_fingerprint(chain.leaf)
        assert certificates.public_key_fingerprint(own) != certificates.public_key_fingerprint(chain.low)
        assert certificates.fingerprint(own) != certificates.fingerprint(chain.leaf)

    def test_unreadable(self) -> None:
        with pytest.raises(PkiError, match="cannot be read"):
            certificates.public_key_fingerprint(NO_CERTIFICATE)
