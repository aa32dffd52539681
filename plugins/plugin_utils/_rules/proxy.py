# Copyright (c) 2026, the pifleet.nodered maintainers
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Rules about the nginx in front of a Node-RED."""

from __future__ import annotations

import re
from collections.abc import Iterator

from ansible_collections.pifleet.nodered.plugins.module_utils._shared.layout import nginx_site
from ansible_collections.pifleet.nodered.plugins.module_utils._shared.probe import is_loopback
from ansible_collections.pifleet.nodered.plugins.plugin_utils._findings.model import Finding, Severity

from .base import SECURE, RuleBook, is_code
from .host_view import Host, proxy_of

RULES = RuleBook()

PROXY_BYPASSED = RULES.add(
    "proxy-bypassed",
    Severity.HIGH,
    "Node-RED answers the network beside its proxy",
    "Whoever asks Node-RED itself goes around what nginx adds: TLS, the limit of logins, the log.",
    "Remove what sets uiHost, such as an option of the service, and run pifleet.nodered.secure.",
    "nodered_proxy",
)

PROXY_REDIRECT_MISSING = RULES.add(
    "proxy-redirect-missing",
    Severity.MEDIUM,
    "nginx does not lead plain HTTP to TLS",
    "Who types the name without https:// gets an error, or pages that anybody on the way may read and change.",
    SECURE,
    "nodered_proxy_ports",
)

PROXY_OLD_TLS = RULES.add(
    "proxy-old-tls",
    Severity.MEDIUM,
    "nginx accepts TLS 1.0 or 1.1",
    "Both have been deprecated since 2021 (RFC 8996); an attacker between may choose them. The site that answers to unknown"
    " names decides for all on its port.",
    "Set ssl_protocols TLSv1.2 TLSv1.3 in /etc/nginx/nginx.conf and in the other sites of the port.",
    "nodered_proxy",
)

PROXY_SITE_IGNORED = RULES.add(
    "proxy-site-ignored",
    Severity.HIGH,
    "nginx ignores its site for Node-RED, or would not start",
    "Another site has the same name or port, or does not load: who comes gets something else, at the latest when the host"
    " starts.",
    "Correct what `nginx -t` says, or set other names in nodered_proxy_names, and run pifleet.nodered.secure.",
    "nodered_proxy_names",
)

PROXY_LOGS_QUERY = RULES.add(
    "proxy-logs-query",
    Severity.MEDIUM,
    "nginx logs the queries of addresses",
    "Node-RED takes a token as ?access_token=, and flows may take passwords so: whoever reads the log can use them.",
    f"Remove access_log and log_format from nodered_proxy_include, or leave queries out of them. {SECURE}",
    "nodered_proxy_include",
)

_FORMAT = re.compile(r"^[ \t]*log_format[ \t]+(\S+)[ \t]+([^;\n]*);", re.MULTILINE)
_LOG = re.compile(r"^[ \t]*access_log[ \t]+(\S+?)(?:[ \t]+(\S+?))?(?:[ \t][^;\n]*)?;", re.MULTILINE)
#: Variables of nginx that hold the query, or the address of the page before with its own.
_WITH_QUERY = re.compile(r"\$\{?(?:request|request_uri|args|query_string|http_referer|arg_\w+)\b")


def check_proxy(host: Host) -> Iterator[Finding]:
    proxy, expected = host.state["proxy"], proxy_of(host.state)
    if not proxy or not expected:
        return
    site = nginx_site(host.state["service"]["name"])
    yield from _bypassed(host, expected["port"])
    for port in host.external_view.get("not_redirected", ()):
        yield host.finding(PROXY_REDIRECT_MISSING, f"Port {port} does not lead plain HTTP to TLS.", str(port), site)
    if host.external_view.get("old_tls"):
        yield host.finding(
            PROXY_OLD_TLS, f"Port {expected['https']} accepts {host.external_view['old_tls']}.", file=site
        )
    for complaint in proxy["complaints"]:
        yield host.finding(PROXY_SITE_IGNORED, f"nginx says: {complaint}.", complaint, site)
    if logs_queries(proxy["site"]):
        yield host.finding(PROXY_LOGS_QUERY, "The log of the site has what comes behind a question mark.", file=site)


def _bypassed(host: Host, port: int) -> Iterator[Finding]:
    listening = host.details.get("listening", ())
    open_to_all = [address for address, own in listening if own == port and not is_loopback(address)]
    written = host.review.get("uiHost") if host.review else None
    # What only running code tells, the ports do.
    if open_to_all or (not listening and not is_code(written) and not is_loopback(written)):
        where = f" on {open_to_all[0]}" if open_to_all else ""
        yield host.finding(PROXY_BYPASSED, f"Node-RED itself answers on port {port}{where}.", file=host.file)


def logs_queries(site: str) -> bool:
    """Whether a log of a site holds the queries of addresses.

    :param site: its text
    """
    formats = dict(_FORMAT.findall(site))
    logs = [(path, name) for path, name in _LOG.findall(site) if path != "off"]
    # Without a format of its own it is the usual one, which has the whole request line; so has the log of nginx.conf.
    if not logs:
        return "access_log" not in site
    return any(not name or name == "combined" or _WITH_QUERY.search(formats.get(name, "")) for _path, name in logs)
