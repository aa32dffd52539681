# Copyright (c) 2026, the pifleet.nodered maintainers
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# What the scripts of the tests share. To be sourced, at the top:  source "$(dirname "$0")/../ci/lib.bash"
set -euo pipefail

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
cd "$root"

# shellcheck disable=SC2034 # used by the scripts
hosts=$root/tests/hosts/hosts
# A script that tests an installation calls others with that one's.
export PATH="${PIFLEET_VENV:-$root/.venv}/bin:$PATH"
export ANSIBLE_COLLECTIONS_PATH="${PIFLEET_COLLECTIONS:-$root/.build/collections}"

fail() {
    echo "$(basename "$0"): $*" >&2
    exit 1
}

# A virtual environment of its own for a program that others do not need: make_venv DIRECTORY REQUIREMENTS
make_venv() {
    local venv=$1 requirements=$2
    cmp --quiet "$requirements" "$venv/requirements.txt" || {
        rm -rf "$venv"
        python3 -m venv "$venv"
        "$venv/bin/pip" install --quiet --disable-pip-version-check -r "$requirements"
        cp "$requirements" "$venv/requirements.txt"
    }
}

# Copies what is in the checkout, committed or not, without what git ignores: copy_checkout DIRECTORY
copy_checkout() {
    mkdir -p "$1"
    git -c safe.directory="$root" ls-files -z --cached --others --exclude-standard | while IFS= read -r -d '' file; do
        # A deleted file is listed until the deletion is committed.
        [[ ! -e $file ]] || printf '%s\0' "$file"
    done | tar --null --files-from=- --create | tar --extract --directory="$1"
}

# A step with its seconds: `step NAME COMMAND...`. The summary comes from `steps_end`, which fails when one has failed.
# One that hangs is ended, and what follows still says what it has to say.
# What a step says is kept in .build/logs, and why one failed is said again at the end, where nobody has to look for it.
steps=()
failed_steps=()
failures=()
longest_step=45m
longest_beside=70m
step() {
    local name=$1 started=$SECONDS result=ok log=$root/.build/logs/${1// /-}.log
    shift
    mkdir -p "${log%/*}"
    printf '\n==== %s\n' "$name"
    # Not a pipe: a process that a test has left behind would hold it open.
    timeout --kill-after=60 "$longest_step" "$@" </dev/null > >(tee "$log") 2>&1 || {
        result=FAILED
        failed_steps+=("$name")
        sleep 1 # for tee
        failures+=("$name:" "$(why_it_failed "$log")")
    }
    steps+=("$(printf '%-24s %6s %5d s' "$name" "$result" $((SECONDS - started)))")
}

# A step beside those that follow it, of which it needs nothing: `beside NAME COMMAND...`. `wait_beside` waits for all of
# them, and prints what they say.
beside_names=()
beside_processes=()
beside() {
    local name=$1 log=$root/.build/logs/${1// /-}.log
    shift
    mkdir -p "${log%/*}"
    trap 'kill "${beside_processes[@]}" 2>/dev/null || true' EXIT
    (
        trap - EXIT
        SECONDS=0 result=ok
        timeout --kill-after=60 "$longest_beside" "$@" </dev/null >"$log" 2>&1 || result=FAILED
        echo "$result $SECONDS" >"${log%.log}.result"
    ) &
    beside_processes+=("$!")
    beside_names+=("$name")
}

wait_beside() {
    local name log result seconds
    wait "${beside_processes[@]}"
    for name in "${beside_names[@]}"; do
        log=$root/.build/logs/${name// /-}.log
        printf '\n==== %s\n%s\n' "$name" "$(<"$log")"
        read -r result seconds <"${log%.log}.result"
        steps+=("$(printf '%-24s %6s %5d s' "$name" "$result" "$seconds")")
        [[ $result == ok ]] || {
            failed_steps+=("$name")
            failures+=("$name:" "$(why_it_failed "$log")")
        }
    done
}

# The tests that failed according to the log $1, with the lines that pytest marks as the reason; else its last lines.
why_it_failed() {
    local text
    text=$(sed 's/\x1b\[[0-9;]*m//g' "$1" | cut -c1-300)
    {
        grep -oE '(FAILED|ERROR) (tests|molecule)/.*|fatal: \[.*' <<<"$text" | sort -u | tail -n 10
    } || tail -n 5 <<<"$text"
    grep -oE '(^|[[:space:]])(>  |E  ) +.*(assert|Error|Exception|fatal:|"msg"|raise ).*' <<<"$text" | head -n 12 || true
}

steps_end() {
    printf '\n==== summary\n'
    printf '%s\n' "${steps[@]}" "$(printf '%-24s %6s %5d s' total '' "$SECONDS")"
    [[ ${#failed_steps[@]} -eq 0 ]] || {
        printf '%s\n' "${failures[@]}"
        fail "failed: ${failed_steps[*]}"
    }
}

# The recap of a playbook run in the file $1 must tell of hosts, and of no change on any of them.
recap_is_unchanged() {
    grep -q 'changed=0 ' "$1" && ! grep -Eq 'changed=[1-9]|unreachable=[1-9]|failed=[1-9]' "$1"
}

# The HTTP status of a request with these arguments of curl; 000 where HTTP is not spoken.
status() { curl --noproxy '*' --silent --max-time 60 --output /dev/null --write-out '%{http_code}' "$@" || true; }

# Starts a host of each image in a group of their own, removed when the script ends, and writes their inventory:
# start_hosts GROUP FILE IMAGE...
start_hosts() {
    local group=$1 inventory=$2 image
    shift 2
    # shellcheck disable=SC2064 # the group of now
    trap "'$hosts' down --group '$group'" EXIT
    "$hosts" down --group "$group"
    for image in "$@"; do
        "$hosts" up "$image" --group "$group" --image "$image"
    done
    "$hosts" inventory --group "$group" >"$inventory"
}

# Variables that are enough to secure a host, with random passwords: write_variables FILE CA_DIR
write_variables() {
    (
        umask 077
        printf '%s\n' >"$1" \
            "nodered_admin_users: [{username: admin, password: $(openssl rand -hex 12), permissions: '*'}]" \
            "nodered_node_auth: {user: fred, password: $(openssl rand -hex 12)}" \
            "nodered_ca_dir: $2"
    )
}

# Runs a command that secures hosts twice: the first run must close each, the second must change nothing.
# secure_twice INVENTORY CA_CERTIFICATE COMMAND...
secure_twice() {
    local inventory=$1 ca=$2 addresses address log
    shift 2
    mapfile -t addresses < <(sed -n 's/.*ansible_host: //p' "$inventory")
    log=$(mktemp)
    for address in "${addresses[@]}"; do
        [[ $(status "http://$address:1880/settings") == 200 ]] || fail "$address is closed already"
    done
    "$@" </dev/null || fail "the first run failed"
    for address in "${addresses[@]}"; do
        [[ $(status "http://$address:1880/settings") == 000 ]] || fail "$address still speaks HTTP"
        [[ $(status --cacert "$ca" "https://$address:1880/settings") == 401 ]] || fail "$address shows /settings"
        [[ $(status --cacert "$ca" "https://$address:1880/flows") == 401 ]] || fail "$address shows /flows"
    done
    "$@" </dev/null | tee "$log" || fail "the second run failed"
    recap_is_unchanged "$log" || fail "the second run changed something"
    rm "$log"
}
