# Copyright (c) 2026, the pifleet.nodered maintainers
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A host under examination: what it said of itself, and what was seen of it from outside."""

from __future__ import annotations

import base64
import datetime
import typing as t
from collections.abc import Iterator, Mapping

from ansible_collections.pifleet.nodered.plugins.module_utils._shared.probe import is_loopback
from ansible_collections.pifleet.nodered.plugins.module_utils._shared.proxy_probe import expected_of
from ansible_collections.pifleet.nodered.plugins.plugin_utils._findings.model import Finding, Location, Rule
from ansible_collections.pifleet.nodered.plugins.plugin_utils._javascript.parser import SettingsError
from ansible_collections.pifleet.nodered.plugins.plugin_utils._network.anonymous_view import Expected
from ansible_collections.pifleet.nodered.plugins.plugin_utils._settings.login_page import is_used
from ansible_collections.pifleet.nodered.plugins.plugin_utils._settings.roots import (
    ADMIN_ROOT,
    NODE_ROOT,
    root_of,
    static_roots,
)

from .base import SettingsReview

if t.TYPE_CHECKING:
    from ansible_collections.pifleet.nodered.plugins.module_utils._shared.host_state import ProxyExpected


def proxy_of(state: Mapping[str, t.Any]) -> ProxyExpected | None:
    """The nginx in front of a Node-RED, as its site says what it has to answer; None without one."""
    return expected_of((state["proxy"] or {}).get("site"))


def port_of(state: Mapping[str, t.Any]) -> int | None:
    """The port on which the Node-RED of a host answers the network; None where it has none, or for the host alone.

    Where nginx is in front of it, that is the port of nginx.
    """
    proxy = proxy_of(state)
    if proxy:
        return proxy["https"]
    listening = [
        (address, port)
        for address, port in (state.get("details") or {}).get("listening", ())
        if not is_loopback(address)
    ]
    ports = {port for _address, port in listening}
    review = Host(state, None, "", datetime.date.min).review
    desired = [
        (state["proof"] or {}).get("expected", {}).get("port"),
        *(seen["port"] for seen in state["endpoints"]),
        review.get("uiPort") if review else None,
        1880,
    ]
    # No other one: flows may listen too, on ports where a stray request does harm.
    return next((int(port) for port in desired if str(port) in map(str, ports)), None)


def hides_port(state: Mapping[str, t.Any]) -> bool:
    """Whether a Node-RED runs of which `port_of` does not know where it answers, although that may be the network."""
    listening = (state.get("details") or {}).get("listening", ())
    is_local = bool(listening) and all(is_loopback(address) for address, _port in listening)
    return state["service"]["active"] and port_of(state) is None and not is_local


def expected_outside(state: Mapping[str, t.Any]) -> Expected:
    """Where a Node-RED answers, as far as its settings.js says."""
    review = Host(state, None, "", datetime.date.min).review
    if review is None:
        return Expected("/")
    page = _path_of(root_of(review.settings, NODE_ROOT)) if is_used(review.settings) else None
    return Expected(_path_of(root_of(review.settings, ADMIN_ROOT)), tuple(_logins(review)), page)


def _path_of(root: t.Any) -> str | None:
    """A root that code may compute, as it is without that code; None where it is switched off."""
    return None if root is False else root if isinstance(root, str) else "/"


def _logins(review: SettingsReview) -> Iterator[tuple[str, str]]:
    """The roots at which a Basic login has to be asked for, each with its setting."""
    root = _path_of(root_of(review.settings, NODE_ROOT))
    if root is not None and (isinstance(review.get("httpNodeAuth"), dict) or is_used(review.settings)):
        yield root, "httpNodeAuth"
    if review.is_off("httpStatic") or not isinstance(review.get("httpStaticAuth"), dict):
        return
    for static in static_roots(review.settings):
        if static.has_known_entry:
            yield static.path, "httpStaticAuth"


class Host:
    """What is known of one host."""

    def __init__(
        self, state: Mapping[str, t.Any], external_view: Mapping[str, t.Any] | None, subject: str, today: datetime.date
    ) -> None:
        self.state = state
        self.external_view = external_view or {}
        self.subject = subject
        self.today = today
        self.details = state.get("details") or {}
        self.file = state["settings"]["path"] or ""
        content = state["settings"]["content"]
        self.source = base64.b64decode(content) if isinstance(content, str) else content
        self.review = self._review()

    def _review(self) -> SettingsReview | None:
        try:
            return None if self.source is None else SettingsReview(self.source, self.subject, self.file, False)
        except (SettingsError, RecursionError, UnicodeError):
            return None

    def finding(self, rule: Rule, message: str, detail: str = "", file: str = "") -> Finding:
        return Finding(rule, self.subject, message, Location(file), detail)

    @property
    def saw_node_red(self) -> bool:
        """Whether something that looks like Node-RED answered the control node."""
        return bool(self.external_view.get("reachable")) and self.external_view.get("login") is not None

    @property
    def asks_for_login(self) -> bool:
        """Whether the control node was refused as a stranger and offered a login."""
        return bool(self.external_view.get("login")) and self.external_view.get("settings_status") == 401
