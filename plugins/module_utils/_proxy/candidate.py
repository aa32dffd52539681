# Copyright (c) 2026, the pifleet.nodered maintainers
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A configuration of nginx that is not in place yet, tried on a copy of the whole tree.

``nginx -t`` can only test files where they are. So the tree is copied to a root-only directory, with what links in it lead to,
the prefix of its includes is rewritten, and the file that is to come is put in. What nginx then complains of, and did not
complain of without that file, is about it.
"""

from __future__ import annotations

import collections
import contextlib
import os
import re
import shutil
import subprocess
import tempfile
import typing as t

from ansible_collections.pifleet.nodered.plugins.module_utils._host.errors import HostError
from ansible_collections.pifleet.nodered.plugins.module_utils._shared.layout import NGINX_DIRECTORY, nginx_site

if t.TYPE_CHECKING:
    from collections.abc import Iterator

#: Seconds that nginx may take to look at its files.
_TIMEOUT = 60
#: Larger files hold no includes: databases of addresses, certificates of many authorities.
_LARGEST = 1 << 20
#: Where a copy is gone after the next start, whatever happens: there may be keys in it.
_MEMORY = "/run"
_PROGRAM = "/usr/sbin/nginx"
_INCLUDE = re.compile(rb"(\binclude\s+[\"']?)" + re.escape(NGINX_DIRECTORY.encode()) + b"/")
#: As nginx says it before it has opened its log, and after.
_COMPLAINT = re.compile(r"(?:nginx:|[0-9/]+ [0-9:]+) \[\w+\] (?:[0-9]+#[0-9]+: )?(.+)")
#: What nginx says of two sites on one port of which only one has asked for HTTP/2 in the former way; both then have it.
_HARMLESS = re.compile(r"protocol options redefined for ")


class Trial(t.NamedTuple):
    """What nginx says of a configuration."""

    #: Whether it could start with it.
    accepted: bool
    #: Its complaints, a line each, with the paths of the files in place.
    complaints: list[str]
    #: All of the configuration, as ``nginx -T`` prints it; empty where it was refused.
    configuration: str


def trial(path: str | None = None, content: bytes | None = None) -> Trial:
    """Have nginx look at its configuration as it would be.

    :param path: a file that is to be another one
    :param content: its new content; None for none
    :raises HostError: there is no nginx, or its files cannot be copied
    """
    with _copied() as copy:
        if path is not None:
            there = os.path.join(copy, os.path.relpath(path, NGINX_DIRECTORY))
            with contextlib.suppress(FileNotFoundError):
                os.unlink(there)
            if content is not None:
                os.makedirs(os.path.dirname(there), mode=0o700, exist_ok=True)
                with open(there, "wb") as stream:
                    stream.write(content)
        return _tried(copy)


def refusal(path: str, content: bytes | None) -> str | None:
    """Why nginx must not be given a file; None where it can be.

    :param path: the file
    :param content: its new content; None for none
    :raises HostError: as `trial`; or nginx refuses its present configuration already
    """
    without = trial(path, None)
    if not without.accepted:
        raise HostError(
            f"nginx refuses its own configuration as it is, without the site of Node-RED: {_said(without.complaints)}"
            " Correct that first; `nginx -t` shows it."
        )
    if content is None:
        return None
    wanted = trial(path, content)
    if not wanted.accepted:
        return f"nginx refuses {path}: {_said(wanted.complaints)}"
    telling = _new(path, without, wanted)
    return f"nginx would not serve {path} as it is meant: {_said(telling)}" if telling else None


def complaints(service: str) -> list[str]:
    """What nginx says of the site of a service that it has, a line each.

    :param service: the name of the service
    :raises HostError: as `trial`
    """
    path = nginx_site(service)
    if not os.path.exists(path):
        return []
    present = trial()
    return _new(path, trial(path, None), present) if present.accepted else present.complaints


def _new(path: str, without: Trial, wanted: Trial) -> list[str]:
    """What is wrong with a file that nginx accepts: of itself it says no more than a warning."""
    new = collections.Counter(wanted.complaints) - collections.Counter(without.complaints)
    telling = [line for line in new if not _HARMLESS.search(line)]
    if f"# configuration file {path}:" not in wanted.configuration:
        telling.append(f"{NGINX_DIRECTORY}/nginx.conf does not include sites-enabled/*, so that nobody reads it")
    return telling


def _said(lines: list[str]) -> str:
    return " ".join(line if line.endswith(".") else f"{line}." for line in lines) or "it says nothing."


@contextlib.contextmanager
def _copied() -> Iterator[str]:
    """A copy of the configuration that nginx can be pointed at, for root only."""
    with tempfile.TemporaryDirectory(prefix="pifleet-nginx-", dir=_MEMORY) as directory:
        copy = os.path.join(directory, "nginx")
        try:
            shutil.copytree(NGINX_DIRECTORY, copy, ignore_dangling_symlinks=True)
        except (OSError, shutil.Error) as exc:
            raise HostError(f"{NGINX_DIRECTORY} cannot be copied to try another configuration: {exc}.") from exc
        for parent, _directories, names in os.walk(copy):
            for name in names:
                _rewrite(os.path.join(parent, name), copy)
        yield copy


def _rewrite(path: str, copy: str) -> None:
    if os.path.getsize(path) > _LARGEST:
        return
    with open(path, "rb") as stream:
        content = stream.read()
    rewritten = _INCLUDE.sub(lambda found: found[1] + os.fsencode(copy) + b"/", content)
    if rewritten != content:
        with open(path, "wb") as stream:
            stream.write(rewritten)


def _tried(copy: str) -> Trial:
    try:
        run = subprocess.run(
            [_PROGRAM, "-T", "-c", os.path.join(copy, "nginx.conf")],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=_TIMEOUT,
            check=False,
        )
    except FileNotFoundError:
        raise HostError("This host has no nginx. Install it: apt-get install nginx") from None
    except subprocess.TimeoutExpired:
        raise HostError(f"nginx did not look through its configuration in {_TIMEOUT} s.") from None
    said, shown = (text.decode("utf-8", "replace").replace(copy, NGINX_DIRECTORY) for text in (run.stderr, run.stdout))
    complaints = [found[1] for line in said.splitlines() if (found := _COMPLAINT.match(line))]
    return Trial(run.returncode == 0, complaints, shown if run.returncode == 0 else "")
