#!/bin/sh
# Copyright (c) 2026, the pifleet.nodered maintainers
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Install a release of a package of npm for all users, whole: `npm.sh PACKAGE RELEASE`. Says `installed` where it was not there.
set -eu
package=$1
release=$2
packages=/usr/local/lib/node_modules
# Killed, or without power, npm leaves a package that looks whole. The mark is there until all of it is on the disk.
mark=$packages/.$package.pifleet

mkdir -p "$packages"
# Two services of one host, each with a name of its own in the inventory, are installed at the same time.
exec 9<"$packages"
flock 9
if [ -e "$mark" ]; then
    # A dot before its name has a package while npm puts another one in its place.
    find "$packages" -maxdepth 1 -regex ".*/\\(\\.$package-[^-]*\\|$package\\)" -exec rm -r -- {} +
elif [ -e "$packages/$package" ]; then
    exit
fi
: > "$mark"
npm install --global --no-audit --no-fund "$package@$release"
sync --file-system "$packages"
rm "$mark"
echo installed
