# Copyright (c) 2026, the pifleet.nodered maintainers
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Programs of the host, run so that none can ask for anything."""

from __future__ import annotations

import subprocess
import typing as t

from ansible_collections.pifleet.nodered.plugins.module_utils._host.errors import HostError
from ansible_collections.pifleet.nodered.plugins.module_utils._host.files import reason

if t.TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

#: The search path of root's own commands.
PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

#: Seconds that a program may take. update-ca-certificates needs some on a slow card.
_TIMEOUT = 300


def run(
    command: Sequence[str],
    context: str,
    given: str = "",
    variables: Mapping[str, str] | None = None,
    **options: t.Any,
) -> str:
    """Run a program.

    :param command: the program and its arguments
    :param context: what the message of a failure begins with
    :param given: its standard input
    :param variables: what its environment has beside the search path and the locale
    :param options: further options of `subprocess.run`
    :returns: what it prints
    :raises HostError: it fails, cannot be run, or does not end in `_TIMEOUT`
    """
    try:
        result = subprocess.run(
            command,
            input=given,
            capture_output=True,
            encoding="utf-8",
            errors="surrogateescape",
            cwd="/",
            env={"PATH": PATH, "LC_ALL": "C.UTF-8", **(variables or {})},
            # Without a terminal nothing can ask for a password there.
            start_new_session=True,
            timeout=_TIMEOUT,
            check=False,
            **options,
        )
    except subprocess.TimeoutExpired:
        raise HostError(f"{context}: {command[0]} did not end within {_TIMEOUT} seconds.") from None
    except OSError as exc:
        raise HostError(f"{context}: {command[0]} cannot be run: {reason(exc)}.") from exc
    if result.returncode:
        reason_given = result.stderr.strip()[-2000:] or f"{command[0]} failed."
        raise HostError(f"{context}: {reason_given}")
    return result.stdout
