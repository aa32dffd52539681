# Copyright (c) 2026, the pifleet.nodered maintainers
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The edit that makes a settings.js say what the user asked for."""

from __future__ import annotations

import dataclasses
import typing as t

from ansible_collections.pifleet.nodered.plugins.plugin_utils._accounts.users import (
    Login,
    NodeUser,
    Secret,
    User,
    may_deploy,
    same_login,
)
from ansible_collections.pifleet.nodered.plugins.plugin_utils._javascript.values import Expression, is_placeholder

from . import login_page, proxy, sign_on, web_sockets
from .desired import OWN_VARIABLES, DesiredSettings, SettingsOptionError
from .document import SettingsDocument
from .https import HttpsValue, https_value, is_nothing
from .login_data import LoginPlace, login_data, oidc_data
from .login_options import LoginOptions
from .oidc_options import VARIABLE as OIDC_VARIABLE
from .roots import NODE_ROOT, is_below, root_of, static_roots
from .sessions import EndedSessions, ended_sessions
from .source import MISSING
from .tls_options import VARIABLE as TLS_VARIABLE

#: Hours between two checks for a renewed certificate: 72 s, so that a run can wait for it instead of restarting.
REFRESH_INTERVAL = 0.02
#: Hours between two checks that are still often enough for any certificate.
LONGEST_REFRESH_INTERVAL = 24
#: A way out of every refusal of an adminAuth.
_KEEP = "Set nodered_admin_auth: keep to leave it as it is."
#: A hash that no password has, for checks that must not spend time on hashing. Its cost is too high to try guesses on.
_PLACEHOLDER = "$2b$12$" + "." * 53


@dataclasses.dataclass(frozen=True)
class AppliedSettings:
    """What an edit leads to beside the file.

    :ivar ended_sessions: whose logins have to end
    :ivar unchanged_passwords: where new hashes were asked for, whose passwords are those of the file: the variable, with
        the name of the user in a list of them
    :ivar notes: sentences about what of the owner's own is another one now
    :ivar login_data: what login.json has to say; None without a login page and single sign-on, or where nothing was said of
        them
    :ivar authority: what oidc/authority.pem has to say; None for no such file
    :ivar drops_login: whether settings.js has referred to the directory of the login page, and does no more
    """

    ended_sessions: EndedSessions
    unchanged_passwords: list[str]
    notes: list[str]
    # Without a representation, which would show hashes.
    login_data: dict[str, t.Any] | None = dataclasses.field(default=None, repr=False)
    authority: bytes | None = None
    drops_login: bool = False


def apply_settings(
    desired: DesiredSettings,
    document: SettingsDocument,
    hashing: bool = True,
    another_secret: bool = False,
    direct: proxy.Direct | None = None,
    place: LoginPlace | None = None,
) -> AppliedSettings:
    """Edit a document so that it says what is desired.

    :param hashing: False leaves passwords unhashed and puts a hash that no password has in their place, where the
        document has no other: enough to see whether the document can be edited
    :param another_secret: credentialSecret may change, because the credentials will be encrypted anew
    :param direct: how settings stood before a proxy came that is to go; None where none is
    :param place: where the login page is, or is to be; None for a file that belongs to no host
    :raises SettingsOptionError: what is desired contradicts what the document has
    :raises SettingsError: the document cannot be edited safely
    """
    _refuse_placeholders(document)
    place = place or LoginPlace()
    had_page = login_page.is_used(document.settings)
    had_directory = had_page or sign_on.is_used(document.settings)
    _refuse_silence(document, desired, had_page)
    hashes = _Hashes(hashing, desired.new_hashes)
    ended = EndedSessions([], None)
    notes: list[str] = []
    for key in desired.absent:
        # What is to go is no reason against the users.
        if key.startswith("adminAuth."):
            document.remove(tuple(key.split(".")))
    if desired.proxy_path is not None:
        proxy.come(document, desired.proxy_path)
    elif direct is not None:
        proxy.go(document, direct)
    # Of the file as it came, so that the lines of its refusals are those of the file.
    tls = _https_of(document, desired) if desired.https else None
    if desired.keeps_admin_auth:
        _require_admin_auth(document)
        _refuse_default(document)
    if desired.users is not None:
        ended = _apply_users(document, desired, desired.users, hashes)
    former = _former_login(document) if desired.login is not None else None
    if desired.node_auth is not None:
        _apply_login(
            document,
            "httpNodeAuth",
            desired.node_auth,
            hashes,
            place.hash_of(desired.node_auth.user) if had_page else None,
        )
    if desired.static_auth is not None:
        _apply_login(document, "httpStaticAuth", desired.static_auth, hashes)
    if desired.static is not None and desired.login is None:
        document.set(("httpStatic",), desired.static)
    if tls is not None:
        document.set(("https",), tls.value)
        notes += tls.notes
        if "httpsRefreshInterval" not in desired.values:
            notes += _apply_refresh_interval(document)
    if desired.credential_secret is not None:
        _apply_credential_secret(document, desired.credential_secret, another_secret)
    _apply_other_settings(document, desired, place)
    if desired.login is not None:
        notes += login_page.put(document, place, desired.static, desired.other_paths)
    elif desired.node_auth is not None:
        login_page.take_away(document)
        web_sockets.ask_for_login(document, desired.other_paths)
    elif desired.takes_login_away:
        document.remove(("httpNodeAuth",))
        login_page.take_away(document)
        web_sockets.take_away(document)
    if desired.oidc is not None and desired.oidc.editor:
        sign_on.put(document, place, desired.other_paths)
    elif not desired.keeps_login:
        sign_on.take_away(document)
    data = None
    if desired.page_data is not None:
        data = _login_data(document, desired, desired.page_data, place, former or {}, hashes)
    if desired.node_auth is not None and desired.static_auth is not None:
        _check_basic_logins(document, desired.node_auth, desired.static_auth)
    drops = had_directory and not (login_page.is_used(document.settings) or sign_on.is_used(document.settings))
    authority = desired.oidc.authority if desired.oidc else None
    return AppliedSettings(ended, hashes.unchanged_passwords, notes, data, authority, drops)


def _refuse_silence(document: SettingsDocument, desired: DesiredSettings, has_page: bool) -> None:
    """SettingsOptionError where the last user was taken out of the list: nobody can tell whether all or nobody may in."""
    if not has_page or desired.login or desired.node_auth or desired.takes_login_away or desired.keeps_login:
        return
    raise SettingsOptionError(
        f"line {document.line_of(('httpNodeAuth',))}: dashboards and endpoints ask for the login page, and nodered_node_users"
        f" names nobody any more, nor does {OIDC_VARIABLE} in dashboards. Name its users there, or one login in"
        " nodered_node_auth; to let everybody in, set nodered_settings_absent: [httpNodeAuth]."
    )


def _former_login(document: SettingsDocument) -> dict[str, object]:
    """The hash of the one login that a login page takes the place of, by its user.

    :raises SettingsOptionError: code decides who gets in
    """
    present = document.get(("httpNodeAuth",))
    if isinstance(present, dict):
        return {present["user"]: present.get("pass")} if isinstance(present.get("user"), str) else {}
    if not login_page.is_reference(present, "httpNodeAuth"):
        _require_written_out(document, "httpNodeAuth", "nodered_node_users")
    return {}


def _login_data(
    document: SettingsDocument,
    desired: DesiredSettings,
    options: LoginOptions,
    place: LoginPlace,
    former: dict[str, object],
    hashes: _Hashes,
) -> dict[str, t.Any]:
    root = login_page.check(document.settings, options, desired)
    port = document.get(("uiPort",))
    known_port = port if isinstance(port, (int, str)) else "" if isinstance(port, Expression) else 1880

    def hash_of(user: NodeUser) -> str:
        present = place.hash_of(user.username) or former.get(user.username)
        return hashes.hash_of(user.secret, present, f"nodered_node_users, user {user.username}")

    oidc = None
    if desired.oidc is not None:
        url = sign_on.url(desired, desired.oidc, place, known_port)
        oidc = oidc_data(desired.oidc, url, sign_on.admin_root(document.settings, desired.oidc))
    return login_data(options, place, root, known_port, hash_of, oidc)


def _refuse_placeholders(document: SettingsDocument) -> None:
    """SettingsOptionError where a template has yet to fill in a login or a secret."""
    for key in ("adminAuth", "httpNodeAuth", "httpStaticAuth", "credentialSecret"):
        if _has_placeholder(document.get((key,))):
            raise SettingsOptionError(
                f"line {document.line_of((key,))}: {key} has a placeholder of a template. Render the template first, then"
                " edit the result."
            )


def _has_placeholder(value: t.Any) -> bool:
    if isinstance(value, (dict, list)):
        return any(map(_has_placeholder, value.values() if isinstance(value, dict) else value))
    return is_placeholder(value)


class _Hashes:
    """Makes the hashes of one edit.

    :ivar unchanged_passwords: see `AppliedSettings`
    """

    def __init__(self, hashing: bool, new_hashes: bool) -> None:
        self._hashing = hashing
        self._new_hashes = new_hashes
        self.unchanged_passwords: list[str] = []

    def hash_of(self, secret: Secret, present: object, owner: str) -> str:
        """A hash for the file.

        :param present: what the file has in its place
        :param owner: for `unchanged_passwords`
        """
        if not self._hashing:
            return secret.hash or _PLACEHOLDER
        if not self._new_hashes:
            return secret.resolve(present)
        if secret.fits(present):
            self.unchanged_passwords.append(owner)
        return secret.resolve(None)


def _refuse_lockout(desired: DesiredSettings, users: list[User], before: t.Mapping[str, t.Any]) -> None:
    """SettingsOptionError where nobody could deploy any more, and so nobody give that right back in the editor."""
    granted = [desired.default_permissions, *(user.permissions for user in users)]
    if desired.read_only or any(map(may_deploy, granted)):
        return
    able = [name for name, entry in before.items() if may_deploy(entry.get("permissions"))]
    lost = f" Until now {' and '.join(able[:3])} could." if able else ""
    raise SettingsOptionError(
        f"nodered_admin_users: nobody could deploy, because none of the users has such a right.{lost} Give one of them the"
        ' permissions "*", write or flows.write, or set nodered_admin_read_only: true where nobody is to change flows.'
    )


def _apply_users(
    document: SettingsDocument, desired: DesiredSettings, users: list[User], hashes: _Hashes
) -> EndedSessions:
    _check_admin_auth(document)
    before = _user_entries(document)
    _refuse_lockout(desired, users, before)
    entries = [
        {
            "username": user.username,
            "password": hashes.hash_of(
                user.secret,
                before.get(user.username, {}).get("password"),
                f"nodered_admin_users, user {user.username}",
            ),
            "permissions": user.permissions,
        }
        for user in users
    ]
    whole: dict[str, t.Any] = {"type": "credentials", "users": entries}
    if desired.default_permissions is not None:
        whole["default"] = {"permissions": desired.default_permissions}
    if desired.session_expiry is not None:
        whole["sessionExpiryTime"] = desired.session_expiry
    if not isinstance(document.get(("adminAuth",)), dict):
        document.set(("adminAuth",), whole)
        return EndedSessions(["*"], None)
    expiry_before = document.get(("adminAuth", "sessionExpiryTime"))
    document.set(("adminAuth", "type"), "credentials")
    document.set_by_key(("adminAuth", "users"), "username", entries)
    if desired.session_expiry is not None:
        document.set(("adminAuth", "sessionExpiryTime"), desired.session_expiry)
    if desired.default_permissions is None:
        document.remove(("adminAuth", "default"))
    else:
        document.set(("adminAuth", "default"), whole["default"])
    after = {entry["username"]: entry for entry in entries}
    return ended_sessions(before, after, expiry_before, desired.session_expiry)


def _require_admin_auth(document: SettingsDocument) -> None:
    """SettingsOptionError where the file has no adminAuth that could be kept; what code yields, the proof tells."""
    present = document.get(("adminAuth",))
    if (isinstance(present, Expression) and present.is_undefined) or present in (MISSING, None, False, "", 0):
        raise SettingsOptionError(
            "nodered_admin_auth: keep leaves adminAuth as it is, but there is none: everybody could use the editor. Set"
            " nodered_admin_users, and leave nodered_admin_auth out."
        )


def _refuse_default(document: SettingsDocument) -> None:
    """SettingsOptionError where the adminAuth that is kept lets strangers in without a login."""
    present = document.get(("adminAuth",))
    if isinstance(present, dict) and present.get("default") not in (None, False):
        raise SettingsOptionError(
            f"line {document.line_of(('adminAuth', 'default'))}: adminAuth.default gives rights to who has not logged in."
            " Remove it from the file; nodered_admin_auth: keep is for a login that everybody has to pass."
        )


def _check_admin_auth(document: SettingsDocument) -> None:
    """SettingsOptionError where adminAuth would let others in, whatever the users are."""
    _require_written_out(document, "adminAuth")
    if document.get(("adminAuth", "type")) == "strategy":
        raise SettingsOptionError(
            f'line {document.line_of(("adminAuth", "type"))}: adminAuth logs in by another service (type "strategy").'
            f" {_KEEP} Remove it from the file to let nodered_admin_users take its place."
        )
    for key in ("authenticate", "module"):
        if document.has(("adminAuth", key)):
            raise SettingsOptionError(
                f"line {document.line_of(('adminAuth', key))}: adminAuth.{key} decides by code of its own who may log in,"
                f" whatever nodered_admin_users says. {_KEEP} Remove it from the file to let nodered_admin_users take its"
                " place."
            )


def _user_entries(document: SettingsDocument) -> dict[str, dict[str, t.Any]]:
    """The entries of adminAuth.users by their usernames, as far as they have one that can log in."""
    users = document.get(("adminAuth", "users"))
    if isinstance(users, Expression):
        raise SettingsOptionError(
            f"line {document.line_of(('adminAuth', 'users'))}: the users of adminAuth come from code. {_KEEP} Write"
            " `users: []` in its place to let nodered_admin_users fill that in."
        )
    entries = [users] if isinstance(users, dict) else users if isinstance(users, list) else []
    named = [entry for entry in entries if isinstance(entry, dict) and isinstance(entry.get("username"), str)]
    return {entry["username"]: entry for entry in named}


def _apply_login(
    document: SettingsDocument, key: str, login: Login, hashes: _Hashes, former: object | None = None
) -> None:
    """Write one login.

    :param former: the hash of its user on the login page that it takes the place of
    """
    if not login_page.is_reference(document.get((key,)), key):
        _require_written_out(document, key)
    present = former or document.get((key, "pass"))
    document.set((key,), {"user": login.user, "pass": hashes.hash_of(login.secret, present, OWN_VARIABLES[key])})


def _https_of(document: SettingsDocument, desired: DesiredSettings) -> HttpsValue:
    tls = https_value(document.settings, desired.certificate, desired.https_options)
    asked = desired.https_options
    requests = tls.options.get("requestCert") is True and ("requestCert" in asked or "ca" in asked)
    if requests and is_nothing(tls.options.get("ca")):
        raise SettingsOptionError(
            f"{TLS_VARIABLE}: requestCert without ca would let in everybody who has a certificate of any public authority."
            " Set ca to the path of a file on the host with the certificate of the authority that signs your clients'."
        )
    return tls


def _apply_refresh_interval(document: SettingsDocument) -> list[str]:
    """Have Node-RED look for a renewed certificate, as often as the owner wants it if that is often enough."""
    key = ("httpsRefreshInterval",)
    present, line = document.get(key), document.line_of(key)
    is_missing = present is MISSING or (isinstance(present, Expression) and present.is_undefined)
    if not is_missing and 0 < _hours(present) <= LONGEST_REFRESH_INTERVAL:
        return []
    is_written = document.writes(key[0])
    document.set(key, REFRESH_INTERVAL)
    if is_missing or not is_written:
        return []
    return [
        f"line {line}: httpsRefreshInterval is {REFRESH_INTERVAL} now. It was no number of hours up to"
        f" {LONGEST_REFRESH_INTERVAL}, and Node-RED might have gone on with an expired certificate. Set it in nodered_settings"
        " to have another one."
    ]


def _hours(interval: object) -> float:
    """The hours that a literal means; 0 where it means none, or only running it tells."""
    if isinstance(interval, bool):
        return 0
    try:
        return float(interval) if isinstance(interval, (int, float, str)) else 0
    except ValueError:
        return 0


def _apply_credential_secret(document: SettingsDocument, secret: str, another: bool) -> None:
    present = document.get(("credentialSecret",))
    if isinstance(present, Expression) and not present.is_undefined and not another:
        raise SettingsOptionError(
            f"line {document.line_of(('credentialSecret',))}: credentialSecret is, or may come from, code here, so that it"
            " cannot be told whether Node-RED could still decrypt the credentials of its flows with"
            " nodered_credential_secret. Leave the variable empty to keep what the file has, or write"
            ' `module.exports.credentialSecret = "...";` at the end of the file, with the value that it has now, and set the'
            " variable to that."
        )
    # Without a secret of its own, Node-RED encrypts anew by itself.
    if present and not isinstance(present, Expression) and present != secret and not another:
        raise SettingsOptionError(
            f"line {document.line_of(('credentialSecret',))}: credentialSecret has another value than"
            " nodered_credential_secret. Node-RED could not decrypt the credentials of its flows any more. Set the"
            " variable to the value in the file, or leave it empty."
        )
    document.set(("credentialSecret",), secret)


def _apply_other_settings(document: SettingsDocument, desired: DesiredSettings, place: LoginPlace) -> None:
    for settings in (desired.values, desired.expressions):
        for key, value in settings.items():
            document.set(tuple(key.split(".")), _with_login(desired, key, value, place))
    for key in desired.absent:
        document.remove(tuple(key.split(".")))


def _with_login(desired: DesiredSettings, key: str, value: t.Any, place: LoginPlace) -> t.Any:
    """The value of a setting that was asked for, with what belongs to the login of dashboards where that is left open."""
    if desired.login:
        return login_page.with_page(key, value, place)
    return web_sockets.with_login(key, value) if desired.node_auth else value


def _check_basic_logins(document: SettingsDocument, node_auth: Login, static_auth: Login) -> None:
    """Two different Basic logins on one root ask forever: Node-RED checks httpNodeAuth first, for all below it."""
    if same_login(node_auth, static_auth):
        return
    node_root = root_of(document.settings, NODE_ROOT)
    for static in static_roots(document.settings):
        if isinstance(node_root, str) and is_below(static.path, node_root):
            raise SettingsOptionError(
                f"nodered_static_auth differs from nodered_node_auth, but static files at {static.path} lie"
                f" below httpNodeRoot {node_root}, where Node-RED asks for httpNodeAuth first: nobody could get at"
                " them. Use the same login for both, or give dashboards a root of their own, for example"
                " nodered_settings: {httpNodeRoot: /api}."
            )


def _require_written_out(document: SettingsDocument, key: str, variable: str = "") -> None:
    """SettingsOptionError where a key holds code, which somebody wrote for a reason that cannot be seen from here."""
    present = document.get((key,))
    # Since Node-RED 4, httpNodeAuth may be a list of functions.
    parts = present if isinstance(present, list) else [present]
    if any(isinstance(part, Expression) and not part.is_undefined for part in parts):
        keep = f" {_KEEP}" if key == "adminAuth" else ""
        raise SettingsOptionError(
            f"line {document.line_of((key,))}: {key} is, or may come from, code here, and is no object that is written out."
            f"{keep} Remove it there, or write `module.exports.{key} = {{}};` at the end of the file, to let"
            f" {variable or OWN_VARIABLES[key]} fill that in."
        )
