# Copyright (c) 2026, the pifleet.nodered maintainers
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What nginx in front of a Node-RED costs: requests and handshakes a second, against a Node-RED that speaks TLS itself.

Both are on one test host, from the same release, settings and certificate, and are asked for the same pages by Debian's wrk
on that host. They are measured in turns, because a machine's speed drifts; the ratio of each round counts.
"""

from __future__ import annotations

import argparse
import pathlib
import re
import statistics
import subprocess
import sys
import tempfile
import typing as t

PROJECT = pathlib.Path(__file__).resolve().parents[2]
HOSTS = PROJECT / "tests" / "hosts" / "hosts"
GROUP = "bench-proxy"
NAME = "pi"
#: What is asked for: the editor, and what it answers to everybody of its login.
PAGES = ("/", "/auth/login")
#: A Node-RED with the settings of the first, before nginx came in front of that one.
SECOND = """
set -e
cp -a /home/pi/.node-red /home/pi/second
systemd-run --quiet --unit=second --uid=pi node-red --userDir /home/pi/second --port 1881
"""
WAITS = """
for port in 443 1881; do
    until curl --silent --insecure --resolve {name}.local:$port:127.0.0.1 https://{name}.local:$port/ >/dev/null; do
        sleep 1
    done
done
"""


def on_host(*command: str) -> str:
    call = [HOSTS, "exec", "--group", GROUP, NAME, "--", *command]
    return subprocess.run(call, check=True, text=True, stdout=subprocess.PIPE).stdout


def secure(work: pathlib.Path, **variables: str) -> None:
    inventory = subprocess.run([HOSTS, "inventory", "--group", GROUP], check=True, text=True, stdout=subprocess.PIPE)
    (work / "inventory.yml").write_text(inventory.stdout, "utf-8")
    users = '{"nodered_admin_users": [{"username": "admin", "password": "admin-only-for-tests", "permissions": "*"}]}'
    extra = [part for name, value in variables.items() for part in ("-e", f"{name}={value}")]
    program = PROJECT / ".venv" / "bin" / "ansible-playbook"
    given = ["-e", users, "-e", f"nodered_ca_dir={work / 'ca'}", *extra]
    run = subprocess.run(
        [program, "-i", work / "inventory.yml", *given, "pifleet.nodered.secure"],
        env={
            "ANSIBLE_COLLECTIONS_PATH": str(PROJECT / ".build/collections"),
            "PATH": "/usr/bin:/bin",
            "HOME": str(work),
        },
        text=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        check=False,
    )
    if run.returncode:
        sys.exit(f"The host could not be secured:\n{run.stdout[-4000:]}")


def prepare(work: pathlib.Path) -> None:
    subprocess.run([HOSTS, "up", "--group", GROUP, NAME, "--image", OPTIONS.image, "--with-registries"], check=True)
    on_host("sh", "-c", "apt-get update -qq && apt-get install --yes -qq --no-install-recommends wrk >/dev/null 2>&1")
    on_host("sh", "-c", f"echo 127.0.0.1 {NAME}.local >>/etc/hosts")
    secure(work, nodered_watch_minutes="0")
    on_host("sh", "-c", SECOND)
    secure(work, nodered_watch_minutes="0", nodered_proxy="nginx")
    on_host("sh", "-c", WAITS.format(name=NAME))


def rate(port: int, page: str, *options: str) -> float:
    """Requests a second."""
    how = ("-t", "1", "-c", str(OPTIONS.connections), "-d", f"{OPTIONS.seconds}s", *options)
    printed = on_host("wrk", *how, f"https://{NAME}.local:{port}{page}")
    wrong = re.search(r"Non-2xx or 3xx responses: \d+", printed)
    if wrong:
        sys.exit(f"Port {port} answers wrongly: {wrong[0]}")
    return float(t.cast("re.Match[str]", re.search(r"^Requests/sec: +([\d.]+)$", printed, re.MULTILINE))[1])


def compared(what: str, page: str, *options: str) -> None:
    """Print how much of what Node-RED alone does is left with nginx in front."""
    rounds = [(rate(443, page, *options), rate(1881, page, *options)) for _round in range(OPTIONS.rounds)]
    through, alone = (statistics.median(rates) for rates in zip(*rounds, strict=True))
    ratios = [first / second for first, second in rounds]
    print(
        f"{what} of {page}: through nginx {through:.0f} a second, Node-RED alone {alone:.0f};"
        f" ratio {statistics.median(ratios):.2f} ({min(ratios):.2f} to {max(ratios):.2f})",
        flush=True,
    )


def main() -> None:
    with tempfile.TemporaryDirectory() as work:
        try:
            prepare(pathlib.Path(work))
            for page in PAGES:
                compared("requests on open connections", page)
            compared("requests on a connection of their own", PAGES[1], "-H", "Connection: close")
        finally:
            if not OPTIONS.keep:
                subprocess.run([HOSTS, "down", "--group", GROUP], check=True)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--image", default="trixie-nodered41", help="image of the host (default: %(default)s)")
    parser.add_argument("--rounds", type=int, default=5, help="how often each is measured (default: %(default)s)")
    parser.add_argument("--seconds", type=int, default=5, help="how long each time (default: %(default)s)")
    parser.add_argument("--connections", type=int, default=10, help="at the same time (default: %(default)s)")
    parser.add_argument("--keep", action="store_true", help="leave the host running")
    OPTIONS = parser.parse_args()
    main()
