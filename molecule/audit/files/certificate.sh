#!/bin/sh
# Makes key.pem and cert.pem of an unknown authority: expired, and without a subject alternative name.
set -e
openssl req -newkey rsa:2048 -nodes -keyout key.pem -subj '/CN=A test' -out request.pem
mkdir -p authority
: >authority/index
echo 01 >authority/serial
openssl req -x509 -newkey rsa:2048 -nodes -keyout authority/key.pem -subj '/CN=An unknown authority' -days 30 \
    -out authority/cert.pem
printf '%s\n' '[ca]' 'default_ca=a' '[a]' 'database=authority/index' 'serial=authority/serial' \
    'new_certs_dir=authority' 'certificate=authority/cert.pem' 'private_key=authority/key.pem' \
    'default_md=sha256' 'policy=p' '[p]' 'commonName=supplied' >authority/conf
openssl ca -batch -config authority/conf -in request.pem -out cert.pem -notext \
    -startdate 20200101000000Z -enddate 20210101000000Z
chmod 0644 key.pem cert.pem
rm -r authority request.pem
