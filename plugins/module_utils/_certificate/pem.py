# Copyright (c) 2026, the pifleet.nodered maintainers
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""PEM files on the managed host: their parts, and whether key and certificate belong together."""

from __future__ import annotations

import re
import ssl

_CERTIFICATE = re.compile(rb"-----BEGIN CERTIFICATE-----.+?-----END CERTIFICATE-----\r?\n?", re.DOTALL)

_PRIVATE_KEY = re.compile(
    rb"-----BEGIN (?:[A-Z]+ )?PRIVATE KEY-----.+?-----END (?:[A-Z]+ )?PRIVATE KEY-----\r?\n?", re.DOTALL
)


def split_pem(content):
    """The private key and the certificates of a PEM file, each None or empty where there is none."""
    key = _PRIVATE_KEY.search(content or b"")
    return (key.group(0) if key else None), b"".join(_CERTIFICATE.findall(content or b""))


def key_matches(path, account):
    """Whether the private key in a PEM file belongs to its first certificate; False for an encrypted key."""
    with account.rights():
        try:
            # A password that cannot be right, because the library would ask on the terminal otherwise.
            ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(path, password="")
        except (ssl.SSLError, ValueError, OSError):
            return False
    return True
