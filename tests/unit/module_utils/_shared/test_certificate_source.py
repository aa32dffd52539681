# Copyright (c) 2026, the pifleet.nodered maintainers
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The parts of a PEM file that a user of the host may have written."""

from __future__ import annotations

import pathlib

import pytest
from pki_tools import openssl
from stopwatch import times_as_long

from ansible_collections.pifleet.nodered.plugins.module_utils._certificate.pem import key_matches, split_pem


@pytest.fixture(scope="module")
def pair(tmp_path_factory: pytest.TempPathFactory) -> tuple[bytes, bytes]:
    """A key and its certificate, made by openssl."""
    path = tmp_path_factory.mktemp("pair")
    options = ["-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-noenc", "-subj", "/CN=pi"]
    openssl("req", *options, "-keyout", path / "key.pem", "-out", path / "certificate.pem")
    return (path / "key.pem").read_bytes(), (path / "certificate.pem").read_bytes()


def test_the_parts(pair: tuple[bytes, bytes]) -> None:
    key, certificate = pair
    for content in (key + certificate, certificate + key, b"# words\n" + key + b"\n\n" + certificate):
        assert split_pem(content) == (key, certificate)
        assert key_matches(content)
    assert split_pem(certificate + certificate) == (None, certificate + certificate)
    assert split_pem(None) == split_pem(b"") == split_pem(b"words") == (None, b"")


def test_what_does_not_end_hides_nothing(pair: tuple[bytes, bytes]) -> None:
    key, certificate = pair
    assert split_pem(b"-----BEGIN EC PRIVATE KEY-----\n" + key + certificate) == (key, certificate)
    assert split_pem(key + certificate + b"-----BEGIN CERTIFICATE-----\nMII") == (key, certificate)


def test_another_key(pair: tuple[bytes, bytes], tmp_path: pathlib.Path) -> None:
    other = openssl("genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256").encode()
    assert not key_matches(other + pair[1])


def test_nothing_is_computed_for_an_encrypted_key(pair: tuple[bytes, bytes]) -> None:
    """Whoever encrypts a key chooses how long it takes; this one would take minutes."""
    key, certificate = pair
    options = ["-v2", "aes-256-cbc", "-iter", "200000", "-passout", "pass:"]
    encrypted = openssl("pkcs8", "-topk8", *options, content=key).encode()
    assert b"ENCRYPTED" in encrypted
    assert not key_matches(encrypted + certificate)
    ratio = times_as_long(lambda: key_matches(encrypted + certificate), lambda: key_matches(key + certificate))
    assert ratio < 1


@pytest.mark.parametrize("piece", [b"-----BEGIN CERTIFICATE-----", b"-----BEGIN RSA PRIVATE KEY-----", b"-----BEGIN "])
def test_many_that_do_not_end_take_no_longer_each(piece: bytes) -> None:
    assert times_as_long(lambda: split_pem(piece * 8_000), lambda: split_pem(piece * 2_000)) < 12
