# Copyright (c) 2026, the pifleet.nodered maintainers
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What holds for every name, and for whatever bytes a host sends as its certificate."""

from __future__ import annotations

import base64
import datetime
import ipaddress
import tempfile

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509 import verification
from hypothesis import given, settings
from hypothesis import strategies as st

from ansible_collections.pifleet.nodered.plugins.plugin_utils._pki import certificates
from ansible_collections.pifleet.nodered.plugins.plugin_utils._pki.authority import CertificateAuthority
from ansible_collections.pifleet.nodered.plugins.plugin_utils._pki.names import (
    Names,
    PkiError,
    desired_names,
    usable_name,
)

NOW = datetime.datetime(2026, 3, 1, 12, 0, 0, tzinfo=datetime.UTC)

label = st.from_regex(r"\A[A-Za-z0-9]([A-Za-z0-9-]{0,15}[A-Za-z0-9])?\Z")
host_name = st.lists(label, min_size=1, max_size=4).map(".".join).filter(lambda name: not name.split(".")[-1].isdigit())
address = st.ip_addresses().map(str)
anything = st.one_of(st.text(), host_name, address, st.from_regex(r"[a-z0-9*._:-]{1,20}"))


@pytest.fixture(scope="module")
def ca(tmp_path_factory: pytest.TempPathFactory) -> CertificateAuthority:
    return CertificateAuthority.load_or_create(tmp_path_factory.mktemp("ca"), now=NOW)


@pytest.fixture(scope="module")
def csr() -> bytes:
    key = ec.generate_private_key(ec.SECP256R1())
    request = x509.CertificateSigningRequestBuilder().subject_name(x509.Name([])).sign(key, hashes.SHA256())
    return request.public_bytes(serialization.Encoding.PEM)


@given(anything, anything, anything, st.lists(anything))
def test_facts_and_inventory_never_fail(hostname: str, fqdn: str, inventory_name: str, addresses: list[str]) -> None:
    """They give names that can be asked for."""
    names = desired_names(hostname, fqdn, inventory_name, addresses)
    assert desired_names(extra=[*names.dns, *names.ips])[:2] == names[:2]
    assert not set(names.left_out) & {*names.dns, *names.ips}
    assert desired_names(hostname, fqdn, inventory_name, addresses, names.left_out).left_out == ()


@given(anything, anything, st.lists(anything))
def test_a_host_alone_gets_nothing(hostname: str, fqdn: str, addresses: list[str]) -> None:
    assert desired_names(hostname, fqdn, None, addresses)[:2] == ((), ())


@given(anything, anything, host_name, st.lists(anything))
def test_no_public_name_that_the_inventory_lacks(hostname: str, fqdn: str, own: str, addresses: list[str]) -> None:
    """Whatever the resolver may confirm."""
    names = desired_names(hostname, fqdn, own, addresses, confirms=lambda _name: True)
    private = (".local", ".home.arpa", ".internal", ".lan", ".home", ".localdomain")
    known = set(desired_names(inventory_name=own).dns)
    domain = own.lower().partition(".")[2]
    label = own.lower().partition(".")[0]
    assert all(name in known or name.endswith(private) or name in (label, f"{label}.{domain}") for name in names.dns)


def spellings(name: str) -> st.SearchStrategy[str]:
    """How else a name or an address can be written."""
    wide = {ord(character): ord(character) + 0xFEE0 for character in "abcdefghijklmnopqrstuvwxyz0123456789-"}
    forms = [name, name.upper(), name.title(), name.translate(wide), f"{name}.", f"{name}.local", f"{name}.lan"]
    try:
        parsed = ipaddress.ip_address(name)
        forms += [parsed.exploded, parsed.compressed.upper(), f" {parsed}"]
    except ValueError:
        pass
    blank = st.sampled_from(["", " ", "\t", "\n"])
    return st.tuples(blank, st.sampled_from(forms), blank).map("".join)


@given(st.data(), st.one_of(label, host_name, address), host_name)
def test_no_spelling_of_what_another_host_has(data: st.DataObject, theirs: str, own: str) -> None:
    claims = data.draw(st.lists(spellings(theirs), min_size=2, max_size=4))
    bare = theirs.lower().partition(".")[0]
    taken = [data.draw(spellings(theirs)), theirs, bare, f"{bare}.local", f"{theirs}.lan", f"{theirs}.local"]
    names = desired_names(claims[0], claims[1], own, claims, confirms=lambda _name: True, taken=taken)
    forbidden = {str(name) for name in map(usable_name, taken) if name} - {usable_name(own)}
    assert not forbidden & {*names.dns, *names.ips}


@given(st.lists(anything))
def test_additional_names_are_taken_once_and_settle_or_are_refused(extra: list[str]) -> None:
    try:
        names = desired_names(extra=extra)
    except PkiError:
        return
    assert len(set(names.dns)) == len(names.dns) <= len(extra)
    assert len(set(names.ips)) == len(names.ips) <= len(extra)
    assert all(name.isascii() and name == name.lower() for name in names.dns)
    assert all(str(ipaddress.ip_address(text)) == text for text in names.ips)
    assert desired_names(extra=[*names.dns, *names.ips]) == names


@given(host_name)
def test_every_host_name_is_taken(name: str) -> None:
    assert desired_names(extra=[name]).dns == (name.lower(),) or name.lower().startswith("xn--") or "--" in name


@settings(deadline=None)
@given(st.lists(st.one_of(host_name, address), min_size=1), st.integers(1, 825))
def test_what_is_issued_will_do(ca: CertificateAuthority, csr: bytes, extra: list[str], days: int) -> None:
    try:
        names = desired_names(extra=extra)
    except PkiError:
        return
    chain = certificates.issue(ca, csr, names, days, now=NOW)
    assert certificates.reasons_to_issue(chain, True, names, ca.certificate, days - 1, now=NOW) == []
    described = certificates.describe(chain)
    assert (tuple(described["dns_names"]), tuple(described["ip_addresses"])) == names[:2]


@given(st.binary())
def test_garbage_is_a_reason_and_nothing_else(ca: CertificateAuthority, pem: bytes) -> None:
    assert len(certificates.reasons_to_issue(pem, None, Names((), ()), ca.certificate, 30)) == 1


@settings(max_examples=500, deadline=None)
@given(st.lists(st.tuples(st.floats(0, 1, exclude_max=True), st.integers(0, 255)), min_size=1, max_size=4))
def test_damaged_certificates_are_read_or_refused(
    ca: CertificateAuthority, csr: bytes, changes: list[tuple[float, int]]
) -> None:
    names = Names(("pi.local",), ("192.0.2.7",))
    chain = certificates.issue(ca, csr, names, now=NOW)
    der = bytearray(base64.b64decode(b"".join(chain.splitlines()[1:-1])))
    for location, value in changes:
        der[int(location * len(der))] = value
    pem = b"-----BEGIN CERTIFICATE-----\n" + base64.encodebytes(der) + b"-----END CERTIFICATE-----\n"
    reasons = certificates.reasons_to_issue(pem, True, names, ca.certificate, 30, now=NOW)
    assert reasons or bytes(der) == base64.b64decode(b"".join(chain.splitlines()[1:-1]))
    try:
        certificates.describe(pem)
    except PkiError:
        assert reasons


step = st.one_of(
    st.tuples(st.just("replace"), st.integers(100, 3000)),
    st.tuples(st.just("renew"), st.integers(100, 3000)),
    st.tuples(st.just("wait"), st.integers(1, 300)),
)


@settings(max_examples=60, deadline=None)
@given(st.lists(step, max_size=8))
def test_every_root_that_may_still_vouch_is_accepted(csr: bytes, steps: list[tuple[str, int]]) -> None:
    """Whatever happens to the authority."""
    now = NOW
    with tempfile.TemporaryDirectory() as folder:
        ca = CertificateAuthority.load_or_create(folder, now=now)
        roots = [[ca.certificate]]
        for what, days in steps:
            if what == "wait":
                now += datetime.timedelta(days=days)
                continue
            # One that has expired vouches for nobody: whoever trusts it, or what it vouched for, is lost.
            if what == "replace":
                lost = ca.certificate.not_valid_after_utc < now
                ca = CertificateAuthority.replace(folder, days=days, now=now)
                assert bool(ca.warnings) == lost
                roots = [*([] if lost else roots[-2:]), [ca.certificate]]
            else:
                ca = CertificateAuthority.renew(folder, days=days, now=now)
                roots[-1].append(ca.certificate)
        loaded = CertificateAuthority.load_or_create(folder)
    assert (loaded.certificate, loaded.others) == (ca.certificate, ca.others)
    names = Names(("pi.local",), ())
    try:
        chain = x509.load_pem_x509_certificates(certificates.issue(loaded, csr, names, now=now))
    except PkiError:
        assert ca.certificate.not_valid_after_utc < now
        return
    assert all(each.issuer != each.subject and each.not_valid_after_utc >= now for each in chain)
    # Cross certificates end with what signed them, also when that was renewed before.
    sent = len(chain)
    for root in [each for generation in roots[-sent:] for each in generation if each.not_valid_after_utc >= now]:
        store = verification.Store([root])
        builder = verification.PolicyBuilder().store(store).time(now).max_chain_depth(4)
        path = builder.build_server_verifier(x509.DNSName("pi.local")).verify(chain[0], chain[1:])
        assert path[-1] == root
