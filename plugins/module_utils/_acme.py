# Copyright (c) 2026, the pifleet.nodered maintainers
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What certbot keeps on a host for one Node-RED, and the hook by which it hands on each renewal.

Certbot calls the certificates that it has fetched for one purpose, one after the other, a lineage.
"""

from __future__ import annotations

import configparser
import json
import os
import re
import shlex
import ssl

from ansible_collections.pifleet.nodered.plugins.module_utils import _files as files
from ansible_collections.pifleet.nodered.plugins.module_utils._transaction import Store

FOLDER = "/etc/letsencrypt"
TIMERS = "/etc/systemd/system/timers.target.wants"
#: Set where a run of Ansible asks for the certificate: it puts it in place itself, so that it can go back.
RUNNING = "PIFLEET_NODERED_RUN"
#: The record in the store of what was asked for when the certificate was fetched: names and options.
RECORD = "acme.json"

_HOOK = r"""#!/bin/sh
# Written by pifleet.nodered. Certbot runs it after each renewal: it puts the key and the certificates where the service
# {service} reads them, without a restart. Run by hand, it does so again.
set -eu
lineage={lineage}
[ "${{RENEWED_LINEAGE:-$lineage}}" = "$lineage" ] || exit 0
[ -z "${{{running}:-}}" ] || exit 0

content=$(cat "$lineage/privkey.pem" "$lineage/fullchain.pem")
# The folder belongs to the user, so it is written with the rights of that user: a planted link leads nowhere.
printf '%s\n' "$content" |
setsid --wait setpriv --reuid={user} --regid={group} --init-groups --no-new-privs sh -c '
    set -eu
    umask 077
    folder=${{1%/*}} file=${{1##*/}}
    [ -d "$folder" ] || mkdir "$folder"
    cd "$folder"
    new=.$file.renewed
    trap "rm -f $new" EXIT
    rm -f "$new"
    set -C
    cat >"$new"
    key=$(openssl pkey -in "$new" -pubout)
    certificate=$(openssl x509 -in "$new" -noout -pubkey)
    if [ "$key" != "$certificate" ] || [ "$(wc -c <"$new")" -ne "$2" ]; then
        echo "$1 stays as it is: the key in $3 does not fit the certificate beside it." >&2
        exit 1
    fi
    sync "$new"
    mv -fT "$new" "$file"
' deploy {path} $((${{#content}} + 1)) "$lineage"
"""


def lineage_name(service):
    """The name of the lineage, which is part of file names, some of which certbot hands to a shell."""
    return "pifleet-" + re.sub(r"[^\w.@-]", "_", service.removesuffix(".service"), flags=re.ASCII)


def live_folder(service):
    return os.path.join(FOLDER, "live", lineage_name(service))


def renewal_file(service):
    return os.path.join(FOLDER, "renewal", lineage_name(service) + ".conf")


def credentials_file(service):
    return os.path.join(FOLDER, lineage_name(service) + ".credentials.ini")


def hook_file(service):
    return os.path.join(FOLDER, "renewal-hooks/deploy", lineage_name(service))


def hook(service, user, group, path):
    """The text of the hook that puts a renewed key with its certificates into the file ``path`` of a user."""
    service = service.removesuffix(".service")
    return _HOOK.format(service=service, lineage=shlex.quote(live_folder(service)), running=RUNNING,
                        user=shlex.quote(user), group=shlex.quote(group), path=shlex.quote(path))


def options_digest(webroot, configuration, credentials):
    """What stands for options that may be secret, to see whether they have changed."""
    return files.checksum(json.dumps([webroot or "", configuration or "", credentials or ""]).encode())


def read(service):
    """What certbot has for a service as a dictionary; None where there is no lineage."""
    parameters = _renewal_parameters(files.read(renewal_file(service)))
    if parameters is None:
        return None
    live = live_folder(service)
    record = Store(service).read(RECORD) or {}
    return {
        "name": lineage_name(service),
        "names": record.get("names", []),
        "chain": (files.read(os.path.join(live, "fullchain.pem")) or b"").decode("ascii", "replace"),
        "key_fits": _key_fits(live),
        "directory": parameters.get("server", ""),
        "challenge": parameters.get("authenticator", ""),
        "options": record.get("options", ""),
        "hook": files.checksum(files.read(hook_file(service))),
        "timer": timer_enabled(),
    }


def timer_enabled():
    """Whether certbot renews by itself."""
    return any(os.path.lexists(os.path.join(TIMERS, name)) for name in ("certbot.timer", "snap.certbot.renew.timer"))


def reasons_to_fetch(found, directory, challenge, options):
    """Why a lineage must be fetched anew although certbot itself would see no need; ``found`` is what ``read`` gave."""
    reasons = []
    if found["directory"] != directory:
        reasons.append("it came from %s and should come from %s" % (found["directory"], directory))
    if found["challenge"] != challenge:
        reasons.append("its renewal is proved with %s and should be with %s" % (found["challenge"], challenge))
    if found["options"] != options:
        reasons.append("certbot's other options were changed")
    return reasons


def expected_after_renewal(expected, found, certificate):
    """What a proof expects, now that certbot's hook may have replaced the certificate that it saw.

    ``found`` is what ``read`` gave, ``certificate`` what the service has.
    """
    if not found or not certificate["key_fits"] or not expected.get("certificate"):
        return expected
    installed, fetched = (_first(chain) for chain in (certificate["chain"], found["chain"]))
    return {**expected, "certificate": files.checksum(installed)} if installed and installed == fetched else expected


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


def _key_fits(live):
    try:
        # A password that cannot be right, because the library would ask on the terminal otherwise.
        ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(
            os.path.join(live, "fullchain.pem"), os.path.join(live, "privkey.pem"), password="")
    except (ssl.SSLError, ValueError, OSError):
        return False
    return True
