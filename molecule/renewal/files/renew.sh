#!/bin/sh
# Copyright (c) 2026, the pifleet.nodered maintainers
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Makes a key and a certificate as certbot keeps them, the pair number $1, signed by an authority of this host. Who links to
# it in live/ is another step.
set -eu
umask 077
authority=/root/authority
new_key="-newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes"
mkdir -p /etc/letsencrypt/archive/pi.example.com /etc/letsencrypt/live/pi.example.com
cd /etc/letsencrypt/archive/pi.example.com
# shellcheck disable=SC2086 # several options
[ -e $authority.pem ] || openssl req -x509 $new_key -keyout $authority.key -out $authority.pem -subj /CN=Public -days 90
printf 'basicConstraints=critical,CA:FALSE\nextendedKeyUsage=serverAuth\nsubjectAltName=DNS:pi.example.com\n' >$authority.ext
# shellcheck disable=SC2086 # several options
openssl req $new_key -keyout "privkey$1.pem" -out $authority.csr -subj /CN=pi.example.com
openssl x509 -req -in $authority.csr -CA $authority.pem -CAkey $authority.key -CAcreateserial -days 90 \
    -extfile $authority.ext -out "fullchain$1.pem"
