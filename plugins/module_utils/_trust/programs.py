# Copyright (c) 2026, the pifleet.nodered maintainers
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Programs of the host, run so that none can ask for anything."""

from __future__ import annotations

import os
import subprocess

from ansible_collections.pifleet.nodered.plugins.module_utils._host.errors import HostError

#: The search path of root's own commands.
PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

#: Seconds that a program may take. update-ca-certificates needs some on a slow card.
_TIMEOUT = 300


def run(command, context, given="", variables=(), **options):
    """The output of a program that is given a text; HostError, which begins with ``said``, when it fails."""
    try:
        result = subprocess.run(
            command,
            input=given,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            encoding="utf-8",
            errors="surrogateescape",
            cwd="/",
            env={"PATH": PATH, "LC_ALL": "C.UTF-8", **dict(variables)},
            # Without a terminal nothing can ask for a password there.
            start_new_session=True,
            timeout=_TIMEOUT,
            check=False,
            **options,
        )
    except subprocess.TimeoutExpired:
        raise HostError("%s: %s did not end within %d seconds." % (context, command[0], _TIMEOUT)) from None
    except OSError as exc:
        raise HostError("%s: %s cannot be run: %s." % (context, command[0], os.strerror(exc.errno))) from exc
    if result.returncode:
        raise HostError("%s: %s" % (context, result.stderr.strip()[-2000:] or "%s failed." % command[0]))
    return result.stdout
