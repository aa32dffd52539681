#!/bin/sh
# Copyright (c) 2026, the pifleet.nodered maintainers
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Gives the host a Node-RED for each way in which people start one, open and running. Each has the port of its name below.
set -eu

global=$(npm root --global)

# settings FILE PORT [LINE]: an open settings file
settings() {
    install -d -o pi -g pi "$(dirname "$1")"
    printf 'module.exports = {\n    // mine\n    uiPort: %s,\n%s}\n' "$2" "${3:+    $3
}" >"$1"
    chown pi:pi "$1"
}

# unit NAME DIRECTORY COMMAND [LINE...]: a later User= wins
unit() {
    name=$1 directory=$2 command=$3
    shift 3
    {
        printf '[Service]\nUser=pi\nGroup=pi\nWorkingDirectory=%s\nExecStart=%s\n' "$directory" "$command"
        [ $# -eq 0 ] || printf '%s\n' "$@"
        printf '[Install]\nWantedBy=multi-user.target\n'
    } >"/etc/systemd/system/$name.service"
}

# project DIRECTORY SCRIPT: as `npm install node-red` in a directory makes it
project() {
    install -d -o pi -g pi "$1" "$1/node_modules" "$1/node_modules/.bin"
    ln -s "$global/node-red" "$1/node_modules/node-red"
    ln -s ../node-red/red.js "$1/node_modules/.bin/node-red"
    printf '{"scripts": {"start": "%s"}}\n' "$2" >"$1/package.json"
}

# A Node.js of its own, whose PATH only a shell knows.
nvm=/home/pi/.nvm
install -d -o pi -g pi $nvm $nvm/versions $nvm/versions/bin $nvm/versions/lib $nvm/versions/lib/node_modules
cp "$(readlink -f "$(command -v node)")" $nvm/versions/bin/node
ln -s "$global/node-red" $nvm/versions/lib/node_modules/node-red
ln -s ../lib/node_modules/node-red/red.js $nvm/versions/bin/node-red
# shellcheck disable=SC2016 # for who reads it
printf 'export PATH=%s/versions/bin:$PATH\n' $nvm >$nvm/nvm.sh
settings /home/pi/nvm/settings.js 1901
unit nvm /home/pi "/bin/bash -c 'source ~/.nvm/nvm.sh && node-red -u nvm'"

project /home/pi/npm "node-red --userDir ./data"
settings /home/pi/npm/data/settings.js 1902
unit npm /home/pi/npm "$(command -v npm) start"

project /home/pi/relative "echo not this one"
settings /home/pi/relative/data/settings.js 1903
unit relative /home/pi/relative "/usr/bin/node node_modules/node-red/red.js --userDir ./data"

settings "/home/pi/USB DISK/node-red/settings.js" 1904
unit spaces /home/pi '/usr/bin/env node-red -u "/home/pi/USB DISK/node-red"'

settings /home/pi/quoted/settings.js 1905
# shellcheck disable=SC2016 # for systemd
unit quoted /home/pi '/usr/bin/env node-red $OPTIONS' "Environment='OPTIONS=-u \"/home/pi/quoted\" --title \"My Pi\"'"

settings /home/pi/repo/settings.js 1906 "functionGlobalContext: require('./shared'),"
printf 'module.exports = { from: "beside the file" };\n' >/home/pi/repo/shared.js
install -d -o pi -g pi /home/pi/linked
ln -s ../repo/settings.js /home/pi/linked/settings.js
unit linked /home/pi "/usr/bin/env node-red -u /home/pi/linked"

settings /home/pi/site/settings.js 1907 "userDir: '/home/pi/nrdata',"
install -d -o pi -g pi -m 0755 /home/pi/nrdata
unit user-dir /home/pi "/usr/bin/env node-red -s /home/pi/site/settings.js"

settings /home/pi/site.a/settings.js 1908
unit node-red@ /home/pi "/usr/bin/env node-red -u /home/pi/%i"

settings /home/pi/shared/settings-a.js 1909
settings /home/pi/shared/settings-b.js 1910
unit shared-a /home/pi "/usr/bin/env node-red -s /home/pi/shared/settings-a.js -u /home/pi/shared"
unit shared-b /home/pi "/usr/bin/env node-red -s /home/pi/shared/settings-b.js -u /home/pi/shared"

# As DietPi has it: a user of its own, and all of it on a data partition.
dietpi=/mnt/dietpi_userdata/node-red
useradd --system --home-dir $dietpi --no-create-home --shell /usr/sbin/nologin nodered
settings $dietpi/settings.js 1913
project $dietpi "echo not this one"
chown -R nodered:nodered $dietpi
unit dietpi $dietpi "$dietpi/node_modules/.bin/node-red -u $dietpi" User=nodered Group=nodered

settings /home/pi/low-port/settings.js 1911
unit low-port /home/pi "/usr/bin/env node-red -u /home/pi/low-port"

# shellcheck disable=SC2016 # for the script
printf '#!/bin/sh\n# my start\ndata=/home/pi/script\ncd "$data" || exit 1\nexec node-red -u "$data" "$@"\n' >/usr/local/bin/start
chmod 0755 /usr/local/bin/start
settings /home/pi/script/settings.js 1912
unit script /home/pi "/usr/local/bin/start --title Mine"

# What is somewhere else, or hidden.
unit docker /home/pi "/usr/bin/docker run --rm -p 1880:1880 nodered/node-red:4.1"
unit pm2 /home/pi "/usr/lib/node_modules/pm2/bin/pm2 resurrect" Type=forking
# shellcheck disable=SC2016 # for the script
printf '#!/bin/sh\nexec node-red -u "$(cat /etc/hostname)"\n' >/usr/local/bin/start-computed
chmod 0755 /usr/local/bin/start-computed
unit computed /home/pi /usr/local/bin/start-computed

systemctl daemon-reload
# Not shared-b: two Node-REDs that start in one new folder at once write one package.json, and one of them ends.
systemctl start nvm npm relative spaces quoted linked user-dir node-red@site.a shared-a low-port script dietpi
