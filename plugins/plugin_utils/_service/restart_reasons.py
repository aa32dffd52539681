# Copyright (c) 2026, the pifleet.nodered maintainers
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Why a Node-RED has to be restarted and proved, from what is known of its host."""

from __future__ import annotations

import difflib
import typing as t
from collections.abc import Mapping

from ansible_collections.pifleet.nodered.plugins.plugin_utils._accounts.users import admin_users, node_users
from ansible_collections.pifleet.nodered.plugins.plugin_utils._errors import UserError

from .drop_in import LOWEST_PORT, drop_in, environment_file, means_the_same, umask_of

#: Of a service that nobody has asked for another.
CLOSED_UMASK = "0077"

#: The longest watch, in minutes. Until it ends, the files of before stay where they are.
LONGEST_WATCH = 1440
#: What a list of states can have.
MOST_STATES = 100


def check_watch(minutes: int) -> None:
    """Refuse a watch of a length that cannot be meant.

    :raises UserError: it is
    """
    if not 0 <= minutes <= LONGEST_WATCH:
        raise UserError(
            f"nodered_watch_minutes: {minutes} must be from 0, for no watch, to {LONGEST_WATCH}, which is a day."
        )


def check_options(options: Mapping[str, t.Any]) -> None:
    """Refuse what the service could not be given, and users whose sessions cannot be meant.

    :param options: `environment`, `watch_minutes`, `keep_states`, `admin_users`, `node_users`, `oidc` and `revoke` as the
        module restart takes them
    :raises UserError: a variable that systemd would not take, a number out of bounds, or a name that is nobody's
    """
    check_watch(options["watch_minutes"])
    check_keep_states(options["keep_states"])
    environment_file(options["environment"] or {})
    drop_in(options["umask"] or CLOSED_UMASK, options["port"])
    editors = [user.username for user in admin_users(options["admin_users"])] if options["admin_users"] else []
    # Where the editor's users are not known, or a provider knows more, nobody's name is wrong.
    known = bool(editors) and not options["oidc"]
    names = [*editors, *(user.username for user in node_users(options["node_users"]))] if known else []
    for name in options["revoke"]:
        # Whoever was meant would stay logged in, without a word.
        if names and name != "*" and name not in names:
            alike = difflib.get_close_matches(name, names, 1)
            raise UserError(
                f"nodered_revoke_sessions: nobody in nodered_admin_users or nodered_node_users is called {name}."
                + (f" Is {alike[0]} meant?" if alike else " Who is not in that list cannot use a login any more.")
            )


def check_keep_states(number: int) -> None:
    """Refuse a number of states to keep that no host could do anything with.

    :raises UserError: it is out of bounds
    """
    if not 1 <= number <= MOST_STATES:
        raise UserError(f"nodered_keep_states is {number}: it must be a number from 1 to {MOST_STATES}.")


def desired_environment(state: Mapping[str, t.Any], environment: Mapping[str, t.Any] | None) -> str:
    """The content of the environment file that the service should have.

    :param environment: the variables asked for; with None those that it has stay
    """
    return (state["service"]["environment"] or "") if environment is None else environment_file(environment)


def desired_drop_in(state: Mapping[str, t.Any], options: Mapping[str, t.Any]) -> str:
    """The content of the drop-in file that the service should have.

    :param state: what the module host_info returned
    :param options: `umask`, `port` and `settings_port` as the module restart takes them; what is not given stays as it is
    """
    present = state["service"]["drop_in"] or ""
    umask = options["umask"] or umask_of(present) or CLOSED_UMASK
    port = options["port"]
    # A service that may listen there by its own means is not given another; one that was given them, keeps them for its port.
    if port is None and "AmbientCapabilities=" in present:
        port = LOWEST_PORT if options["settings_port"] is None else options["settings_port"]
    desired = drop_in(umask, port)
    return present if means_the_same(present, desired) else desired


def restart_reasons(
    state: Mapping[str, t.Any], options: Mapping[str, t.Any], environment: str, fingerprint: str
) -> list[str]:
    """Why the service has to be restarted and proved, in words that stand alone; empty where it need not.

    :param state: what the module host_info returned
    :param options: `force`, `revoke`, `changed`, `https`, `admin_auth`, `node_users`, `oidc`, `umask`, `port` and
        `settings_port` as the module restart takes them
    :param environment: what `desired_environment` returned
    :param fingerprint: SHA-256 of the certificate that has to be served, in lower-case hex; empty without one
    """
    service, proof = state["service"], state["proof"]
    reasons = []
    if options["force"]:
        reasons.append("a restart was asked for")
    if options["revoke"]:
        reasons.append("sessions are to end")
    if options["changed"]:
        reasons.append("files of Node-RED were replaced")
    if state["transaction"]:
        reasons.append("what was replaced has not been proved yet")
    if service["drop_in"] != desired_drop_in(state, options):
        reasons.append("the service's drop-in file differs")
    if (service["environment"] or "") != environment:
        reasons.append("the service's variables differ")
    if service["reload_needed"]:
        reasons.append("systemd has not read the service's files since they were changed")
    if not service["active"]:
        reasons.append("the service does not run")
    if not service["enabled"]:
        reasons.append("the service is not enabled")
    if proof is None:
        reasons.append("the service was never proved")
        return reasons
    reasons += proof["failures"]
    expected = proof["expected"]
    if proof["settings"] != state["settings"]["sha256"]:
        reasons.append("settings.js was edited since the service was proved")
    if fingerprint and expected["certificate"] != fingerprint:
        reasons.append("the service was proved with another certificate")
    if options["proxy"] == "nginx" and not expected.get("proxy"):
        reasons.append("the service was proved without nginx in front of it")
    for option, name in (("https", "tls"), ("admin_auth", "auth")):
        if options[option] and not expected[name]:
            reasons.append(f"the service was proved without {name}")
    if has_login_page(options) and not expected.get("login_page"):
        reasons.append("the service was proved without the login page")
    return reasons


def has_login_page(options: Mapping[str, t.Any]) -> bool:
    """Whether dashboards and endpoints have to ask for the login page.

    :param options: `node_users` and `oidc` as the module restart takes them
    """
    return bool(options["node_users"] or (options["oidc"] or {}).get("dashboards"))


def exposure(state: Mapping[str, t.Any]) -> str:
    """What other users of the host may read and should not, in words that stand alone; empty where there is nothing."""
    exposed = [*state["exposed"], *state["login_page"]["exposed"]]
    return f"other users of the host may read {', '.join(exposed)}" if exposed else ""
