# Copyright (c) 2026, the pifleet.nodered maintainers
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What has to change about the nginx in front of a Node-RED, from what is known of its host."""

from __future__ import annotations

import typing as t
from collections.abc import Mapping, Sequence

from ansible_collections.pifleet.nodered.plugins.plugin_utils._errors import UserError
from ansible_collections.pifleet.nodered.plugins.plugin_utils._javascript.parser import SettingsError
from ansible_collections.pifleet.nodered.plugins.plugin_utils._javascript.values import Expression
from ansible_collections.pifleet.nodered.plugins.plugin_utils._pki import certificates
from ansible_collections.pifleet.nodered.plugins.plugin_utils._pki.ca_directory import CaDirectory, known_authorities
from ansible_collections.pifleet.nodered.plugins.plugin_utils._proxy.options import (
    DesiredProxy,
    ProxyOptionError,
    check_provider,
)
from ansible_collections.pifleet.nodered.plugins.plugin_utils._proxy.site import SiteFacts, needs_authorities, site
from ansible_collections.pifleet.nodered.plugins.plugin_utils._settings.listening import DEFAULT_PORT
from ansible_collections.pifleet.nodered.plugins.plugin_utils._settings.source import SettingsSource


def desired_proxy(options: Mapping[str, t.Any]) -> DesiredProxy | None:
    """What is asked for; None where no proxy is.

    :param options: as the module proxy takes them
    :raises ProxyOptionError: it cannot be
    """
    check_provider(options["proxy"], options["provider"])
    if options["proxy"] == "none":
        return None
    desired = DesiredProxy.from_options(options)
    if options["port"] is not None:
        _refuse_port(options["port"], desired)
    return desired


def _refuse_port(port: int, desired: DesiredProxy) -> None:
    if port in desired.ports:
        raise ProxyOptionError(
            f"nodered_settings: uiPort of Node-RED is {port}, which nginx is to have. Set it to another one, such as"
            f" {DEFAULT_PORT}, or give nginx others with nodered_proxy_ports."
        )


class ProxyChange:
    """What becomes of the site of a service.

    :ivar reasons: why it has to change, a phrase each; empty where it need not
    :ivar before: the site that is there; empty without one
    :ivar after: the site that is to be there; empty for none, and where nginx has to be installed first
    """

    def __init__(self, options: Mapping[str, t.Any], state: Mapping[str, t.Any]) -> None:
        """Compare, and change nothing.

        :param options: as the module proxy takes them
        :param state: what the module host_info returned, asked for the ports of the proxy
        :raises UserError: what is asked for cannot be on this host
        """
        desired = desired_proxy(options)
        present: Mapping[str, t.Any] = state["proxy"] or {}
        self.before: str = present.get("site") or ""
        self.after = ""
        self.authorities = ""
        self.reasons: list[str] = []
        if desired is None:
            if self.before:
                self.reasons.append("nginx is in front of Node-RED, and nobody asks for it")
            return
        if state["proxy"] is None:
            raise UserError("This host does not say what is known of its nginx. Run again.")
        _refuse_listeners(present["listeners"])
        if present["version"] is None:
            self.reasons.append("nginx is not installed")
            return
        port = _port(options, state)
        _refuse_port(port, desired)
        if needs_authorities(desired):
            self.authorities = _authorities(options)
        names = options["certificate_names"] or _names_of_certificate(state)
        if names:
            facts = SiteFacts(state["service"]["name"], present["version"], present["ipv6"], names, port)
            self.after = site(desired, facts)
        if self.before != self.after or not self.before:
            self.reasons.append("the site of nginx differs" if self.before else "nginx has no site for Node-RED")
        if present["authorities"].split() != self.authorities.split():
            self.reasons.append("the authorities of other hosts differ")
        if not present["active"]:
            self.reasons.append("nginx does not run")
        elif not present["enabled"]:
            self.reasons.append("nginx does not start with the host")


def _refuse_listeners(listeners: Sequence[Mapping[str, t.Any]]) -> None:
    """UserError where another program has a port that nginx is to have; `nginx -t` does not see that."""
    if not listeners:
        return
    taken = ", ".join(f"{each['program'] or 'another program'} on port {each['port']}" for each in listeners[:5])
    raise UserError(
        f"Other programs than nginx listen where nginx is to answer: {taken}. Stop them, or give nginx other ports, for example"
        " nodered_proxy_ports: {https: 8443, http: 0}."
    )


def _names_of_certificate(state: Mapping[str, t.Any]) -> list[str]:
    """The names of the installed certificate; none where there is none yet."""
    chain = state["certificate"]["chain"]
    if not chain:
        return []
    says = certificates.describe(chain.encode("utf-8"))
    return [*says["dns_names"], *says["ip_addresses"]]


def _port(options: Mapping[str, t.Any], state: Mapping[str, t.Any]) -> int:
    """The port that Node-RED listens on, as far as it can be told; the host looks whether it does."""
    for told in (options["port"], options["settings_port"]):
        if told is not None:
            return int(told)
    proved = (state["proof"] or {}).get("expected", {}).get("port")
    if proved:
        return int(proved)
    content = state["settings"]["content"]
    try:
        written = SettingsSource(content, strict=False).value(("uiPort",)) if content else None
    except (SettingsError, RecursionError, UnicodeError):
        written = None
    fallback = written.fallback if isinstance(written, Expression) else written
    return int(str(fallback)) if str(fallback).isdecimal() else DEFAULT_PORT


def _authorities(options: Mapping[str, t.Any]) -> str:
    """The certificates of the fleet's authority.

    :raises UserError: this control node has none
    """
    known = known_authorities(options["ca_certificate"], options["ca_dir"])
    if not known:
        path = CaDirectory(options["ca_dir"]).certificate
        raise UserError(
            f"nodered_proxy_others: there is no {path}, by which nginx would know the other hosts. Set nodered_ca_dir"
            " or nodered_ca_certificate to the authority that has certified them."
        )
    return known.strip() + "\n"
