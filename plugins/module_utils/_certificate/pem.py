# Copyright (c) 2026, the pifleet.nodered maintainers
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""PEM files on the managed host: their parts, and whether key and certificate belong together."""

from __future__ import annotations

import re
import ssl
import typing as t

if t.TYPE_CHECKING:
    from ansible_collections.pifleet.nodered.plugins.module_utils._host.account import Account

_CERTIFICATE = re.compile(rb"-----BEGIN CERTIFICATE-----.+?-----END CERTIFICATE-----\r?\n?", re.DOTALL)

_PRIVATE_KEY = re.compile(
    rb"-----BEGIN (?:[A-Z]+ )?PRIVATE KEY-----.+?-----END (?:[A-Z]+ )?PRIVATE KEY-----\r?\n?", re.DOTALL
)


def split_pem(content: bytes | None) -> tuple[bytes | None, bytes]:
    """Take a PEM file apart.

    :param content: the file, None where there is none
    :returns: the private key, or None, and the certificates, or nothing
    """
    key = _PRIVATE_KEY.search(content or b"")
    return (key.group(0) if key else None), b"".join(_CERTIFICATE.findall(content or b""))


def key_matches(path: str, account: Account) -> bool:
    """Whether the private key in a PEM file belongs to its first certificate; False for an encrypted key.

    :param path: the file
    :param account: the user with whose rights it is read
    """
    with account.rights():
        try:
            # A password that cannot be right, because the library would ask on the terminal otherwise.
            ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(path, password="")
        except (ssl.SSLError, ValueError, OSError):
            return False
    return True
