# Copyright (c) 2026, the pifleet.nodered maintainers
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What settings.js should say, from what the user asked for, and the edit that makes it say so."""

from __future__ import annotations

import dataclasses
import os
import typing as t

from ansible_collections.pifleet.nodered.plugins.plugin_utils._accounts.passwords import PasswordError, check_hash
from ansible_collections.pifleet.nodered.plugins.plugin_utils._accounts.users import (
    Login,
    Secret,
    User,
    admin_users,
    covers,
    login,
    permissions,
    same_login,
)
from ansible_collections.pifleet.nodered.plugins.plugin_utils._errors import UserError
from ansible_collections.pifleet.nodered.plugins.plugin_utils._javascript.parser import SettingsError
from ansible_collections.pifleet.nodered.plugins.plugin_utils._javascript.values import Expression

from . import web_sockets
from .document import SettingsDocument
from .export import right_name
from .functions import HTTPS
from .roots import NODE_ROOT, is_below, root_of, static_roots
from .source import MISSING

#: Hours between two looks for a renewed certificate: 72 s, so that a run can wait for it instead of restarting.
REFRESH_INTERVAL = 0.02

#: Keys that have a variable of their own, so that two variables cannot ask for different things.
_OWN_VARIABLE = {
    "adminAuth": "nodered_admin_users",
    "httpNodeAuth": "nodered_node_auth",
    "httpStatic": "nodered_static",
    "httpStaticAuth": "nodered_static_auth",
    "credentialSecret": "nodered_credential_secret",
}
#: A hash that no password has, for checks that must not spend time on hashing. Its cost is too high to try guesses on.
_PLACEHOLDER = "$2b$12$" + "." * 53


#: Node-RED's own time for a login, in seconds (auth/tokens.js).
_SESSION_EXPIRY = 604800


class SettingsOptionError(UserError):
    """Something asked for that Node-RED could not do, in a sentence that names the variable."""


@dataclasses.dataclass(frozen=True)
class EndedSessions:
    """Which logins have to end because of an edit. Node-RED would let them go on, with the rights they had."""

    #: Names of users, `*` for all.
    users: list[str]
    #: Seconds after which all others have to end, if they would last longer.
    expiry: int | None


class DesiredSettings:
    """What the user asked for, checked.

    :param options: the options of the module `settings`
    :param user_dir: relative paths of static files lie below it; None where it is not known
    :raises AccountError: see `_accounts`
    :raises SettingsOptionError: two variables contradict each other
    """

    def __init__(self, options: t.Mapping[str, t.Any], user_dir: str | None) -> None:
        self.users: list[User] | None = None
        if options["admin_users"] is not None:
            self.users = admin_users(options["admin_users"])
        self.default_permissions = None
        if options["admin_default_permissions"] is not None:
            self.default_permissions = permissions(
                options["admin_default_permissions"], "nodered_admin_default_permissions"
            )
        self.session_expiry = options["session_expiry"]
        if self.session_expiry is not None and self.session_expiry <= 0:
            raise SettingsOptionError("nodered_session_expiry must be a positive number of seconds.")
        self.node_auth = self._login(options["node_auth"], "nodered_node_auth")
        self.static_auth = self._login(options["static_auth"], "nodered_static_auth")
        self.static = _static(options["static"], user_dir)
        self.new_hashes = options["new_hashes"]
        self._unchanged_passwords: list[str] = []
        self.https = options["https"]
        self.credential_secret = options["credential_secret"]
        self.values = dict(options["values"])
        self.expressions = {key: _expression(key, text) for key, text in options["expressions"].items()}
        self.absent = list(options["absent"])
        self._check_other_keys()

    @staticmethod
    def _login(desired: t.Any, variable: str) -> Login | None:
        return None if desired is None else login(desired, variable)

    def _check_other_keys(self) -> None:
        asked: dict[str, str] = {}
        for variable, keys in (
            ("nodered_settings", self.values),
            ("nodered_settings_js", self.expressions),
            ("nodered_settings_absent", self.absent),
        ):
            for key in keys:
                if not isinstance(key, str) or not all(key.split(".")):
                    raise SettingsOptionError(f"{variable}: {key!r} is no name of a setting. Correct it.")
                right = right_name(key.split(".")[0])
                if variable != "nodered_settings_absent" and not key.startswith(right):
                    raise SettingsOptionError(f"{variable}: Node-RED ignores {key}: the name is {right}.")
                own = _OWN_VARIABLE.get(key.split(".")[0])
                if key.split(".")[0] == "https" and self.https:
                    own = "nodered_certificate_provider"
                if own:
                    raise SettingsOptionError(f"{variable}: {key} has a variable of its own, {own}. Use that.")
                for other, place in asked.items():
                    if key == other or key.startswith(other + ".") or other.startswith(key + "."):
                        raise SettingsOptionError(
                            f"{variable}: {key} contradicts {other} in {place}. Keep one of them."
                        )
                asked[key] = variable

    @property
    def paths(self) -> list[tuple[str, ...]]:
        """The settings that are asked for, to be what they should be or to be absent."""
        paths: list[tuple[str, ...]] = []
        if self.users is not None:
            paths += [("adminAuth", "type"), ("adminAuth", "users"), ("adminAuth", "default")]
            if self.session_expiry is not None:
                paths.append(("adminAuth", "sessionExpiryTime"))
        paths += [
            (key,)
            for key, desired in (
                ("httpNodeAuth", self.node_auth),
                ("httpStaticAuth", self.static_auth),
                ("httpStatic", self.static),
                ("credentialSecret", self.credential_secret),
                ("https", self.https or None),
            )
            if desired is not None
        ]
        return paths + self._other_paths

    @property
    def _other_paths(self) -> list[tuple[str, ...]]:
        return [tuple(key.split(".")) for key in (*self.values, *self.expressions, *self.absent)]

    def apply(self, document: SettingsDocument, hashing: bool = True, another_secret: bool = False) -> EndedSessions:
        """Edit the document.

        :param hashing: False leaves passwords unhashed and puts a hash that no password has in their place, where the
            document has no other: enough to see whether the document can be edited
        :param another_secret: credentialSecret may change, because the credentials will be encrypted anew
        :raises SettingsOptionError: a wish contradicts what the document has
        """
        self._unchanged_passwords = []
        ended = EndedSessions([], None)
        if self.users is not None:
            ended = self._apply_users(document, self.users, hashing)
        for key, desired, variable in (
            ("httpNodeAuth", self.node_auth, "nodered_node_auth"),
            ("httpStaticAuth", self.static_auth, "nodered_static_auth"),
        ):
            if desired is not None:
                _require_written_out(document, key)
                present = document.get((key, "pass"))
                document.set(
                    (key,), {"user": desired.user, "pass": self._hash(desired.secret, present, variable, hashing)}
                )
        if self.static is not None:
            document.set(("httpStatic",), self.static)
        if self.https:
            document.set(("https",), Expression(HTTPS))
            if "httpsRefreshInterval" not in self.values:
                document.set(("httpsRefreshInterval",), REFRESH_INTERVAL)
        if self.credential_secret is not None:
            self._apply_credential_secret(document, another_secret)
        for wishes in (self.values, self.expressions):
            for key, value in wishes.items():
                document.set(tuple(key.split(".")), web_sockets.with_login(key, value) if self.node_auth else value)
        for key in self.absent:
            document.remove(tuple(key.split(".")))
        if self.node_auth is not None:
            web_sockets.ask_for_login(document, self._other_paths)
        self._check_basic_logins(document)
        return ended

    def _hash(self, secret: Secret, present: object, whose: str, hashing: bool) -> str:
        if not hashing:
            return secret.hash or _PLACEHOLDER
        if not self.new_hashes:
            return secret.resolve(present)
        if secret.fits(present):
            self._unchanged_passwords.append(whose)
        return secret.resolve(None)

    def reminders(self) -> list[str]:
        """What the owner should know of what was asked for, in sentences without a secret."""
        found = [
            f"{whose}: the password is the one from before. Change it in your inventory to make it a new one."
            for whose in self._unchanged_passwords
        ]
        if self.default_permissions is not None:
            found.append(
                "nodered_admin_default_permissions: whoever reaches the editor needs no login for"
                f" {_listed(self.default_permissions)}. Whoever may read sees all flows with the code of their functions,"
                " the names of brokers and users, and the data that flows keep."
            )
        return found

    def warnings(self, document: SettingsDocument) -> list[str]:
        """What the owner should know of an edited document."""
        found = []
        if self.users is not None and document.has(("adminAuth", "tokens")):
            found.append(
                "adminAuth.tokens gives access of its own, which stays whatever nodered_admin_users says. Remove it unless"
                " something needs it."
            )
        if self.node_auth is not None:
            found += [
                f"{key} is code of your own and stays. Web sockets ask for the login of nodered_node_auth only if that code"
                " does."
                for key in web_sockets.own_code(document)
            ]
        return found

    def _apply_users(self, document: SettingsDocument, users: list[User], hashing: bool) -> EndedSessions:
        _require_written_out(document, "adminAuth")
        if document.get(("adminAuth", "type")) == "strategy":
            raise SettingsOptionError(
                f'line {document.line_of(("adminAuth", "type"))}: adminAuth logs in by another service (type "strategy").'
                " Remove it from the file to let nodered_admin_users take its place."
            )
        for key in ("authenticate", "module"):
            if document.has(("adminAuth", key)):
                raise SettingsOptionError(
                    f"line {document.line_of(('adminAuth', key))}: adminAuth.{key} decides by code of its own who may log in,"
                    " whatever nodered_admin_users says. Remove it from the file to let nodered_admin_users take its place."
                )
        present = document.get(("adminAuth", "users"))
        if isinstance(present, Expression):
            raise SettingsOptionError(
                f"line {document.line_of(('adminAuth', 'users'))}: the users of adminAuth come from code. Write `users: []`"
                " in its place to let nodered_admin_users fill that in."
            )
        entries = [present] if isinstance(present, dict) else present if isinstance(present, list) else []
        found = {entry.get("username"): entry for entry in entries if isinstance(entry, dict)}
        desired = [
            {
                "username": user.username,
                "password": self._hash(
                    user.secret,
                    found.get(user.username, {}).get("password"),
                    f"nodered_admin_users, user {user.username}",
                    hashing,
                ),
                "permissions": user.permissions,
            }
            for user in users
        ]
        whole: dict[str, t.Any] = {"type": "credentials", "users": desired}
        if self.default_permissions is not None:
            whole["default"] = {"permissions": self.default_permissions}
        if self.session_expiry is not None:
            whole["sessionExpiryTime"] = self.session_expiry
        if not isinstance(document.get(("adminAuth",)), dict):
            document.set(("adminAuth",), whole)
            return EndedSessions(["*"], None)
        before = document.get(("adminAuth", "sessionExpiryTime"))
        document.set(("adminAuth", "type"), "credentials")
        document.set_by_key(("adminAuth", "users"), "username", desired)
        if self.session_expiry is not None:
            document.set(("adminAuth", "sessionExpiryTime"), self.session_expiry)
        if self.default_permissions is None:
            document.remove(("adminAuth", "default"))
        else:
            document.set(("adminAuth", "default"), whole["default"])
        after = {entry["username"]: entry for entry in desired}
        # A user who is new to the file may have been in it before, with a login that lasts.
        return EndedSessions(
            [str(name) for name in {**found, **after} if name not in found or _loses(found[name], after.get(name))],
            self._shorter_expiry(before),
        )

    def _shorter_expiry(self, before: object) -> int | None:
        """The wished session time if it is shorter than the one before."""
        former = before if isinstance(before, (int, float)) and before else _SESSION_EXPIRY
        return self.session_expiry if self.session_expiry is not None and self.session_expiry < former else None

    def _apply_credential_secret(self, document: SettingsDocument, another: bool) -> None:
        present = document.get(("credentialSecret",))
        if present is not MISSING and present != self.credential_secret and not another:
            raise SettingsOptionError(
                f"line {document.line_of(('credentialSecret',))}: credentialSecret has another value than"
                " nodered_credential_secret. Node-RED could not decrypt the credentials of its flows any more. Set the"
                " variable to the value in the file, or leave it empty."
            )
        document.set(("credentialSecret",), self.credential_secret)

    def _check_basic_logins(self, document: SettingsDocument) -> None:
        """Two different Basic logins on one root ask forever: Node-RED checks httpNodeAuth first, for all below it."""
        if self.node_auth is None or self.static_auth is None or same_login(self.node_auth, self.static_auth):
            return
        node_root = root_of(document.settings, NODE_ROOT)
        for root in static_roots(document.settings):
            if isinstance(node_root, str) and is_below(root.path, node_root):
                raise SettingsOptionError(
                    f"nodered_static_auth differs from nodered_node_auth, but static files at {root.path} lie"
                    f" below httpNodeRoot {node_root}, where Node-RED asks for httpNodeAuth first: nobody could get at"
                    " them. Use the same login for both, or give dashboards a root of their own, for example"
                    " nodered_settings: {httpNodeRoot: /api}."
                )


def _require_written_out(document: SettingsDocument, key: str) -> None:
    """SettingsOptionError where a key holds code, which somebody wrote for a reason that cannot be seen from here."""
    if isinstance(document.get((key,)), Expression):
        raise SettingsOptionError(
            f"line {document.line_of((key,))}: {key} is, or may come from, code here, and is no object that is written out."
            f" Remove it there, or write `{key}: {{}}` in its place or below it, to let {_OWN_VARIABLE[key]} fill that in."
        )


def _loses(before: t.Mapping[str, t.Any], after: t.Mapping[str, t.Any] | None) -> bool:
    """Whether a user must log in again. Node-RED keeps the rights of a session and checks only that the user exists."""
    if after is None:
        return True
    try:
        same_password = check_hash(before.get("password")) == after["password"]
    except PasswordError:
        same_password = False
    return not same_password or not covers(after["permissions"], before.get("permissions"))


def _listed(permissions_: str | list[str]) -> str:
    return permissions_ if isinstance(permissions_, str) else ", ".join(permissions_)


def _static(desired: t.Any, user_dir: str | None) -> t.Any:
    """The value of httpStatic: a text where one folder is served at the root, else a list of mappings."""
    if desired is None:
        return None
    entries = []
    for entry in desired if isinstance(desired, list) else [desired]:
        if not isinstance(entry, t.Mapping) or not isinstance(entry.get("path"), str) or not entry["path"]:
            raise SettingsOptionError("nodered_static must be a mapping with path, or a list of such mappings.")
        for key in entry:
            if key not in ("path", "root"):
                raise SettingsOptionError(f"nodered_static: unknown key {key!r}. Known are path and root.")
        if user_dir is None and not os.path.isabs(entry["path"]):
            raise SettingsOptionError("nodered_static: path must be absolute in a file that belongs to no service.")
        path = os.path.join(user_dir or "", str(entry["path"]))
        entries.append({"path": path, **({"root": str(entry["root"])} if entry.get("root") else {})})
    if len(entries) == 1 and "root" not in entries[0]:
        return entries[0]["path"]
    return entries


def _expression(key: str, text: t.Any) -> Expression:
    if not isinstance(text, str):
        raise SettingsOptionError(
            f"nodered_settings_js: {key} must be JavaScript as text. Use nodered_settings for values."
        )
    try:
        return Expression(Expression(str(text)).code)
    except SettingsError:
        raise SettingsOptionError(
            f"nodered_settings_js: {key} is not one valid JavaScript expression. Correct it."
        ) from None
