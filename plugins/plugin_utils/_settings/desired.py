# Copyright (c) 2026, the pifleet.nodered maintainers
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What settings.js should say: the options of the user, checked and parsed into values."""

from __future__ import annotations

import dataclasses
import os
import re
import typing as t
from collections.abc import Callable, Collection, Mapping

from ansible_collections.pifleet.nodered.plugins.plugin_utils._accounts.users import (
    Login,
    User,
    admin_users,
    login,
    permissions,
)
from ansible_collections.pifleet.nodered.plugins.plugin_utils._errors import UserError
from ansible_collections.pifleet.nodered.plugins.plugin_utils._javascript.parser import SettingsError
from ansible_collections.pifleet.nodered.plugins.plugin_utils._javascript.values import Expression

from . import proxy
from .export import KeyPath, right_name
from .login_options import LoginOptions, check_others
from .oidc_options import VARIABLE as OIDC_VARIABLE
from .oidc_options import OidcOptions
from .roots import ADMIN_ROOT, NODE_ROOT
from .tls_options import OF_CERTIFICATE, VARIABLE, tls_options

_NODE_AUTH = "httpNodeAuth"
#: Keys that have a variable of their own, so that two variables cannot ask for different things.
OWN_VARIABLES = {
    "adminAuth": "nodered_admin_users",
    _NODE_AUTH: "nodered_node_auth",
    "httpStatic": "nodered_static",
    "httpStaticAuth": "nodered_static_auth",
    "credentialSecret": "nodered_credential_secret",
}
#: Those of them that may be taken away like any other key, and the option that would contradict it.
_MAY_BE_ABSENT = {"httpStatic": "static", "httpStaticAuth": "static_auth"}
#: Why one of them, or a part of one, is never taken away, and what to do instead.
_NEVER_ABSENT = {
    **dict.fromkeys(
        ("adminAuth", "adminAuth.type", "adminAuth.users"),
        "everybody could use the editor without it. pifleet.nodered.remove takes away all that this collection has written.",
    ),
    "adminAuth.default": "leave nodered_admin_default_permissions empty, which takes it away.",
    "credentialSecret": "Node-RED could not decrypt the credentials of its flows without it. For another one, set"
    " nodered_credential_secret.",
}


class SettingsOptionError(UserError):
    """Something asked for that Node-RED could not do, in a sentence that names the variable."""


# Without a representation, which would show secrets.
@dataclasses.dataclass(frozen=True, repr=False)
class DesiredSettings:
    """What the user asked for; None where nothing was.

    :ivar users: the users of the editor, all of them
    :ivar keeps_admin_auth: whether adminAuth is the owner's own, which stays as it is, and has to be there
    :ivar read_only: whether it is meant that none of the users can deploy
    :ivar default_permissions: what nobody needs a login for in the editor
    :ivar session_expiry: seconds that a login to the editor lasts
    :ivar login: the login page; None where none was asked for
    :ivar oidc: single sign-on; None where none was asked for
    :ivar page_data: what login.json has to say of the login page, or of nobody where only the editor has single sign-on; None
        where neither was asked for
    :ivar keeps_login: whether a login page and single sign-on of the file stay, because nothing was said of them
    :ivar takes_login_away: whether httpNodeAuth is to go, with all that asks for the same login
    :ivar static: the value of httpStatic
    :ivar proxy_path: the path below which a proxy on the host leads to Node-RED; None where there is none
    :ivar https: whether Node-RED takes the certificate of this collection
    :ivar https_options: further members of `https`; None for one that it must not have
    :ivar new_hashes: whether each password gets a new hash
    :ivar values: other settings by their keys, with dots between them
    :ivar expressions: the same for JavaScript
    :ivar absent: the keys of settings to remove
    :ivar drops_https: whether `https` goes where this collection has written it
    :ivar purge: whether settings become what they were before that this collection has written and nobody asks for any more
    """

    users: list[User] | None
    keeps_admin_auth: bool
    read_only: bool
    default_permissions: str | list[str] | None
    session_expiry: int | None
    node_auth: Login | None
    login: LoginOptions | None
    oidc: OidcOptions | None
    page_data: LoginOptions | None
    keeps_login: bool
    takes_login_away: bool
    static_auth: Login | None
    static: str | list[dict[str, str]] | None
    proxy_path: str | None
    https: bool
    https_options: dict[str, t.Any]
    #: The name of the file with key and certificate in nodecerts.
    certificate: str
    credential_secret: str | None
    new_hashes: bool
    values: dict[str, t.Any]
    expressions: dict[str, Expression]
    absent: list[str]
    drops_https: bool
    purge: bool

    @classmethod
    def from_options(
        cls, options: Mapping[str, t.Any], user_dir: str | None, certificate: str = "server.pem"
    ) -> DesiredSettings:
        """Check and parse the options of the module `settings`.

        :param user_dir: relative paths of static files lie below it; None where it is not known
        :param certificate: the name of the file with key and certificate in nodecerts
        :raises AccountError: a user or a login would lock somebody out, or let somebody in
        :raises TlsOptionError: an option of TLS is unknown, or has no possible value
        :raises SettingsOptionError: an option has no possible value, or two contradict each other
        """
        keeps = options["admin_auth"] == "keep"
        if keeps:
            _check_kept(options)
        oidc = OidcOptions.from_option(options["oidc"]) if options["oidc"] else None
        page = _login_page(options, oidc)
        desired = cls(
            users=None if keeps else _given(options["admin_users"], admin_users),
            keeps_admin_auth=keeps,
            read_only=options["admin_read_only"],
            default_permissions=_given(
                options["admin_default_permissions"],
                lambda given: permissions(given, "nodered_admin_default_permissions"),
            ),
            session_expiry=_given(options["session_expiry"], _session_expiry),
            node_auth=_given(options["node_auth"], lambda given: login(given, "nodered_node_auth")),
            login=page,
            oidc=oidc,
            page_data=_without_users(options) if page is None and oidc is not None else page,
            keeps_login=options["node_users"] is None and options["oidc"] is None,
            takes_login_away=_NODE_AUTH in options["absent"],
            static_auth=_given(options["static_auth"], lambda given: login(given, "nodered_static_auth")),
            static=_given(options["static"], lambda given: _static(given, user_dir)),
            proxy_path=options["proxy_path"],
            https=options["https"],
            https_options=tls_options(options["https_options"]),
            certificate=certificate,
            credential_secret=options["credential_secret"],
            new_hashes=options["new_hashes"],
            values=dict(options["values"]),
            expressions={key: _expression(key, code) for key, code in options["expressions"].items()},
            absent=[key for key in options["absent"] if key != _NODE_AUTH],
            drops_https=options["https_absent"],
            purge=options["purge"],
        )
        desired._check_other_keys()
        if "uiPort" in desired.values:
            _check_port(desired.values["uiPort"])
        if desired.https_options and desired.proxy_path is not None:
            raise SettingsOptionError(
                f"{VARIABLE} would have no effect: nodered_proxy is nginx, which ends TLS. Keep one of the two; TLS options of"
                " nginx go into nodered_proxy_include."
            )
        if desired.https_options and not desired.https:
            raise SettingsOptionError(
                f"{VARIABLE} would have no effect: nodered_certificate_provider is none, so that Node-RED gets no https. Keep one"
                " of the two."
            )
        return desired

    @property
    def paths(self) -> list[KeyPath]:
        """The settings that are asked for, to be what they should be or to be absent."""
        paths: list[KeyPath] = []
        if self.users is not None:
            paths += [("adminAuth", "type"), ("adminAuth", "users"), ("adminAuth", "default")]
            if self.session_expiry is not None:
                paths.append(("adminAuth", "sessionExpiryTime"))
        paths += [("adminAuth", "tokens")] if self.oidc and self.oidc.editor else []
        paths += proxy.paths(self.proxy_path) if self.proxy_path is not None else []
        paths += [
            (key,)
            for key, desired in (
                (_NODE_AUTH, self.node_auth or self.login or self.takes_login_away or None),
                ("nodesDir", self.login),
                ("httpAdminMiddleware", (self.oidc and self.oidc.editor) or None),
                ("httpStaticAuth", self.static_auth),
                ("httpStatic", self.static),
                ("credentialSecret", self.credential_secret),
                ("https", self.https or None),
            )
            if desired is not None
        ]
        return paths + self.other_paths

    @property
    def other_paths(self) -> list[KeyPath]:
        """Those of them that have no variable of their own."""
        return [tuple(key.split(".")) for key in (*self.values, *self.expressions, *self.absent)]

    def _check_other_keys(self) -> None:
        variables: dict[str, str] = {}
        others: tuple[tuple[str, Collection[str]], ...] = (
            ("nodered_settings", self.values),
            ("nodered_settings_js", self.expressions),
            ("nodered_settings_absent", self.absent),
        )
        for variable, keys in others:
            for key in keys:
                self._check_key(key, variable)
                for other, other_variable in variables.items():
                    if key == other or key.startswith(other + ".") or other.startswith(key + "."):
                        raise SettingsOptionError(
                            f"{variable}: {key} contradicts {other} in {other_variable}. Keep one of them."
                        )
                variables[key] = variable

    def _check_key(self, key: t.Any, variable: str) -> None:
        if not isinstance(key, str) or not all(key.split(".")):
            raise SettingsOptionError(f"{variable}: {key!r} is no name of a setting. Correct it.")
        name = key.split(".")[0]
        right = right_name(name)
        goes = variable == "nodered_settings_absent"
        if not goes and not key.startswith(right):
            raise SettingsOptionError(f"{variable}: Node-RED ignores {key}: the name is {right}.")
        if goes and key in _NEVER_ABSENT:
            raise SettingsOptionError(f"{variable}: {key} cannot be taken away: {_NEVER_ABSENT[key]}")
        own = None if goes and self._may_be_absent(key) else OWN_VARIABLES.get(name)
        if name == "https" and self.https:
            of_certificate = key == name or key.split(".")[1] in OF_CERTIFICATE
            own = "nodered_certificate_provider" if of_certificate else VARIABLE
        if self.proxy_path is not None and (name,) in proxy.paths(self.proxy_path):
            own = "nodered_proxy_path" if name in (ADMIN_ROOT, NODE_ROOT) else "nodered_proxy"
        if own:
            raise SettingsOptionError(f"{variable}: {key} has a variable of its own, {own}. Use that.")
        if name == "httpAdminMiddleware" and self.oidc and self.oidc.editor and variable != "nodered_settings_js":
            raise SettingsOptionError(
                f"{variable}: {key} contradicts {OIDC_VARIABLE}, whose editor needs it. Leave it out."
            )

    def _may_be_absent(self, key: str) -> bool:
        """Whether a key with a variable of its own, or a part of one, can be taken away like any other.

        :raises SettingsOptionError: its variable asks for it
        """
        variable = OWN_VARIABLES.get(key)
        option = _MAY_BE_ABSENT.get(key)
        if key == "adminAuth.sessionExpiryTime" and self.session_expiry is not None:
            variable, option = "nodered_session_expiry", "session_expiry"
        if option and getattr(self, option) is not None:
            raise SettingsOptionError(
                f"nodered_settings_absent: {key} is what {variable} asks for. Keep one of the two."
            )
        return option is not None or key.startswith("adminAuth.")


def _login_page(options: Mapping[str, t.Any], oidc: OidcOptions | None) -> LoginOptions | None:
    """What is asked for of the login page; None where nobody is to log in there."""
    users, by_provider = options["node_users"], oidc is not None and bool(oidc.dashboards)
    for option, variable in (("node_auth", "nodered_node_auth"), ("static_auth", "nodered_static_auth")):
        if by_provider and options[option] is not None:
            raise SettingsOptionError(
                f"{OIDC_VARIABLE}: dashboards contradicts {variable}: whom the provider knows logs in by the login page, and one"
                " login cannot stand beside that. Move it into nodered_node_users, or leave dashboards out."
            )
        if users and options[option] is not None:
            raise SettingsOptionError(
                f"nodered_node_users contradicts {variable}: the users of the login page are the ones who may see dashboards,"
                " endpoints and static files. Move that login into nodered_node_users, where a hash that fits is kept, or"
                " leave nodered_node_users out."
            )
    asking = "nodered_node_users" if users else OIDC_VARIABLE if by_provider else "nodered_node_auth"
    if _NODE_AUTH in options["absent"] and (users or by_provider or options["node_auth"] is not None):
        raise SettingsOptionError(
            "nodered_settings_absent: httpNodeAuth takes the login of dashboards away, which"
            f" {asking} asks for. Keep one of the two."
        )
    if users or by_provider:
        return LoginOptions.from_options({**options, "node_users": users or []})
    check_others(options)
    return None


def _without_users(options: Mapping[str, t.Any]) -> LoginOptions:
    return LoginOptions.from_options({**options, "node_users": []})


def _check_port(port: t.Any) -> None:
    """SettingsOptionError for a value of uiPort that is no port."""
    digits = port if isinstance(port, str) else str(port)
    if isinstance(port, bool) or not re.fullmatch("[0-9]{1,5}", digits) or not 1 <= int(digits) <= 65535:
        raise SettingsOptionError(
            "nodered_settings: uiPort must be a number from 1 to 65535. Code such as process.env.PORT goes into"
            " nodered_settings_js."
        )


def _check_kept(options: Mapping[str, t.Any]) -> None:
    """SettingsOptionError where something is asked for of an adminAuth that is to stay as it is."""
    for option, variable, nothing in (
        ("admin_users", "nodered_admin_users", "[]"),
        ("admin_default_permissions", "nodered_admin_default_permissions", '""'),
        ("session_expiry", "nodered_session_expiry", "0"),
    ):
        if options[option]:
            raise SettingsOptionError(
                f"nodered_admin_auth: keep leaves adminAuth of settings.js as it is, so that {variable} would have no"
                f" effect. Keep one of the two. Where the group of this host has the other one, set {variable}: {nothing} in"
                " its host_vars."
            )
    if (options["oidc"] or {}).get("editor"):
        raise SettingsOptionError(
            f"{OIDC_VARIABLE}: editor contradicts nodered_admin_auth: keep, which leaves adminAuth of settings.js as it is."
            " Single sign-on stands beside the local users of nodered_admin_users, by whom one gets in while the provider is"
            " down. Set those and leave nodered_admin_auth out."
        )


_Value = t.TypeVar("_Value")


def _given(option: t.Any, parse: Callable[[t.Any], _Value]) -> _Value | None:
    return None if option is None else parse(option)


def _session_expiry(seconds: int) -> int:
    if seconds <= 0:
        raise SettingsOptionError("nodered_session_expiry must be a positive number of seconds.")
    return seconds


def _static(desired: t.Any, user_dir: str | None) -> str | list[dict[str, str]]:
    """The value of httpStatic: a string where one directory is served at the root, else a list of mappings."""
    entries = []
    for entry in desired if isinstance(desired, list) else [desired]:
        if not isinstance(entry, Mapping) or not isinstance(entry.get("path"), str) or not entry["path"]:
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


def _expression(key: str, code: t.Any) -> Expression:
    if not isinstance(code, str):
        raise SettingsOptionError(
            f"nodered_settings_js: {key} must be JavaScript as text. Use nodered_settings for values."
        )
    try:
        return Expression(Expression(str(code)).code)
    except SettingsError:
        raise SettingsOptionError(
            f"nodered_settings_js: {key} is not one valid JavaScript expression. Correct it."
        ) from None
