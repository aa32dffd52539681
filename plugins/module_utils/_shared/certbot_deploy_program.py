# Copyright (c) 2026, the pifleet.nodered maintainers
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Generated from certbot_deploy.sh by tests/ci/embed-programs: only Python travels to a host together with a module."""

from __future__ import annotations

PROGRAM = r"""#!/bin/sh
# The part of certbot_hook.sh, and of certificate_source.py, that runs as the user of the service, or as root where nginx reads
# the file. It replaces the file $1 by its standard input, which is the key and the certificates of $3 and has $2 bytes. The unit
# $4, if any, is then told to read it.
set -eu
umask 077
directory=${1%/*} file=${1##*/}
[ -d "$directory" ] || mkdir "$directory"
cd "$directory"
new=.$file.renewed
trap 'rm -f "$new"' EXIT
rm -f "$new"
set -C
cat >"$new"
key=$(openssl pkey -in "$new" -pubout)
certificate=$(openssl x509 -in "$new" -noout -pubkey)
if [ "$key" != "$certificate" ] || [ "$(wc -c <"$new")" -ne "$2" ]; then
    echo "$1 stays as it is: the key in $3 does not fit the certificate beside it." >&2
    exit 1
fi
# Until the unit has been told; after a start of the host it has read the file anyway.
unread=/run/pifleet$(printf %s "$1" | tr / -).unread
# What is there already is not written anew, which spares the card.
if [ -L "$file" ] || ! cmp -s "$new" "$file"; then
    sync "$new"
    [ -z "$4" ] || touch "$unread"
    mv -fT "$new" "$file"
fi
if [ -n "$4" ] && [ -e "$unread" ]; then
    # Its connections go on. One that does not run stays so.
    systemctl try-reload-or-restart "$4"
    rm "$unread"
fi
"""
