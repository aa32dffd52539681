#!/bin/sh
# Copyright (c) 2026, the pifleet.nodered maintainers
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# `nginx -T -c FILE` for the tests: prints its files as nginx does, and complains as their lines `# says:` and `# logs:` tell it
# to, before and after it has opened its log. `# refuses` makes it fail.
directory=${3%/*}
included=$(sed -n 's/^include \(.*\);$/\1/p' "$3")
# A pattern.
# shellcheck disable=SC2086
for file in "$3" $included; do
    [ -f "$file" ] || continue
    echo "# configuration file $file:"
    cat "$file"
    sed -n 's|^# says: |nginx: |p; s|^# logs: |2026/11/27 10:00:00 |p' "$file" | sed "s|HERE|$file|" >&2
done
! grep -rq '^# refuses' "$directory"
