# Copyright (c) 2026, the pifleet.nodered maintainers
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The site that nginx reads: its text in `site.conf.j2`, what is put into it worked out here.

A certificate that an ACME server is to sign has to be there before the site can name it. Until then there is one that only
answers that server, `challenge.conf.j2`.
"""

from __future__ import annotations

import ipaddress
import json
import pathlib
import re
import typing as t
from collections.abc import Collection, Sequence

import jinja2

from ansible_collections.pifleet.nodered.plugins.module_utils._shared.layout import (
    challenge_directory,
    nginx_log,
    proxy_authorities,
    proxy_certificate,
)
from ansible_collections.pifleet.nodered.plugins.module_utils._shared.proxy_probe import expected_of

from .options import DesiredProxy, ProxyOptionError, in_url

_FOLDER = pathlib.Path(__file__).parent
#: Since this version of nginx, HTTP/2 is asked for by a line of its own.
_OWN_HTTP2 = (1, 25, 1)

#: Of text that the owner has added.
_SERVER_NAMES = re.compile(r"^ {4}server_name ([^;\n]+);$", re.MULTILINE)
_ROOT_LOCATION = re.compile(r"\blocation\s{1,9}/\s{0,9}\{")


_CIPHERS = (
    "ECDHE-ECDSA-AES128-GCM-SHA256",
    "ECDHE-RSA-AES128-GCM-SHA256",
    "ECDHE-ECDSA-AES256-GCM-SHA384",
    "ECDHE-RSA-AES256-GCM-SHA384",
    "ECDHE-ECDSA-CHACHA20-POLY1305",
    "ECDHE-RSA-CHACHA20-POLY1305",
)


class SiteFacts(t.NamedTuple):
    """What a site depends on beside what is asked for."""

    #: The name of the service.
    service: str
    #: Of nginx.
    version: str
    #: Whether the host has IPv6.
    ipv6: bool
    #: DNS names and IP addresses of the certificate.
    names: Sequence[str]
    #: The port of Node-RED.
    port: int


def site(desired: DesiredProxy, facts: SiteFacts) -> str:
    """The text of the site.

    :raises ProxyOptionError: a name is asked for that is not in the certificate
    """
    _refuse_uncovered(desired, facts.names)
    of_others = {other.host for other in desired.others}
    names = [name for name in desired.names or facts.names if name not in of_others]
    if not names:
        raise ProxyOptionError(
            "nodered_proxy_others: no name is left for the Node-RED of this host. Add one to nodered_certificate_names."
        )
    main = in_url(next((name for name in names if not _is_address(name)), names[0])).replace("*.", "pifleet.")
    suffix = "" if desired.https == 443 else f":{desired.https}"
    expected = {
        "name": main,
        "https": desired.https,
        "http": desired.http,
        "path": desired.path,
        "port": facts.port,
        **({"others": [other._asdict() for other in desired.others]} if desired.others else {}),
    }
    return _rendered(
        "site.conf.j2",
        expected=json.dumps(expected, sort_keys=True),
        id="nodered_" + re.sub(r"\W", "_", facts.service.removesuffix(".service"), flags=re.ASCII),
        desired=desired,
        ciphers=_CIPHERS,
        names=[in_url(name) for name in names],
        main=main,
        suffix=suffix,
        takes_addresses=any(map(_is_address, names)),
        has_own_http2=tuple(int(part) for part in facts.version.split(".")[:3]) >= _OWN_HTTP2,
        ipv6=facts.ipv6,
        url=f"http://127.0.0.1:{facts.port}",
        certificate=proxy_certificate(facts.service),
        authorities=proxy_authorities(facts.service),
        log=nginx_log(facts.service),
        challenges=challenge_directory(facts.service),
        below=[other for other in desired.others if other.path],
        beside=[other for other in desired.others if other.host],
        needs_root=not _has_root(desired),
        pattern=lambda path: re.escape(path.rstrip("/")),
    )


def challenge_site(present: str, service: str, http: int, ipv6: bool, names: Sequence[str]) -> str:
    """The site that an ACME server finds its challenges by, until the one of this run can be in place.

    :param present: the site that is there; empty without one
    :param service: the name of the service
    :param http: the port that the server asks
    :param ipv6: whether the host has IPv6
    :param names: the names of the certificate
    :returns: empty where the present one leads to them under all names
    """
    expected = expected_of(present)
    answered: set[str] = set()
    if expected and expected["http"] == http:
        answered = {name for line in _SERVER_NAMES.findall(present) for name in line.split()}
    missing = [name for name in names if name not in answered]
    if not missing:
        return ""
    return _rendered(
        "challenge.conf.j2",
        present=present,
        http=http,
        ipv6=ipv6,
        names=missing,
        challenges=challenge_directory(service),
    )


def _rendered(template: str, **values: t.Any) -> str:
    environment = jinja2.Environment(  # noqa: S701 - this is no HTML
        loader=jinja2.FileSystemLoader(_FOLDER),
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    return environment.get_template(template).render(values)


def _has_root(desired: DesiredProxy) -> bool:
    """Whether something answers to / already."""
    paths = (desired.path, *(other.path for other in desired.others))
    return "/" in paths or bool(_ROOT_LOCATION.search(desired.include))


def needs_authorities(desired: DesiredProxy) -> bool:
    """Whether nginx has to know who certifies other hosts."""
    return any(other.name for other in desired.others)


def _refuse_uncovered(desired: DesiredProxy, of_certificate: Collection[str]) -> None:
    for variable, name in (
        *(("nodered_proxy_names", name) for name in desired.names),
        *(("nodered_proxy_others", other.host) for other in desired.others if other.host),
    ):
        if name not in of_certificate and f"*.{name.partition('.')[2]}" not in of_certificate:
            raise ProxyOptionError(
                f"{variable}: {name} is not in the certificate, so that browsers would warn. Add it to"
                " nodered_certificate_names."
            )


def _is_address(name: str) -> bool:
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True
