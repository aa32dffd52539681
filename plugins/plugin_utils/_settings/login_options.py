# Copyright (c) 2026, the pifleet.nodered maintainers
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What may be asked for of the login page, checked and parsed."""

from __future__ import annotations

import dataclasses
import ipaddress
import typing as t
from collections.abc import Iterable, Mapping

from ansible_collections.pifleet.nodered.plugins.plugin_utils._accounts.users import NodeUser, check_path, node_users
from ansible_collections.pifleet.nodered.plugins.plugin_utils._errors import UserError

from .proxy import LOOPBACK

#: Seconds that a login lasts without use.
DEFAULT_EXPIRY = 604800
#: The end of a path that opens all below it.
WILDCARD = "/*"
_LONGEST_TITLE = 64


class LoginOptionError(UserError):
    """Something of the login page has no possible value, in a sentence that names the variable."""


# Without a representation, which would show secrets.
@dataclasses.dataclass(frozen=True, repr=False)
class LoginOptions:
    """What the user asked for of the login page.

    :ivar users: who may log in, all of them
    :ivar open: paths that need no login; with a star at the end all below
    :ivar session_expiry: seconds that a login lasts without use
    :ivar title: what stands on the page; empty for the name of the host
    :ivar trusted_proxies: the addresses whose word counts for who asks, and by which protocol
    :ivar cookie_path: the path below which browsers send the login along
    """

    users: list[NodeUser]
    open: list[str]
    session_expiry: int
    title: str
    trusted_proxies: list[str]
    cookie_path: str

    @classmethod
    def from_options(cls, options: Mapping[str, t.Any]) -> LoginOptions:
        """Check and parse the options of the module `settings`.

        :param options: with `node_users`, which is a list
        :raises AccountError: a user or a path is none that could be meant
        :raises LoginOptionError: the same of another option
        """
        return cls(
            node_users(options["node_users"]),
            _open(options["node_open"]),
            _expiry(options["node_session_expiry"]),
            _title(options["node_title"] or ""),
            _trusted_proxies(options["trusted_proxies"], options["proxy_path"]),
            options["proxy_path"] or "/",
        )


def check_others(options: Mapping[str, t.Any]) -> None:
    """The same for what was asked for where nobody is to log in, so that a mistake does not wait for the first user."""
    LoginOptions.from_options({**options, "node_users": []})


def _open(paths: Iterable[t.Any]) -> list[str]:
    for path in paths:
        if path == WILDCARD:
            raise LoginOptionError(
                "nodered_node_open: /* would open everything to everybody, so that nobody in nodered_node_users were asked."
                " Name what shall be open."
            )
        check_path(path, "nodered_node_open: the path")
        if "*" in path.removesuffix(WILDCARD):
            raise LoginOptionError(
                f"nodered_node_open: the path {path} has a star elsewhere than behind its last slash. /webhook/* means all"
                " below /webhook."
            )
    return [str(path) for path in paths]


def _expiry(seconds: int) -> int:
    if seconds <= 0:
        raise LoginOptionError("nodered_node_session_expiry must be a positive number of seconds.")
    return seconds


def _title(title: str) -> str:
    if len(title) > _LONGEST_TITLE or not title.isprintable():
        raise LoginOptionError(f"nodered_node_title must be one line of at most {_LONGEST_TITLE} characters.")
    return str(title)


def _trusted_proxies(addresses: Iterable[t.Any], proxy_path: str | None) -> list[str]:
    """Those that are asked for, and the nginx of the host itself where that leads to Node-RED."""
    trusted = list(map(_address, addresses))
    return trusted if proxy_path is None else [*trusted, *({LOOPBACK} - set(trusted))]


def _address(address: t.Any) -> str:
    try:
        if isinstance(address, str):
            return str(ipaddress.ip_address(address))
    except ValueError:
        pass
    raise LoginOptionError(
        f"nodered_trusted_proxies: {address!r} is no IP address. Name each proxy by its address, such as 127.0.0.1."
    )
