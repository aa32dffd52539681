# Copyright (c) 2026, the pifleet.nodered maintainers
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The hook by which certbot hands on each renewal, and what certbot's lineage of a service is called."""

from __future__ import annotations

import json
import os
import re
import shlex

from .checksum import checksum

FOLDER = "/etc/letsencrypt"

#: Set where a run of Ansible asks for the certificate: it puts it in place itself, so that it can go back.
RUNNING = "PIFLEET_NODERED_RUN"

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


def live_directory(service):
    return os.path.join(FOLDER, "live", lineage_name(service))


def hook(service, user, group, path):
    """The text of the hook that puts a renewed key with its certificates into the file ``path`` of a user."""
    service = service.removesuffix(".service")
    return _HOOK.format(
        service=service,
        lineage=shlex.quote(live_directory(service)),
        running=RUNNING,
        user=shlex.quote(user),
        group=shlex.quote(group),
        path=shlex.quote(path),
    )


def options_digest(webroot, configuration, credentials):
    """What stands for options that may be secret, to see whether they have changed."""
    return checksum(json.dumps([webroot or "", configuration or "", credentials or ""]).encode())


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
