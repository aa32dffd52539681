#!/bin/sh
# What a host holds, a line for each file with its mode, owner and checksum, and what runs there. Run as root.
set -eu
# Not in it: what systemd itself keeps, and what npm logs, which Node-RED starts by itself.
find /home /srv /etc /var/lib -xdev \( -path /var/lib/systemd -o -path /home/pi/.npm \) -prune -o -printf '%p %y %m %u %g %l\n' | sort
find /home /srv /etc /var/lib -xdev \( -path /var/lib/systemd -o -path /home/pi/.npm \) -prune -o -type f -print0 | sort -z | xargs -0 sha256sum
systemctl show nodered --property=MainPID,ActiveState,UnitFileState
