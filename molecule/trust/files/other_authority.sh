#!/bin/sh
# Makes the file ca.pem of an authority that was renewed and replaced: other_authority.sh DIRECTORY
set -eu
new() { openssl genpkey -quiet -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out "$1"; }
root() { openssl req -x509 -new -key "$1" -subj "/CN=Other: fleet, CA" -out "$2" "$3" "$4"; }
cd "$1"
new old.key; new new.key
root old.key old.pem -days 10
root old.key renewed.pem -days 20
openssl req -new -key new.key -subj "/CN=Cross" -addext basicConstraints=critical,CA:TRUE -out cross.csr
openssl x509 -req -in cross.csr -copy_extensions copy -CA old.pem -CAkey old.key -days 10 -out cross.pem
openssl req -x509 -new -key new.key -subj "/CN=Expired" -not_before 20200101000000Z -not_after 20210101000000Z \
    -out expired.pem 2>/dev/null ||
    openssl x509 -req -in cross.csr -signkey new.key -copy_extensions copy -days -1 -out expired.pem
cat renewed.pem cross.pem expired.pem old.pem >ca.pem
