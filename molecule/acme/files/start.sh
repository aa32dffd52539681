#!/bin/sh
# Makes the certificate that the ACME server itself shows, and starts it with its name server.
set -e
mkdir /etc/pebble
cd /etc/pebble
openssl req -x509 -newkey rsa:2048 -nodes -keyout ca.key -out ca.pem -days 30 -subj '/CN=ACME server of the tests' \
    -addext keyUsage=critical,keyCertSign
openssl req -x509 -CA ca.pem -CAkey ca.key -newkey rsa:2048 -nodes -keyout key.pem -out cert.pem -days 30 \
    -subj /CN=authority.example.test -addext basicConstraints=critical,CA:FALSE \
    -addext subjectAltName=DNS:authority.example.test
chown bind /var/lib/bind/example.test
systemctl restart named
systemctl start pebble
