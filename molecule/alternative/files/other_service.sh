#!/bin/sh
# Runs Node-RED as the service flows and the user flower, in /srv/flows.
set -e
systemctl disable --now nodered
useradd --system --home-dir /srv/flows --create-home flower
cp /home/pi/.node-red/settings.js /srv/flows/
sed -e 's/=pi$/=flower/' -e 's:^WorkingDirectory=.*:WorkingDirectory=/srv/flows:' -e '/^EnvironmentFile/d' \
    -e 's:^ExecStart=.*:ExecStart=/usr/bin/env node-red --userDir /srv/flows:' \
    /usr/lib/systemd/system/nodered.service >/etc/systemd/system/flows.service
mkdir /srv/pictures
echo 'a picture' >/srv/pictures/page.html
chown -R flower: /srv/flows
systemctl enable --now flows
