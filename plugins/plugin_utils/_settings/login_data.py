# Copyright (c) 2026, the pifleet.nodered maintainers
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""login.json, the data of the login page: who may log in, what is open, and how long a login lasts."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import typing as t
from collections.abc import Callable, Mapping

from ansible_collections.pifleet.nodered.plugins.plugin_utils._accounts.passwords import PasswordError, check_hash
from ansible_collections.pifleet.nodered.plugins.plugin_utils._accounts.users import NodeUser

from .login_options import LoginOptions
from .oidc_options import OidcOptions

#: What a user of single sign-on is known by; where one of these is another, nobody is who he was.
_PROVIDER = ("kind", "issuer", "client_id", "username_claim", "groups_claim", "scope", "session_expiry")


# Without a representation, which would show hashes.
@dataclasses.dataclass(frozen=True, repr=False)
class LoginPlace:
    """Where a login page is, or is to be.

    :ivar name: the name of its directory, beside settings.js
    :ivar directory: the path of that directory; empty where it is not known
    :ivar hostname: the name of the host
    :ivar users: the entries of the present login.json by their usernames
    :ivar inventory_name: what the inventory calls the host; empty where it is none's
    """

    name: str = "nodelogin"
    directory: str = ""
    hostname: str = ""
    users: Mapping[str, Mapping[str, t.Any]] = dataclasses.field(default_factory=dict)
    inventory_name: str = ""

    def hash_of(self, username: str) -> object:
        """What the present login.json has as the hash of a user; None where it has no such user."""
        return self.users.get(username, {}).get("password")


def present_data(text: str | None) -> dict[str, t.Any]:
    """What a login.json says, as far as it can be read; a host may have put anything there."""
    try:
        data = json.loads(text or "{}")
    except (ValueError, RecursionError):
        return {}
    return data if isinstance(data, dict) else {}


def users_of(data: Mapping[str, t.Any]) -> dict[str, dict[str, t.Any]]:
    """The users of a login.json by their usernames, as far as they have one."""
    users = data.get("users")
    entries = [entry for entry in users if isinstance(entry, dict)] if isinstance(users, list) else []
    return {entry["username"]: entry for entry in entries if isinstance(entry.get("username"), str)}


def login_data(
    options: LoginOptions,
    place: LoginPlace,
    node_root: str,
    port: object,
    hash_of: Callable[[NodeUser], str],
    oidc: Mapping[str, t.Any] | None = None,
) -> dict[str, t.Any]:
    """What login.json is to say.

    :param node_root: below which path flows answer
    :param port: what tells this Node-RED from another one of the same directory
    :param hash_of: gives the hash of a user's password
    :param oidc: what `oidc_data` returned; None without single sign-on
    """
    return {
        **({} if oidc is None else {"oidc": oidc}),
        "cookie_path": options.cookie_path,
        "id": hashlib.sha256(f"{place.directory} {port}".encode("utf-8", "surrogatepass")).hexdigest()[:8],
        "node_root": node_root,
        "open": options.open,
        "session_expiry": options.session_expiry,
        "title": options.title or place.hostname,
        "trusted_proxies": options.trusted_proxies,
        "users": [_entry(user, hash_of(user)) for user in options.users],
    }


def _entry(user: NodeUser, password: str) -> dict[str, t.Any]:
    entry = {"username": user.username, "password": password, "permissions": user.permissions}
    return entry if user.paths is None else {**entry, "paths": user.paths}


def oidc_data(options: OidcOptions, url: str, admin_root: str) -> dict[str, t.Any]:
    """What login.json is to say of single sign-on, under the key `oidc`.

    :param url: where browsers find this Node-RED, without a path
    :param admin_root: the path of the editor, with a slash at both ends
    """
    return {
        "admin_root": admin_root,
        "authority": options.authority is not None,
        "client_id": options.client_id,
        "client_secret": options.client_secret,
        "dashboards": options.dashboards,
        "editor": options.editor,
        "groups_claim": options.groups_claim,
        "issuer": options.issuer,
        "kind": options.kind,
        "name": options.name,
        "scope": options.scope,
        "session_expiry": options.session_expiry,
        "url": url,
        "username_claim": options.username_claim,
    }


def oidc_of(data: Mapping[str, t.Any]) -> dict[str, t.Any]:
    """What a login.json says of single sign-on; empty where it has none."""
    oidc = data.get("oidc")
    return oidc if isinstance(oidc, dict) else {}


def rules_of(oidc: Mapping[str, t.Any], where: str) -> list[dict[str, t.Any]]:
    """Whom a login.json lets in by single sign-on.

    :param oidc: what `oidc_of` returned
    :param where: editor or dashboards
    """
    rules = oidc.get(where)
    return [rule for rule in rules if isinstance(rule, dict)] if isinstance(rules, list) else []


def as_text(data: Mapping[str, t.Any]) -> bytes:
    """login.json as it is written."""
    return (json.dumps(data, indent=2, sort_keys=True) + "\n").encode("ascii")


def losing_users(before: Mapping[str, Mapping[str, t.Any]], after: Mapping[str, Mapping[str, t.Any]]) -> list[str]:
    """Whose logins end: of those who are gone, have another password, or may do less than before.

    :param before: the entries of the file by their usernames
    :param after: those that take their place
    """
    return [name for name, entry in before.items() if name not in after or _loses(entry, after[name])]


def opens_less(before: Mapping[str, t.Any], after: Mapping[str, t.Any]) -> bool:
    """Whether a path needs a login that needed none, the word of a proxy counts no more, or the provider lets in fewer.

    :param before: what the file says, which may be anything
    :param after: what takes its place
    """
    return _trusts_less(before, after) or any(
        not isinstance(before[key], list) or not _within(before[key], after[key])
        for key in ("open", "trusted_proxies")
        if key in before
    )


def _trusts_less(before: Mapping[str, t.Any], after: Mapping[str, t.Any]) -> bool:
    """Whether somebody whom single sign-on let in before may be out now: by another provider, or by other rules."""
    former, present = oidc_of(before), oidc_of(after)
    if not former:
        return "oidc" in before
    same_provider = all(former.get(key) == present.get(key) for key in _PROVIDER)
    return not same_provider or any(
        not isinstance(former.get(where, []), list) or not _within(former.get(where, []), present[where])
        for where in ("dashboards", "editor")
    )


def _loses(before: Mapping[str, t.Any], after: Mapping[str, t.Any]) -> bool:
    try:
        if check_hash(before.get("password")) != after["password"]:
            return True
    except PasswordError:
        return True
    if before.get("permissions") != after["permissions"] and after["permissions"] != "*":
        return True
    paths = after.get("paths")
    return paths is not None and not (isinstance(before.get("paths"), list) and _within(before["paths"], paths))


def _within(before: list[t.Any], after: list[t.Any]) -> bool:
    return all(path in after for path in before)
