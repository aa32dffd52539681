# Copyright (c) 2026, the pifleet.nodered maintainers
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Pythons for Ansible's modules on a host with which time goes as a test wants it, in place of waiting for it.

Each is the host's own Python with a file of on_hosts/ as its sitecustomize.
"""

from __future__ import annotations

import contextlib
import pathlib
import typing as t

from .fleet import SETTINGS

ON_HOSTS = pathlib.Path(__file__).with_name("on_hosts")


def install(host: t.Any, name: str) -> str:
    """Install such a Python; returns its directory, in which it is `python`."""
    directory = f"/opt/{name}"
    host.check_output("install -d %s", directory)
    for source, target in ((f"{name}.py", "sitecustomize.py"), ("python.sh", "python")):
        host.check_output("printf %%s %s >%s", (ON_HOSTS / source).read_text("utf-8"), f"{directory}/{target}")
    host.check_output("chmod 0755 %s", f"{directory}/python")
    return directory


@contextlib.contextmanager
def still(host: t.Any, written: str, path: str = SETTINGS) -> t.Iterator[str]:
    """A Python with which modules stand still, until the end of the block: see on_hosts/still.py.

    :param written: from when the file at `path` has this; empty: where they wait
    """
    directory = install(host, "still")
    place = f"{path}\n{written}" if written else ""
    host.check_output("printf %%s %s >%s", place, f"{directory}/still")
    try:
        yield f"{directory}/python"
    finally:
        host.check_output("rm %s", f"{directory}/still")


@contextlib.contextmanager
def put_forward(host: t.Any) -> t.Iterator[tuple[str, t.Callable[[], None]]]:
    """A Python with which the time limits of modules are over as soon as the second value is called."""
    directory = install(host, "put_forward")
    later = f"{directory}/an-hour-later"
    try:
        yield f"{directory}/python", lambda: host.check_output("touch %s", later)
    finally:
        host.check_output("rm -f %s", later)
