# Copyright (c) 2026, the pifleet.nodered maintainers
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What certbot keeps on a host for one Node-RED, and the hook by which it hands on each renewal.

Certbot calls the certificates that it has fetched for one purpose, one after the other, a lineage.
"""

from __future__ import annotations

import os
import re
import ssl
import typing as t

from ansible_collections.pifleet.nodered.plugins.module_utils._host import files
from ansible_collections.pifleet.nodered.plugins.module_utils._host.store import Store
from ansible_collections.pifleet.nodered.plugins.module_utils._shared import layout
from ansible_collections.pifleet.nodered.plugins.module_utils._shared.checksum import checksum
from ansible_collections.pifleet.nodered.plugins.module_utils._shared.layout import lineage_name, live_directory

if t.TYPE_CHECKING:
    from ansible_collections.pifleet.nodered.plugins.module_utils._shared.host_state import (
        CertificateState,
        Expected,
        LineageState,
    )

TIMERS = "/etc/systemd/system/timers.target.wants"

#: The record in the store of what was asked for when the certificate was fetched: names and options.
RECORD = "acme.json"


def renewal_file(service: str) -> str:
    """Where certbot keeps how it renews the lineage of a service."""
    return os.path.join(layout.CERTBOT_DIRECTORY, "renewal", f"{lineage_name(service)}.conf")


def credentials_file(service: str) -> str:
    """Where that lies which a dns- challenge logs in with."""
    return os.path.join(layout.CERTBOT_DIRECTORY, f"{lineage_name(service)}.credentials.ini")


def hook_file(service: str) -> str:
    """Where the hook lies that hands on renewals."""
    return os.path.join(layout.CERTBOT_DIRECTORY, "renewal-hooks/deploy", lineage_name(service))


def read(service: str) -> LineageState | None:
    """What certbot has for a service.

    :param service: the name of the service, with or without its suffix
    :returns: its lineage, or None where there is none
    :raises HostError: a file cannot be read
    """
    parameters = _renewal_parameters(files.read(renewal_file(service)))
    if parameters is None:
        return None
    live = live_directory(service)
    record = Store(service).read(RECORD) or {}
    return {
        "name": lineage_name(service),
        "names": record.get("names", []),
        "chain": (files.read(os.path.join(live, "fullchain.pem")) or b"").decode("ascii", "replace"),
        "key_matches": _key_matches(live),
        "directory": parameters.get("server", ""),
        "challenge": parameters.get("authenticator", ""),
        "options": record.get("options", ""),
        "hook": checksum(files.read(hook_file(service))),
        "timer": timer_enabled(),
    }


def timer_enabled() -> bool:
    """Whether certbot renews by itself."""
    return any(os.path.lexists(os.path.join(TIMERS, name)) for name in ("certbot.timer", "snap.certbot.renew.timer"))


def expected_after_renewal(expected: Expected, renewed: str, certificate: CertificateState) -> Expected:
    """What a proof expects, now that the certificate that it saw may have been replaced by what renews it on the host.

    :param expected: what it expected
    :param renewed: the certificates that certbot or another one has there; empty where there is none
    :param certificate: what the service has
    :returns: what it expects now
    """
    if not renewed or not certificate["key_matches"] or not expected.get("certificate"):
        return expected
    installed, fetched = (_first(chain) for chain in (certificate["chain"] or "", renewed))
    return {**expected, "certificate": checksum(installed)} if installed and installed == fetched else expected


def _first(chain: str) -> bytes | None:
    """The DER bytes of the first certificate of a chain, or None."""
    certificate = re.search(r"-----BEGIN.*?-----END CERTIFICATE-----", chain, re.DOTALL)
    try:
        return ssl.PEM_cert_to_DER_cert(certificate.group()) if certificate else None
    except ValueError:
        return None


def _renewal_parameters(content: bytes | None) -> dict[str, str] | None:
    """The options that certbot renews a lineage with; empty where it cannot read them itself."""
    if content is None:
        return None
    # Few hosts have a lineage.
    import configparser

    parser = configparser.ConfigParser(interpolation=None, strict=False)
    try:
        # The file has values before its first section.
        parser.read_string("[lineage]\n" + content.decode("utf-8", "replace"))
        return dict(parser["renewalparams"])
    except (configparser.Error, KeyError):
        return {}


def _key_matches(live: str) -> bool:
    try:
        # A password that cannot be right, because the library would ask on the terminal otherwise.
        ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(
            os.path.join(live, "fullchain.pem"), os.path.join(live, "privkey.pem"), password=""
        )
    except (ssl.SSLError, ValueError, OSError):
        return False
    return True
