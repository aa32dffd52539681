# Copyright (c) 2026, the pifleet.nodered maintainers
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Rules about the login page of dashboards and single sign-on: their files, the plugin, and what their data let in."""

from __future__ import annotations

import typing as t
from collections.abc import Iterator, Mapping

from ansible_collections.pifleet.nodered.plugins.module_utils._shared.checksum import checksum
from ansible_collections.pifleet.nodered.plugins.module_utils._shared.layout import LOGIN_DATA
from ansible_collections.pifleet.nodered.plugins.plugin_utils._accounts.passwords import PasswordError, check_hash
from ansible_collections.pifleet.nodered.plugins.plugin_utils._accounts.well_known_passwords import hides_well_known
from ansible_collections.pifleet.nodered.plugins.plugin_utils._findings.model import Finding, Rule, Severity
from ansible_collections.pifleet.nodered.plugins.plugin_utils._javascript.values import printable_name
from ansible_collections.pifleet.nodered.plugins.plugin_utils._login.files import login_files
from ansible_collections.pifleet.nodered.plugins.plugin_utils._settings import sign_on
from ansible_collections.pifleet.nodered.plugins.plugin_utils._settings.login_data import (
    oidc_of,
    present_data,
    rules_of,
    users_of,
)
from ansible_collections.pifleet.nodered.plugins.plugin_utils._settings.login_options import WILDCARD
from ansible_collections.pifleet.nodered.plugins.plugin_utils._settings.login_page import is_used, names_plugin
from ansible_collections.pifleet.nodered.plugins.plugin_utils._settings.roots import (
    NODE_ROOT,
    is_below,
    root_of,
    static_roots,
)
from ansible_collections.pifleet.nodered.plugins.plugin_utils._settings.source import SettingsSource

from .base import SECURE, RuleBook
from .host_view import Host
from .logins import LONGEST_SESSION, SESSION_LONG
from .passwords import PASSWORD_WELL_KNOWN

RULES = RuleBook()

FILES_CHANGED = RULES.add(
    "login-files-changed",
    Severity.HIGH,
    "The code of the login page is another one",
    "It decides who sees dashboards, endpoints and files. Somebody has changed it on the host, or another release of this"
    " collection has put it there.",
    SECURE,
    "nodered_node_users",
)

FILES_EXPOSED = RULES.add(
    "login-files-exposed",
    Severity.HIGH,
    "Others on the host may read the files of the login page",
    "They hold the hashes of its users' passwords, and decide who gets in.",
    SECURE,
)

PLUGIN_NOT_LOADED = RULES.add(
    "login-plugin-not-loaded",
    Severity.MEDIUM,
    "The plugin of the login page is not loaded",
    "Without it the sockets of uibuilder, worldmap and other nodes ask for no login, and dashboards do not tell flows who"
    " has pressed.",
    SECURE,
    "nodered_node_users",
)

OPEN_BROAD = RULES.add(
    "node-open-broad",
    Severity.MEDIUM,
    "A path without a login covers more than an endpoint",
    "It opens all that flows serve, all static files or a whole dashboard to everybody who reaches the port.",
    "Name the endpoints that have to be open in nodered_node_open.",
    "nodered_node_open",
)


EVERYBODY = RULES.add(
    "oidc-everybody",
    Severity.MEDIUM,
    "Everybody whom a provider knows may use the dashboards",
    "Whoever gets an account there, a guest or a device among them, gets the dashboards with it.",
    "Name a group or a domain in dashboards of nodered_oidc, or suppress this where all accounts of the provider are meant.",
    "nodered_oidc",
)

UNVERIFIED = RULES.add(
    "oidc-unverified",
    Severity.LOW,
    "Single sign-on gives rights to a name that people may choose",
    "Many providers let people change the name of their account. Whoever takes that of somebody else has the rights of both.",
    "Name a group, or the verified e-mail address with its @, in nodered_oidc; or set username_claim to what nobody can change.",
    "nodered_oidc",
)

#: Claims of a user that nobody can choose.
_FIXED_CLAIMS = ("sub", "oid")


def check_login_page(host: Host) -> Iterator[Finding]:
    """Everything about the login page and single sign-on of a host."""
    page = host.state["login_page"]
    if page["exposed"]:
        names = ", ".join(printable_name(path.rpartition("/")[2]) for path in page["exposed"])
        yield host.finding(FILES_EXPOSED, f"Other users may read {names}.", file=page["path"] or "")
    if host.review is None:
        return
    has_page, has_editor = is_used(host.review.settings), sign_on.is_used(host.review.settings)
    if not (has_page or has_editor):
        return
    data = present_data(page["data"])
    wanted = login_files(has_editor or bool(oidc_of(data)))
    changed = [name for name, content in wanted.items() if page["files"].get(name) != checksum(content)]
    if changed:
        yield host.finding(
            FILES_CHANGED,
            f"Not as this release of the collection has it: {', '.join(changed)}.",
            file=page["path"] or "",
        )
    file = f"{page['path']}/{LOGIN_DATA}"
    for rule, message in check_sign_on(oidc_of(data)):
        yield host.finding(rule, message, "single sign-on", file)
    if not has_page:
        return
    yield from _plugin(host)
    for rule, message in check_login_data(data, host.review.settings):
        yield host.finding(rule, message, "login page", file)
    for name, entry in users_of(data).items():
        if _is_well_known(entry.get("password"), name):
            whose = f"The password of {printable_name(name)}"
            yield host.finding(PASSWORD_WELL_KNOWN, f"{whose} is one that everybody knows.", printable_name(name), file)


def _is_well_known(hashed: object, user: str) -> bool:
    try:
        return hides_well_known(check_hash(hashed), user)
    except PasswordError:
        return False


def _plugin(host: Host) -> Iterator[Finding]:
    if host.review is not None and not names_plugin(host.review.get("nodesDir")):
        yield host.finding(PLUGIN_NOT_LOADED, "nodesDir does not name it.", file=host.file)
    elif host.external_view.get("sockets_refused") is False:
        yield host.finding(
            PLUGIN_NOT_LOADED,
            f"Port {host.external_view['port']} does not ask a web socket for a login.",
            file=host.file,
        )


def check_login_data(data: Mapping[str, t.Any], settings: SettingsSource) -> Iterator[tuple[Rule, str]]:
    """What the data of a login page let in.

    :param data: what login.json says, or is to say
    :param settings: settings.js beside it
    :returns: rules, each with a message
    """
    expiry = data.get("session_expiry")
    if isinstance(expiry, (int, float)) and not isinstance(expiry, bool) and expiry > LONGEST_SESSION:
        yield SESSION_LONG, f"A login to dashboards lasts {int(expiry) // 86400} days without use."
    paths = data.get("open")
    for path in paths if isinstance(paths, list) else ():
        if isinstance(path, str) and path.endswith(WILDCARD):
            covered = [root for root in _whole(settings) if is_below(root, path.removesuffix(WILDCARD))]
            if covered:
                yield OPEN_BROAD, f"{printable_name(path)} opens all below {covered[0]}."


def check_sign_on(oidc: Mapping[str, t.Any]) -> Iterator[tuple[Rule, str]]:
    """What single sign-on lets in.

    :param oidc: what login.json says of it, or is to say
    :returns: rules, each with a message
    """
    expiry = oidc.get("session_expiry")
    if isinstance(expiry, (int, float)) and not isinstance(expiry, bool) and expiry > LONGEST_SESSION:
        yield SESSION_LONG, f"A login by single sign-on lasts {int(expiry) // 86400} days."
    dashboards = rules_of(oidc, "dashboards")
    if any(rule.get("everybody") is True for rule in dashboards):
        yield EVERYBODY, "Everybody whom the provider knows may use the dashboards."
    users = [rule.get("user") for rule in (*rules_of(oidc, "editor"), *dashboards)]
    names = [name for name in dict.fromkeys(users) if isinstance(name, str) and "@" not in name]
    if names and oidc.get("username_claim") not in _FIXED_CLAIMS:
        claim = printable_name(oidc.get("username_claim", ""))
        yield UNVERIFIED, f"{', '.join(map(printable_name, names))}: the claim {claim} may be one that people choose."


def _whole(settings: SettingsSource) -> Iterator[str]:
    """The paths below which there is more than an endpoint."""
    root = root_of(settings, NODE_ROOT)
    base = root.rstrip("/") if isinstance(root, str) else ""
    yield base or "/"
    for key, usual in (("ui", "ui"), ("dashboard", "dashboard")):
        path = settings.value((key, "path"))
        yield f"{base}/{path.strip('/') if isinstance(path, str) and path.strip('/') else usual}"
    yield from (static.path for static in static_roots(settings) if static.has_known_entry)
