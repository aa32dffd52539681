# Copyright (c) 2026, the pifleet.nodered maintainers
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The host's private key and certificate, made with the host's own openssl.

A new key waits in the root-only directory until a certificate for it is there; then both go in place in one rename.
"""

from __future__ import annotations

import contextlib
import os
import re
import subprocess
import tempfile
import typing as t

from ansible_collections.pifleet.nodered.plugins.module_utils._host import files
from ansible_collections.pifleet.nodered.plugins.module_utils._host.errors import HostError
from ansible_collections.pifleet.nodered.plugins.module_utils._host.store import Store
from ansible_collections.pifleet.nodered.plugins.module_utils._host.transaction import Transaction
from ansible_collections.pifleet.nodered.plugins.module_utils._node_red.endpoints import endpoints
from ansible_collections.pifleet.nodered.plugins.module_utils._node_red.unit import located
from ansible_collections.pifleet.nodered.plugins.module_utils._proxy.placement import make_directory
from ansible_collections.pifleet.nodered.plugins.module_utils._shared.certificate_source import pair, split_pem
from ansible_collections.pifleet.nodered.plugins.module_utils._shared.layout import (
    Reader,
    certificate_file,
    proxy_certificate,
)

if t.TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from ansible_collections.pifleet.nodered.plugins.module_utils._host.account import Account
    from ansible_collections.pifleet.nodered.plugins.module_utils._node_red.unit import Unit
    from ansible_collections.pifleet.nodered.plugins.module_utils._shared.host_state import CertificateResult

#: Seconds that openssl may take: a Pi Zero needs minutes for a large RSA key.
_TIMEOUT = 300

_ALGORITHMS = {
    "ecdsa-p256": ["-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256", "-pkeyopt", "ec_param_enc:named_curve"],
    "rsa-2048": ["-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:2048"],
    "rsa-3072": ["-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:3072"],
    "rsa-4096": ["-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:4096"],
}
_STAGED = "staged.key"

#: The whole configuration of openssl req, so that nothing of the host's own openssl.cnf gets into the certificate.
_CONFIGURATION = """\
[req]
distinguished_name = subject
prompt = no
utf8 = yes
x509_extensions = extensions
[subject]
CN = {subject}
[extensions]
basicConstraints = critical, CA:FALSE
keyUsage = critical, digitalSignature{encipherment}
extendedKeyUsage = serverAuth
subjectKeyIdentifier = hash
subjectAltName = {names}
"""


def openssl(arguments: Sequence[str], content: bytes | None = None) -> bytes:
    """Run openssl.

    :param arguments: its arguments
    :param content: its standard input
    :returns: what it prints
    :raises HostError: it fails, with its own words; there is none; or it does not end in `_TIMEOUT`
    """
    try:
        run = subprocess.run(["openssl", *arguments], input=content, capture_output=True, timeout=_TIMEOUT, check=False)
    except FileNotFoundError:
        raise HostError("This host has no openssl command. Install it: apt-get install openssl") from None
    except subprocess.TimeoutExpired:
        raise HostError(f"openssl {arguments[0]} did not end in {_TIMEOUT} s.") from None
    if run.returncode != 0:
        raise HostError(f"openssl {arguments[0]} failed: {run.stderr.decode('utf-8', 'replace').strip()}")
    return run.stdout


def fits(key: bytes, chain: bytes) -> bool:
    """Whether a private key belongs to the first certificate of a chain, all in PEM."""
    return openssl(["pkey", "-pubout"], key) == openssl(["x509", "-noout", "-pubkey"], chain)


def key_type_of(key: bytes) -> str:
    """The type of a private key in PEM as `_ALGORITHMS` names it, else what it is as openssl says it."""
    text = openssl(["pkey", "-noout", "-text_pub"], key).decode("utf-8", "replace")
    curve = re.search(r"^ASN1 OID: (\S+)", text, re.MULTILINE)
    if curve:
        return "ecdsa-p256" if curve[1] == "prime256v1" else f"ecdsa-{curve[1]}"
    size = re.search(r"\((\d+) bit", text)
    return f"rsa-{size[1]}" if size and "\nModulus:" in text else text.partition("\n")[0]


class _Place(t.NamedTuple):
    """A file for the key and the certificates."""

    path: str
    #: The user with whose rights it is read and written; None for root's.
    account: Account | None


class HostCertificate:
    """Key and certificate of one Node-RED.

    :param unit: its unit
    :param key_type: the type that the key must have, one of `_ALGORITHMS`; none takes any that is there, and makes one of
        the first type
    :param new_key: whether to make a new key also where there is one that can be used
    :param proxy: whether nginx is to read them instead of Node-RED
    :raises HostError: the host has no such service
    """

    def __init__(self, unit: Unit, key_type: str | None, new_key: bool, proxy: bool = False) -> None:
        self.unit = located(unit)
        self.key_type = key_type
        self.new_key = new_key
        self.proxy = proxy
        beside = os.path.join(self.unit.settings_directory, certificate_file(self.unit.settings_path))
        places = [_Place(beside, self.unit.account), _Place(proxy_certificate(unit.name), None)]
        #: Where they are to be, and where they are after the other of the two read them.
        self.place, self.other = reversed(places) if proxy else places
        self.path = self.place.path
        self.store = Store(unit.name)

    @property
    def reader(self) -> Reader:
        """Who reads them."""
        account = self.place.account
        return Reader(self.path, account.name, account.group) if account else Reader.nginx(self.unit.name)

    def request(self) -> str:
        """A certificate signing request (PKCS #10, PEM) for the host's key."""
        with self.store.lock():
            return self._request(self._key())

    def install(self, chain: bytes, key: bytes | None = None) -> CertificateResult:
        """Put a key and its certificates in place.

        :param chain: the certificates in PEM, that of the server first
        :param key: the key in PEM; none takes the host's own
        :returns: what was installed
        :raises HostError: there is no key, or it does not fit
        """
        with self.store.lock():
            if not key:
                staged = files.read(self.store.path(_STAGED))
                key = staged if staged is not None else self._installed_key()
            if key is None:
                raise HostError("The key that this certificate was made for is gone from the host. Run again.")
            return self._place(key, chain)

    def move(self) -> CertificateResult:
        """Put both where the one reads them that is to, Node-RED or nginx.

        :returns: what was installed
        :raises HostError: there are none, or they do not fit each other
        """
        with self.store.lock():
            key, chain = split_pem(files.read(self.other.path, self.other.account))
            if key is None:
                raise HostError(f"There is no key in {self.other.path} any more. Run again.")
            return self._place(key, chain)

    def self_sign(self, subject: str, names: Sequence[str], days: int) -> CertificateResult:
        """Make a self-signed certificate for the host's key and put both in place.

        :param subject: its common name
        :param names: its subject alternative names, each with its type before it: "DNS:pi.local"
        :param days: how many days it is good for
        :returns: what was installed
        :raises HostError: openssl fails
        """
        with self.store.lock():
            key = self._key()
            encipherment = ", keyEncipherment" if key_type_of(key).startswith("rsa") else ""
            with self._configuration(subject=subject, names=", ".join(names), encipherment=encipherment) as path:
                chain = openssl(
                    ["req", "-x509", "-new", "-sha256", "-days", str(days), "-config", path, "-key", "/dev/stdin"], key
                )
            return self._place(key, chain)

    def _key(self) -> bytes:
        """The key to certify: one that waits for its certificate, else the installed one, else a new one."""
        staged = files.read(self.store.path(_STAGED))
        if staged is not None and self._will_do(staged):
            return staged
        installed = None if self.new_key else self._installed_key()
        if installed is not None and self._will_do(installed):
            return installed
        key = openssl(["genpkey", *_ALGORITHMS[self.key_type or next(iter(_ALGORITHMS))]])
        self.store.keep(_STAGED, key)
        return key

    def _will_do(self, key: bytes) -> bool:
        return self.key_type is None or key_type_of(key) == self.key_type

    def _installed_key(self) -> bytes | None:
        for place in (self.place, self.other):
            key, _chain = split_pem(files.read(place.path, place.account))
            if key is not None:
                return key
        return None

    def _request(self, key: bytes) -> str:
        with self._configuration(subject="pifleet", names="DNS:localhost", encipherment="") as path:
            return openssl(["req", "-new", "-sha256", "-config", path, "-key", "/dev/stdin"], key).decode("ascii")

    @contextlib.contextmanager
    def _configuration(self, **values: str) -> Iterator[str]:
        with tempfile.NamedTemporaryFile(dir=self.store.directory) as stream:
            stream.write(_CONFIGURATION.format(**values).encode())
            stream.flush()
            yield stream.name

    def _place(self, key: bytes, chain: bytes) -> CertificateResult:
        account = self.unit.account
        if not fits(key, chain):
            raise HostError("The key of this host does not fit the certificate that was made for it. Run again.")
        transaction = Transaction(self.store)
        transaction.begin({"active": self.unit.active, "endpoints": endpoints(self.unit)})
        if self.proxy:
            make_directory(transaction, self.unit.name)
            transaction.replace(self.path, pair(key, chain), 0o600, 0, 0)
        else:
            if not os.path.isdir(self.unit.settings_directory):
                transaction.make_directory(self.unit.settings_directory, 0o700, account)
            transaction.make_directory(os.path.dirname(self.path), 0o700, account)
            transaction.replace(self.path, pair(key, chain), 0o600, account.uid, account.gid, account)
        if files.read(self.other.path, self.other.account) is not None:
            transaction.replace(self.other.path, None, 0, 0, 0, self.other.account)
        self.store.discard(_STAGED)
        return {
            "changed": True,
            "chain": chain.decode("ascii"),
            "path": self.path,
            "transaction": transaction.open_record["id"],
        }
