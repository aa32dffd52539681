#!/bin/sh
# Waits until Node-RED has written what it writes at its first start: first-start.sh USER_DIR
# The last of it is the key that it makes for credentials. Each file is moved to its place when it is complete.
until [ -e "$1/.config.nodes.json" ] && grep -qs _credentialSecret "$1/.config.runtime.json"; do
    sleep 0.2
done
