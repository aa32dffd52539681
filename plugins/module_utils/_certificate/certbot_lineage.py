# Copyright (c) 2026, the pifleet.nodered maintainers
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What certbot keeps on a host for one Node-RED, and the hook by which it hands on each renewal.

Certbot calls the certificates that it has fetched for one purpose, one after the other, a lineage.
"""

from __future__ import annotations

import configparser
import os
import re
import ssl

from ansible_collections.pifleet.nodered.plugins.module_utils._host import files
from ansible_collections.pifleet.nodered.plugins.module_utils._host.store import Store
from ansible_collections.pifleet.nodered.plugins.module_utils._shared import certbot_hook
from ansible_collections.pifleet.nodered.plugins.module_utils._shared.certbot_hook import (
    lineage_name,
    live_directory,
)
from ansible_collections.pifleet.nodered.plugins.module_utils._shared.checksum import checksum

TIMERS = "/etc/systemd/system/timers.target.wants"

#: The record in the store of what was asked for when the certificate was fetched: names and options.
RECORD = "acme.json"


def renewal_file(service):
    return os.path.join(certbot_hook.FOLDER, "renewal", lineage_name(service) + ".conf")


def credentials_file(service):
    return os.path.join(certbot_hook.FOLDER, lineage_name(service) + ".credentials.ini")


def hook_file(service):
    return os.path.join(certbot_hook.FOLDER, "renewal-hooks/deploy", lineage_name(service))


def read(service):
    """What certbot has for a service as a dictionary; None where there is no lineage."""
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


def timer_enabled():
    """Whether certbot renews by itself."""
    return any(os.path.lexists(os.path.join(TIMERS, name)) for name in ("certbot.timer", "snap.certbot.renew.timer"))


def expected_after_renewal(expected, found, certificate):
    """What a proof expects, now that certbot's hook may have replaced the certificate that it saw.

    ``found`` is what ``read`` gave, ``certificate`` what the service has.
    """
    if not found or not certificate["key_matches"] or not expected.get("certificate"):
        return expected
    installed, fetched = (_first(chain) for chain in (certificate["chain"], found["chain"]))
    return {**expected, "certificate": checksum(installed)} if installed and installed == fetched else expected


def _first(chain):
    """The DER bytes of the first certificate of a chain, or None."""
    try:
        return ssl.PEM_cert_to_DER_cert(re.search(r"-----BEGIN.*?-----END CERTIFICATE-----", chain, re.DOTALL).group())
    except (AttributeError, ValueError):
        return None


def _renewal_parameters(content):
    """The options that certbot renews a lineage with, as text; empty where it cannot read them itself."""
    if content is None:
        return None
    parser = configparser.ConfigParser(interpolation=None, strict=False)
    try:
        # The file has values before its first section.
        parser.read_string("[lineage]\n" + content.decode("utf-8", "replace"))
        return dict(parser["renewalparams"])
    except (configparser.Error, KeyError):
        return {}


def _key_matches(live):
    try:
        # A password that cannot be right, because the library would ask on the terminal otherwise.
        ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(
            os.path.join(live, "fullchain.pem"), os.path.join(live, "privkey.pem"), password=""
        )
    except (ssl.SSLError, ValueError, OSError):
        return False
    return True
