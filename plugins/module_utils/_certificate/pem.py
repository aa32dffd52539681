# Copyright (c) 2026, the pifleet.nodered maintainers
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""PEM files on the managed host: their parts, and whether key and certificate belong together."""

from __future__ import annotations

import os
import re
import ssl

_BEGIN = re.compile(rb"-----BEGIN ((?:[A-Z]{1,20} )?PRIVATE KEY|CERTIFICATE)-----")


def split_pem(content: bytes | None) -> tuple[bytes | None, bytes]:
    """Take a PEM file apart.

    :param content: the file, None where there is none
    :returns: the private key, or None, and the certificates, or nothing
    """
    content = content or b""
    key = None
    certificates = []
    position = 0
    endless = set()
    while begin := _BEGIN.search(content, position):
        mark = b"-----END " + begin.group(1) + b"-----"
        end = -1 if mark in endless else content.find(mark, begin.end())
        if end < 0:
            endless.add(mark)
            position = begin.end()
            continue
        position = end + len(mark)
        position += len(re.match(rb"\r?\n?", content[position : position + 2]).group())  # type: ignore[union-attr]
        if begin.group(1) == b"CERTIFICATE":
            certificates.append(content[begin.start() : position])
        elif key is None:
            key = content[begin.start() : position]
    return key, b"".join(certificates)


def key_matches(content: bytes) -> bool:
    """Whether the private key in a PEM file belongs to its first certificate; False for an encrypted key.

    :param content: the file
    """
    # Whoever encrypts a key says how long that takes to undo.
    if b"ENCRYPTED" in content:
        return False
    # In memory: the file may be another one by now.
    with os.fdopen(os.memfd_create("pifleet"), "wb") as stream:
        stream.write(content)
        stream.flush()
        try:
            ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(f"/proc/self/fd/{stream.fileno()}", password="")
        except (ssl.SSLError, ValueError, OSError):
            return False
    return True
