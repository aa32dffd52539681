# Copyright (c) 2026, the pifleet.nodered maintainers
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The hook's own file is an example; each host's has the values of that host in it. What it does is in test_acme.py."""

from __future__ import annotations

import subprocess

from ansible_collections.pifleet.nodered.plugins.module_utils._shared import (
    certbot_deploy_program,
    certbot_hook,
    certbot_hook_program,
)

NAMES = ("lineage", "user", "group", "path", "deploy")


def values_of(script: str) -> list[str]:
    """What the assignments at the top of a hook come to when a shell has read them."""
    assignments = script[: script.index('[ "${RENEWED_LINEAGE')]
    command = f"{assignments}\nprintf '%s\\0' " + " ".join(f'"${name}"' for name in NAMES)
    return subprocess.run(["sh", "-c", command], check=True, capture_output=True, text=True).stdout.split("\0")[:-1]


def test_values_of_the_host_take_the_place_of_the_example():
    path = "/home/it's \\1 a $HOME/server.pem"
    script = certbot_hook.hook("node-red.service", "an ann", "x;y", path)
    assert values_of(script) == [
        "/etc/letsencrypt/live/pifleet-node-red",
        "an ann",
        "x;y",
        path,
        certbot_deploy_program.PROGRAM.rstrip("\n"),
    ]


def test_the_rest_stays_as_it_is():
    example = certbot_hook_program.PROGRAM
    script = certbot_hook.hook("nodered", "pi", "pi", "/home/pi/server.pem")
    top, rest = example.split("lineage=", 1)[0], example.split("\n\n", 2)[2]
    assert script.startswith(f"{top}lineage=/etc/letsencrypt/live/pifleet-nodered\n")
    assert script.endswith(f"\n\n{rest}")


def test_it_asks_for_the_variable_of_a_run():
    assert f'[ -z "${{{certbot_hook.RUNNING}:-}}" ] || exit 0' in certbot_hook_program.PROGRAM.splitlines()
