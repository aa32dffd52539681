# Copyright (c) 2026, the pifleet.nodered maintainers
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The independent judges of the tests of certificates: the openssl command and pkilint."""

from __future__ import annotations

import datetime
import pathlib
import re
import stat
import subprocess

from pkilint import loader
from pkilint.pkix import certificate, extension
from pkilint.pkix import name as subject

from ansible_collections.pifleet.nodered.plugins.plugin_utils._pki.names import Names

NAMES = Names(("pi.example.com", "pi", "pi.local"), ("192.0.2.7", "2001:db8::7"))
NOW = datetime.datetime(2026, 3, 1, 12, 0, 0, tzinfo=datetime.UTC)
DAY = datetime.timedelta(days=1)
NO_CERTIFICATE = b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"

KEYS = {
    "p192": ["-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-192"],
    "p256": ["-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256"],
    "p384": ["-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-384"],
    "p521": ["-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-521"],
    "rsa2048": ["-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:2048"],
    "rsa1024": ["-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:1024"],
    "ed25519": ["-algorithm", "ED25519"],
}


# pkilint wants two labels at least, as on the internet, and no wildcard: RFC 1034, 3.5, and RFC 6125 know both.
_ACCEPTED = re.compile(r'pkix.invalid_domain_name_syntax: .*"([a-z0-9-]+|\*\.[a-z0-9.-]+)"')


def openssl(*arguments: object, content: bytes | None = None, check: bool = True) -> str:
    run = subprocess.run(["openssl", *map(str, arguments)], input=content, capture_output=True, check=False)
    output = (run.stdout + run.stderr).decode("utf-8", "replace")
    assert not check or run.returncode == 0, output
    return output


class CertificateFactory:
    """Keys, requests and certificates from the openssl command, each made once."""

    def __init__(self, folder: pathlib.Path) -> None:
        self.folder = folder

    def key(self, kind: str) -> pathlib.Path:
        path = self.folder / f"{kind}.key"
        if not path.exists():
            openssl("genpkey", *KEYS[kind], "-out", path)
        return path

    def request(self, kind: str) -> bytes:
        path = self.folder / f"{kind}.csr"
        if not path.exists():
            subject = ["-subj", "/CN=whatever the host says"]
            extensions = [
                "subjectAltName=DNS:bank.example",
                "basicConstraints=critical,CA:TRUE",
                "keyUsage=keyCertSign",
            ]
            added = [argument for extension in extensions for argument in ("-addext", extension)]
            openssl("req", "-new", "-key", self.key(kind), *subject, *added, "-out", path)
        return path.read_bytes()

    def self_signed(self, kind: str, *arguments: str, subject: str = "/CN=pi") -> bytes:
        path = self.folder / "self_signed.pem"
        openssl("req", "-x509", "-new", "-key", self.key(kind), "-subj", subject, *arguments, "-out", path)
        return path.read_bytes()

    def signed(
        self, kind: str, issuer: bytes, issuer_kind: str, extensions: str, *arguments: str, subject: str = "/CN=pi"
    ) -> bytes:
        """A certificate below another one, whose key is of the kind ``issuer_kind``."""
        for name, content in (("issuer.pem", issuer), ("extensions", extensions.encode("ascii"))):
            (self.folder / name).write_bytes(content)
        request = openssl("req", "-new", "-key", self.key(kind), "-subj", subject)
        path = self.folder / "signed.pem"
        openssl(
            "x509",
            "-req",
            "-CA",
            self.folder / "issuer.pem",
            "-CAkey",
            self.key(issuer_kind),
            "-extfile",
            self.folder / "extensions",
            *(arguments or ("-days", "90")),
            "-out",
            path,
            content=request.encode("ascii"),
        )
        return path.read_bytes()


def text(pem: bytes) -> str:
    return openssl("x509", "-noout", "-text", content=pem)


def verify(tmp_path: pathlib.Path, root: bytes, chain: bytes, *arguments: str, when: datetime.datetime = NOW) -> str:
    (tmp_path / "root.pem").write_bytes(root)
    (tmp_path / "chain.pem").write_bytes(chain)
    return openssl(
        "verify",
        "-x509_strict",
        "-purpose",
        "sslserver",
        "-attime",
        int(when.timestamp()),
        "-CAfile",
        tmp_path / "root.pem",
        "-untrusted",
        tmp_path / "chain.pem",
        *arguments,
        tmp_path / "chain.pem",
        check=False,
    )


def mode(path: pathlib.Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def blocks(pem: bytes) -> list[bytes]:
    """Each certificate of a PEM text."""
    return re.findall(rb"-----BEGIN CERTIFICATE-----.*?-----END CERTIFICATE-----\n", pem, re.DOTALL)


def lint(pem: bytes) -> list[str]:
    """What pkilint finds wrong in any certificate of a PEM text, by RFC 5280."""
    validator = certificate.create_pkix_certificate_validator_container(
        certificate.create_decoding_validators(subject.ATTRIBUTE_TYPE_MAPPINGS, extension.EXTENSION_MAPPINGS),
        [
            certificate.create_issuer_validator_container([]),
            certificate.create_validity_validator_container(),
            certificate.create_subject_validator_container([]),
            certificate.create_extensions_validator_container([]),
            certificate.create_spki_validator_container([]),
        ],
    )
    found = []
    for number, each in enumerate(blocks(pem)):
        document = loader.load_pem_certificate(each.decode("ascii"), f"certificate {number}")
        for result in validator.validate(document.root):
            for finding in result.finding_descriptions:
                severe = finding.finding.severity.name in ("WARNING", "ERROR", "FATAL")
                expected = f"{finding.finding.code}: {finding.message}"
                if severe and not _ACCEPTED.fullmatch(expected):
                    found.append(f"certificate {number}: {expected}")
    return found
