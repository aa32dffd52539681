# Copyright (c) 2026, the pifleet.nodered maintainers
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the nginx in front of a Node-RED should be: the options of the user, checked and parsed into values."""

from __future__ import annotations

import ipaddress
import re
import typing as t
import urllib.parse
from collections.abc import Mapping

from ansible_collections.pifleet.nodered.plugins.plugin_utils._errors import UserError

#: Settings of settings.js that follow from a proxy.
HOST = "uiHost"
ROOTS = ("httpAdminRoot", "httpNodeRoot")

_LONGEST_HSTS = 63072000
_SEGMENT = re.compile(r"[A-Za-z0-9_~-][A-Za-z0-9._~-]{0,62}")
_NAME = re.compile(r"(?:\*\.)?[a-z0-9](?:[a-z0-9.-]{0,250}[a-z0-9])?")
_OTHER_KEYS = ("path", "host", "url", "name")


class ProxyOptionError(UserError):
    """Something asked for that nginx could not do, in a sentence that names the variable."""


class Other(t.NamedTuple):
    """A Node-RED that nginx leads to beside the one of the service."""

    #: The path below which it is; empty where it has a name of its own.
    path: str
    #: The name that it has to itself; empty where it is below a path.
    host: str
    #: Scheme, address and port.
    url: str
    #: The name in its certificate; empty where it is on this host, without TLS.
    name: str


class DesiredProxy(t.NamedTuple):
    """What the user asked for."""

    #: "/" or "/kitchen".
    path: str
    #: DNS names and IP addresses; empty takes those of the certificate.
    names: tuple[str, ...]
    #: The port for TLS, and the one that leads to it; 0 for none.
    https: int
    http: int
    #: Seconds; 0 for none.
    hsts: int
    others: tuple[Other, ...]
    #: Further text for the site.
    include: str

    @classmethod
    def from_options(cls, options: Mapping[str, t.Any]) -> DesiredProxy:
        """Check and parse the options of the module `proxy`.

        :raises ProxyOptionError: an option has no possible value, or two contradict each other
        """
        path = checked_path(options["path"], "nodered_proxy_path")
        https, http = _ports(options["ports"])
        if not 0 <= options["hsts"] <= _LONGEST_HSTS:
            raise ProxyOptionError(
                f"nodered_proxy_hsts: {options['hsts']} must be a number of seconds from 0, for none, to {_LONGEST_HSTS},"
                " which are two years."
            )
        others = tuple(_other(entry, number) for number, entry in enumerate(options["others"], 1))
        _refuse_twice([path, *(other.path for other in others if other.path)], "path")
        _refuse_twice([other.host for other in others if other.host], "host")
        names = tuple(_name(name, "nodered_proxy_names") for name in options["names"])
        return cls(path, names, https, http, options["hsts"], others, options["include"] or "")

    @property
    def ports(self) -> list[int]:
        """The ports that nginx is to have."""
        return [port for port in (self.https, self.http) if port]


def check_provider(proxy: str, provider: str) -> None:
    """Refuse an nginx that would have no certificate.

    :param proxy: the value of `nodered_proxy`
    :param provider: the value of `nodered_certificate_provider`
    :raises ProxyOptionError: it would have none
    """
    if proxy == "none" or provider != "none":
        return
    raise ProxyOptionError(
        f"nodered_proxy is {proxy}: nodered_certificate_provider {provider} gives no certificate, and nginx needs one. Leave it"
        " out, or set nodered_proxy to none where you run a proxy of your own."
    )


def asked_ports(proxy: str, ports: Mapping[str, t.Any]) -> tuple[int, int]:
    """The port for TLS that nginx is to have, and the one that leads to it; 0 for none.

    :param proxy: the value of `nodered_proxy`
    :param ports: the value of `nodered_proxy_ports`
    :raises ProxyOptionError: they cannot be
    """
    return (0, 0) if proxy == "none" else _ports(ports)


def checked_path(path: str, variable: str) -> str:
    """A path of a proxy without a slash at its end.

    :raises ProxyOptionError: it is none
    """
    if path == "/":
        return path
    segments = path.split("/")
    if segments[0] or not segments[1:] or not all(map(_SEGMENT.fullmatch, segments[1:])):
        raise ProxyOptionError(
            f"{variable}: {path!r} must be / or a path such as /kitchen, without a slash at its end, of letters, digits and"
            " . _ ~ - only."
        )
    return path


def _ports(ports: Mapping[str, t.Any]) -> tuple[int, int]:
    for key, port in ports.items():
        if key not in ("https", "http"):
            raise ProxyOptionError(f"nodered_proxy_ports: unknown key {key!r}. Known are https and http.")
        if isinstance(port, bool) or not isinstance(port, int) or not (key == "https") <= port <= 65535:
            least = "1" if key == "https" else "0, for none,"
            raise ProxyOptionError(f"nodered_proxy_ports: {key} must be a number from {least} to 65535.")
    https, http = int(ports.get("https", 443)), int(ports.get("http", 80))
    if https == http:
        raise ProxyOptionError(
            f"nodered_proxy_ports: https and http are both {https}. The port of http only leads to the one of https; set it to"
            " another one, or to 0 for none."
        )
    return https, http


def _name(name: str, variable: str) -> str:
    lower = name.lower()
    try:
        return str(ipaddress.ip_address(lower))
    except ValueError:
        pass
    if not _NAME.fullmatch(lower):
        raise ProxyOptionError(f"{variable}: {name!r} must be a DNS name or an IP address, without a port.")
    return lower


def _other(entry: Mapping[str, t.Any], number: int) -> Other:
    variable = f"nodered_proxy_others, entry {number}"
    for key, value in entry.items():
        if key not in _OTHER_KEYS:
            raise ProxyOptionError(f"{variable}: unknown key {key!r}. Known are {', '.join(_OTHER_KEYS)}.")
        if not isinstance(value, str) or not value:
            raise ProxyOptionError(f"{variable}: {key} must be text.")
    if ("path" in entry) == ("host" in entry):
        raise ProxyOptionError(f"{variable}: it needs a path, such as /garage, or a host, such as garage.example.com.")
    url = _url(entry.get("url", ""), variable)
    if url.startswith("https:") and "name" not in entry:
        raise ProxyOptionError(
            f"{variable}: name is missing: the DNS name in the certificate of {url}, which nginx compares."
        )
    return Other(
        path=checked_path(entry["path"], f"{variable}: path") if "path" in entry else "",
        host=_name(entry["host"], f"{variable}: host") if "host" in entry else "",
        url=url,
        name=_dns_name(entry["name"], variable) if url.startswith("https:") else "",
    )


def _dns_name(name: str, variable: str) -> str:
    known = _name(name, f"{variable}: name")
    if known.startswith("*") or ":" in known or known.replace(".", "").isdecimal():
        raise ProxyOptionError(
            f"{variable}: name {name!r} must be a DNS name, because nginx compares no other with a certificate."
        )
    return known


def _url(url: str, variable: str) -> str:
    shape = f"{variable}: url must be https:// with an IP address and a port, such as https://192.168.1.21:1880"
    try:
        parts = urllib.parse.urlsplit(url)
        port = parts.port or {"https": 443, "http": 80}[parts.scheme]
        host = parts.hostname or ""
        known = parts._replace(netloc="", scheme="").geturl() in ("", "/") and not parts.username
    except (ValueError, KeyError):
        known = False
    if not known or not host:
        raise ProxyOptionError(
            f"{shape}, not {url!r}; what Node-RED is asked for stays as it is, so there is no path in it."
        )
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        raise ProxyOptionError(
            f"{shape}, not the name {host!r}: nginx would not start while that name cannot be resolved, and no site of this"
            " host would be there."
        ) from None
    if parts.scheme == "http" and not address.is_loopback:
        raise ProxyOptionError(f"{shape}: passwords would cross the network in plain HTTP. Only 127.0.0.1 may be http.")
    return f"{parts.scheme}://{in_url(str(address))}:{port}"


def in_url(name: str) -> str:
    """A name or an address as a URL has it."""
    return f"[{name}]" if ":" in name else name


def _refuse_twice(values: list[str], key: str) -> None:
    twice = {value for value in values if values.count(value) > 1}
    if twice:
        where = "nodered_proxy_path and nodered_proxy_others" if key == "path" else "nodered_proxy_others"
        raise ProxyOptionError(f"{where}: the {key} {min(twice)} is there twice. Each Node-RED needs one of its own.")
