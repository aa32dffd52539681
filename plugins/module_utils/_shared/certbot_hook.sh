#!/bin/sh
# Copyright (c) 2026, the pifleet.nodered maintainers
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Written by pifleet.nodered. Certbot runs it after each renewal: it puts the key and the certificates where Node-RED, or
# nginx in front of it, reads them, without a restart. Run by hand, it does so again.
set -eu

# The values of this host:
lineage=/etc/letsencrypt/live/pifleet-nodered
user=pi
group=pi
path=/home/pi/.node-red/nodecerts/server.pem
unit=
deploy='cat >/dev/null'

[ "${RENEWED_LINEAGE:-$lineage}" = "$lineage" ] || exit 0
# A run of Ansible puts the certificate in place itself, so that it can go back.
[ -z "${PIFLEET_NODERED_RUN:-}" ] || exit 0

content=$(cat "$lineage/privkey.pem" "$lineage/fullchain.pem")
# The directory belongs to the user, so it is written with the rights of that user: a planted link leads nowhere.
printf '%s\n' "$content" |
setsid --wait setpriv --reuid="$user" --regid="$group" --init-groups --no-new-privs \
    sh -c "$deploy" deploy "$path" $((${#content} + 1)) "$lineage" "$unit"
