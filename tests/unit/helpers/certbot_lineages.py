# Copyright (c) 2026, the pifleet.nodered maintainers
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Lineages of certbot for the tests: what it would have fetched, and what the host says of it."""

from __future__ import annotations

import datetime
import pathlib

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa

from ansible_collections.pifleet.nodered.plugins.module_utils._shared import certbot_hook
from ansible_collections.pifleet.nodered.plugins.module_utils._shared.certbot_hook import (
    options_digest,
)
from ansible_collections.pifleet.nodered.plugins.module_utils._shared.checksum import checksum
from ansible_collections.pifleet.nodered.plugins.module_utils._shared.layout import Reader

DIRECTORY = "https://acme.example.org/directory"
NOW = datetime.datetime(2026, 6, 1, tzinfo=datetime.UTC)
HOOK = certbot_hook.hook("nodered", Reader("/home/pi/.node-red/nodecerts/server.pem", "pi", "pi"))


def pair(
    *names: str, key: ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey | None = None, start: int = -10, days: int = 90
) -> tuple[bytes, bytes]:
    """A private key and a certificate, as certbot would have them."""
    key = key or ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([])
    certificate = x509.CertificateBuilder(
        subject,
        subject,
        key.public_key(),
        x509.random_serial_number(),
        NOW + datetime.timedelta(days=start),
        NOW + datetime.timedelta(days=start + days),
    ).add_extension(x509.SubjectAlternativeName([x509.DNSName(name) for name in names]), critical=True)
    return (
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()),
        certificate.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM),
    )


CHAIN = pair("pi.example.org")[1].decode()
LINEAGE = {
    "name": "pifleet-nodered",
    "names": ["pi.example.org"],
    "chain": CHAIN,
    "key_matches": True,
    "directory": DIRECTORY,
    "challenge": "standalone",
    "options": options_digest(None, "", None),
    "hook": checksum(HOOK.encode()),
    "timer": True,
}


def lineage(letsencrypt: pathlib.Path, key: bytes, chain: bytes) -> None:
    live = letsencrypt / "live/pifleet-nodered"
    (live / "privkey.pem").write_bytes(key)
    (live / "fullchain.pem").write_bytes(chain)
    (letsencrypt / "renewal/pifleet-nodered.conf").write_text(
        f"# renew_before_expiry = 30 days\nversion = 2.1.0\nfullchain = {live}/fullchain.pem\n\n# Options\n[renewalparams]\n"
        f"account = 00\nserver = {DIRECTORY}\nauthenticator = webroot\nwebroot_path = /var/www,\n[[webroot_map]]\n"
        "pi.example.org = /var/www\n",
        "utf-8",
    )
