# Copyright (c) 2026, the pifleet.nodered maintainers
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What nginx answers for its other sites, before and after one of them was put beside them."""

from __future__ import annotations

import contextlib
import http.client
import re
import typing as t

from ansible_collections.pifleet.nodered.plugins.module_utils._shared import probe

if t.TYPE_CHECKING:
    from collections.abc import Collection

    from ansible_collections.pifleet.nodered.plugins.module_utils._shared.host_state import SiteAnswer

#: What one site is asked at most in all: each port for each of its names.
MOST_QUESTIONS = 60
#: A name that no site has: who comes by it is answered by the default one.
_NOBODY = "pifleet.invalid"
#: Seconds to wait for one answer.
_TIMEOUT = 5

_LISTEN = re.compile(r"^[ \t]*listen[ \t]+([^\s;{}]+)", re.MULTILINE)
_NAMES = re.compile(r"^[ \t]*server_name[ \t]+([^;{}\n]+);", re.MULTILINE)
#: What a client can ask for: no regular expression, no wildcard, no variable.
_PLAIN_NAME = re.compile(r"[A-Za-z0-9.\-]{1,253}")


def names_in(configuration: str) -> list[str]:
    """The plain names of all sites of a configuration.

    :param configuration: what ``nginx -T`` prints
    """
    found = [name for match in _NAMES.finditer(configuration) for name in match[1].split()]
    return sorted({name for name in found if _PLAIN_NAME.fullmatch(name)})


def ports_in(configuration: str) -> list[int]:
    """The TCP ports of all sites of a configuration.

    :param configuration: what ``nginx -T`` prints
    """
    found = set()
    for address in _LISTEN.findall(configuration):
        port = address.rpartition(":")[2]
        if not address.startswith("unix:"):
            # Without one, 80 is meant.
            found.add(int(port) if re.fullmatch("[0-9]{1,5}", port) else 80)
    return sorted(found)


def answers(configuration: str) -> list[SiteAnswer]:
    """What nginx answers on each of its ports, to each name, to a name that nobody has, and to none.

    :param configuration: what ``nginx -T`` prints
    """
    names = ("", _NOBODY, *names_in(configuration))
    questions = [(port, name) for port in ports_in(configuration) for name in names]
    return [ask(port, name) for port, name in questions[:MOST_QUESTIONS]]


def ask(port: int, name: str) -> SiteAnswer:
    """What one port answers to one name."""
    address = "127.0.0.1"
    answer: SiteAnswer = {
        "port": port,
        "name": name,
        "tls": False,
        "certificate": None,
        "status": None,
        "location": None,
    }
    with contextlib.suppress(OSError):
        answer["certificate"] = probe.served_certificate(address, port, _TIMEOUT, name)
        answer["tls"] = True
    with (
        contextlib.suppress(OSError, http.client.HTTPException),
        probe.Endpoint(address, port, answer["tls"], _TIMEOUT, name=name) as endpoint,
    ):
        status, headers, _body = endpoint.get("/")
        answer["status"], answer["location"] = status, headers.get("Location")
    return answer


def differences(former: Collection[SiteAnswer]) -> list[str]:
    """What other sites answer in another way than they did, a phrase each.

    :param former: what `answers` returned
    """
    different = []
    for old in former:
        now = ask(old["port"], old["name"])
        if now != old:
            called = old["name"] if old["name"] not in ("", _NOBODY) else "an unknown name"
            different.append(f"port {old['port']} does not answer to {called} as it did before")
    return sorted(set(different))
