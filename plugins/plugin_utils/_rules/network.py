# Copyright (c) 2026, the pifleet.nodered maintainers
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Rules about what a host shows to strangers on the network."""

from __future__ import annotations

from collections.abc import Iterator

from ansible_collections.pifleet.nodered.plugins.module_utils._shared.probe import is_loopback
from ansible_collections.pifleet.nodered.plugins.plugin_utils._findings.model import Finding, Severity

from .base import SECURE, RuleBook
from .host_view import Host, proxy_of
from .logins import ADMIN_AUTH_LOCKED_OUT

RULES = RuleBook()

EDITOR_OPEN = RULES.add(
    "editor-open",
    Severity.CRITICAL,
    "The editor is open to the network",
    "A stranger was asked for no login: whoever reaches the port runs any command as the service's user.",
    "Set nodered_admin_users and run pifleet.nodered.secure.",
    "nodered_admin_users",
)

FLOWS_READABLE = RULES.add(
    "flows-readable",
    Severity.HIGH,
    "Strangers read the flows",
    "The flows were sent without a login, or to an invented token: the code of functions, addresses, names of users.",
    "Leave nodered_admin_default_permissions out and run pifleet.nodered.secure.",
    "nodered_admin_default_permissions",
)

CORS_OPEN = RULES.add(
    "cors-open-editor",
    Severity.CRITICAL,
    "Any web page may rewrite the flows",
    "Before 5.0, Node-RED allows every origin to read its answers. With an open editor, a page from anywhere that"
    " somebody in the network opens rewrites the flows, also where the port is closed to the outside.",
    "Set nodered_admin_users and run pifleet.nodered.secure.",
    "nodered_admin_users",
)

PLAIN_HTTP = RULES.add(
    "plain-http",
    Severity.HIGH,
    "The network is answered in plain HTTP",
    "Passwords, tokens and flows can be read and changed on the way.",
    SECURE,
    "nodered_certificate_provider",
)

OLD_TLS = RULES.add(
    "old-tls",
    Severity.MEDIUM,
    "TLS 1.0 or 1.1 is accepted",
    "Both have been deprecated since 2021 (RFC 8996); an attacker between may choose them.",
    "Set minVersion: TLSv1.2 in nodered_https_options and run pifleet.nodered.secure, and remove Node.js options such as"
    " --tls-min-v1.0.",
    "nodered_https_options",
)

TLS_BROKEN = RULES.add(
    "tls-broken",
    Severity.HIGH,
    "No TLS handshake succeeds",
    "The port takes connections, and speaks neither TLS nor HTTP: nobody gets at the editor.",
    SECURE,
    "nodered_certificate_provider",
)

NODE_AUTH_NOT_ASKED = RULES.add(
    "login-not-asked",
    Severity.HIGH,
    "A login that is set is not asked for",
    "httpNodeAuth or httpStaticAuth stands in settings.js, and a stranger was answered without it.",
    SECURE,
    "nodered_node_auth",
)

# ----------------------------------------------------------------------------------------------------------------------
# Seen from the network


def check_editor(host: Host) -> Iterator[Finding]:
    external_view = host.external_view
    if not host.saw_node_red:
        return
    port = f"Port {external_view['port']}"
    statuses = (external_view.get("settings_status"), external_view.get("flows_status"))
    if not external_view["login"] and 200 in statuses:
        yield host.finding(EDITOR_OPEN, f"{port} shows the editor to a stranger, with the right to change the flows.")
        if external_view.get("cors") == "*":
            yield host.finding(CORS_OPEN, f"{port} lets every web page use the open editor.")
    elif not external_view["login"] and 401 in statuses:
        yield host.finding(ADMIN_AUTH_LOCKED_OUT, f"{port} refuses everybody and offers no login.", file=host.file)
    elif 200 in (*statuses, external_view.get("token_status")):
        yield host.finding(FLOWS_READABLE, f"{port} sends settings or flows to a stranger.")


def check_transport(host: Host) -> Iterator[Finding]:
    external_view = host.external_view
    if not external_view.get("reachable"):
        return
    if external_view.get("plain_http") and not is_loopback(external_view["address"]):
        yield host.finding(PLAIN_HTTP, f"Port {external_view['port']} answers plain HTTP.")
    # Of nginx there is a rule of its own.
    if external_view.get("old_tls") and not proxy_of(host.state):
        yield host.finding(OLD_TLS, f"Port {external_view['port']} accepts {external_view['old_tls']}.")
    if not any(external_view.get(protocol) for protocol in ("tls", "old_tls", "plain_http")):
        yield host.finding(TLS_BROKEN, f"Port {external_view['port']} speaks neither TLS nor HTTP.")
    for path, setting in external_view.get("not_asked", ()):
        yield host.finding(NODE_AUTH_NOT_ASKED, f"{path} is answered without the login of {setting}.", setting)
