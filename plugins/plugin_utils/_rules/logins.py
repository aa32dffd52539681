# Copyright (c) 2026, the pifleet.nodered maintainers
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Rules about who may log in: adminAuth, httpNodeAuth, httpStaticAuth and the hashes in them."""

from __future__ import annotations

import typing as t
from collections.abc import Iterator

from ansible_collections.pifleet.nodered.plugins.plugin_utils._accounts.users import is_permission
from ansible_collections.pifleet.nodered.plugins.plugin_utils._findings.model import Finding, Severity
from ansible_collections.pifleet.nodered.plugins.plugin_utils._javascript.parser import Node
from ansible_collections.pifleet.nodered.plugins.plugin_utils._javascript.scopes import FUNCTIONS
from ansible_collections.pifleet.nodered.plugins.plugin_utils._javascript.values import (
    elements_of,
    members_of,
    printable_name,
    unwrapped,
)
from ansible_collections.pifleet.nodered.plugins.plugin_utils._settings import sign_on
from ansible_collections.pifleet.nodered.plugins.plugin_utils._settings.login_page import is_used, refers
from ansible_collections.pifleet.nodered.plugins.plugin_utils._settings.roots import (
    ADMIN_ROOT,
    NODE_ROOT,
    is_below,
    is_switched_off,
    root_of,
    static_roots,
)
from ansible_collections.pifleet.nodered.plugins.plugin_utils._settings.source import MISSING
from ansible_collections.pifleet.nodered.plugins.plugin_utils._settings.web_sockets import OWN_NODE_LOGINS

from .base import RuleBook, SettingsReview, is_code, judged
from .passwords import check_comments, check_password_hash

RULES = RuleBook()

#: Seconds: a month.
LONGEST_SESSION = 31 * 24 * 3600

#: Code that yields nothing.
_NOTHING = (b"undefined", b"void 0", b"NaN", b"!1")

_USERS = "Set nodered_admin_users and run pifleet.nodered.secure."

_NODE = "Set nodered_node_users, or nodered_node_auth for one login, and run pifleet.nodered.secure."

ADMIN_AUTH_MISSING = RULES.add(
    "admin-auth-missing",
    Severity.CRITICAL,
    "The editor has no login",
    "Node-RED starts without a word where adminAuth is missing or false: anybody who reaches the port rewrites the flows"
    " and so runs any command as the service's user.",
    _USERS,
    "nodered_admin_users",
)

ADMIN_AUTH_LOCKED_OUT = RULES.add(
    "admin-auth-locked-out",
    Severity.HIGH,
    "adminAuth lets nobody in",
    "Node-RED takes any adminAuth, and one without the right type or without users refuses every login, without a line"
    " in its log.",
    _USERS,
    "nodered_admin_users",
)

ADMIN_AUTH_UNKNOWN = RULES.add(
    "admin-auth-unknown",
    Severity.MEDIUM,
    "Whether the editor has a login cannot be told from the file",
    "adminAuth comes from code, a spread or another file. If that yields nothing, the editor is open.",
    "Write adminAuth out, or set nodered_admin_auth: keep and run pifleet.nodered.secure, which proves that it asks for a"
    " login.",
    "nodered_admin_auth",
)

ANONYMOUS_READ = RULES.add(
    "anonymous-read",
    Severity.HIGH,
    "Strangers may read the flows",
    "adminAuth.default gives everybody who has not logged in the right to read: the code of functions, addresses of"
    " brokers, names of users.",
    "Leave nodered_admin_default_permissions out and run pifleet.nodered.secure.",
    "nodered_admin_default_permissions",
)

ANONYMOUS_WRITE = RULES.add(
    "anonymous-write",
    Severity.CRITICAL,
    "Strangers may change something",
    "adminAuth.default gives everybody who has not logged in more than the right to read. With flows.write that is any"
    " command as the service's user.",
    "Leave nodered_admin_default_permissions out and run pifleet.nodered.secure.",
    "nodered_admin_default_permissions",
)

HTTP_ADMIN_AUTH = RULES.add(
    "http-admin-auth-deprecated",
    Severity.MEDIUM,
    "The editor's login is the deprecated httpAdminAuth",
    "httpAdminAuth and httpAuth know one user without permissions or sessions, and have been deprecated since adminAuth"
    " came in 0.10.",
    "Set nodered_admin_users, and httpAdminAuth and httpAuth in nodered_settings_absent.",
    "nodered_admin_users",
)

USER_MALFORMED = RULES.add(
    "admin-user-malformed",
    Severity.MEDIUM,
    "A user of the editor is incomplete",
    "An entry of adminAuth.users without a name is nobody.",
    _USERS,
    "nodered_admin_users",
)

USER_DUPLICATE = RULES.add(
    "admin-user-duplicate",
    Severity.MEDIUM,
    "A user of the editor is there twice",
    "Of two entries with the same name the last counts, so that changing the first one changes nothing.",
    _USERS,
    "nodered_admin_users",
)

USER_WITHOUT_PASSWORD = RULES.add(
    "admin-user-without-password",
    Severity.HIGH,
    "A user of the editor has no password",
    "Node-RED expects a hash in every entry. Nobody can log in as this user, and what an attempt does to Node-RED depends"
    " on its release.",
    _USERS,
    "nodered_admin_users",
)

USER_WITHOUT_PERMISSIONS = RULES.add(
    "admin-user-without-permissions",
    Severity.MEDIUM,
    "A user of the editor may do nothing",
    "Without permissions Node-RED refuses the editor's login, although the password is right.",
    "Give the user permissions in nodered_admin_users.",
    "nodered_admin_users",
)

PERMISSION_IGNORED = RULES.add(
    "permission-ignored",
    Severity.MEDIUM,
    "Node-RED ignores a permission",
    "It matches *, read, write, <resource>.read and <resource>.write; anything else, such as flows.*, gives nothing,"
    " without a word.",
    "Correct the permissions in nodered_admin_users.",
    "nodered_admin_users",
)

STATIC_TOKENS = RULES.add(
    "static-tokens",
    Severity.HIGH,
    "Access tokens stand in settings.js",
    "A list in adminAuth.tokens is a set of passwords in plain text that never end.",
    "Set adminAuth.tokens in nodered_settings_absent, once nobody uses them any more.",
    "nodered_settings_absent",
)

TOKENS_BY_CODE = RULES.add(
    "admin-auth-tokens-code",
    Severity.HIGH,
    "Code decides which access tokens open the editor",
    "A function in adminAuth.tokens lets in whom it likes, with the rights that it likes, around every password. Who has"
    " once had the editor may have left it there.",
    "Set adminAuth.tokens in nodered_settings_absent. Suppress this where the code is yours.",
    "nodered_settings_absent",
)

AUTHENTICATED_BY_CODE = RULES.add(
    "admin-auth-authenticate-code",
    Severity.HIGH,
    "Code decides who logs in to the editor, beside the users in the file",
    "With adminAuth.authenticate Node-RED compares no password with the hashes in users; the function lets in whom it"
    " likes. Who has once had the editor may have left it there.",
    "Set adminAuth.authenticate in nodered_settings_absent. Suppress this where the code is yours.",
    "nodered_settings_absent",
)

SESSION_LONG = RULES.add(
    "session-long",
    Severity.LOW,
    "Logins last longer than a month",
    "Whoever gets hold of a token keeps the editor for that long, and changing the password on the host by hand does not end"
    " it; whoever finds a browser open keeps the dashboards.",
    "Set nodered_session_expiry, for dashboards nodered_node_session_expiry, for single sign-on session_expiry in"
    " nodered_oidc, to at most 2678400 seconds.",
    "nodered_session_expiry",
)

NODE_AUTH_MISSING = RULES.add(
    "node-auth-missing",
    Severity.MEDIUM,
    "Dashboards and HTTP endpoints have no login",
    "adminAuth protects the editor only. Of a host this is said where its flows have a dashboard or an HTTP endpoint, of"
    " a file in a repository always, because nobody knows which flows it will serve.",
    _NODE,
    "nodered_node_auth",
)

NODE_AUTH_MALFORMED = RULES.add(
    "node-auth-malformed",
    Severity.HIGH,
    "httpNodeAuth or httpStaticAuth is malformed",
    "Each must be an object with the keys user and pass. With anything else Node-RED ends at its start with status 0, so"
    " that systemd does not start it again, or refuses every password.",
    _NODE,
    "nodered_node_auth",
)

STATIC_OPEN = RULES.add(
    "static-auth-missing",
    Severity.LOW,
    "Static files have no login",
    "httpStatic serves its folder to everybody who reaches the port. Suppress this where the files are meant for all.",
    "Set nodered_node_users, or nodered_static_auth for one login, and run pifleet.nodered.secure.",
    "nodered_static_auth",
)

STATIC_UNUSED = RULES.add(
    "static-auth-unused",
    Severity.LOW,
    "httpStaticAuth protects nothing",
    "Node-RED ignores it without httpStatic; it does not protect dashboards.",
    "Set nodered_static, or httpStaticAuth in nodered_settings_absent.",
    "nodered_static",
)

LOGIN_CLASH = RULES.add(
    "basic-login-clash",
    Severity.MEDIUM,
    "Two Basic logins lie on one root",
    "Node-RED asks for httpNodeAuth first, for all below its root: static files with another login are out of reach.",
    "Give nodered_static_auth the login of nodered_node_auth, or dashboards a root of their own"
    " (nodered_settings: {httpNodeRoot: /api}).",
    "nodered_static_auth",
)

SOCKET_OPEN = RULES.add(
    "websocket-unprotected",
    Severity.MEDIUM,
    "Web sockets have no login",
    "httpNodeAuth does not cover them: whoever connects to a dashboard's or a websocket node's socket gets its data and"
    " may send. Of a host this is said where its flows have such nodes, of a file where it configures a dashboard.",
    "Set webSocketNodeVerifyClient, or ioMiddleware in ui or dashboard, with nodered_settings_js.",
    "nodered_settings_js",
)


def check_logins(review: SettingsReview) -> Iterator[Finding]:
    """Everything about logins that a settings.js tells."""
    yield from _admin_auth(review)
    yield from _deprecated(review)
    yield from _node_auth(review)
    yield from _static_auth(review)
    yield from _sockets(review)
    yield from check_comments(review)


def has_admin_api(review: SettingsReview) -> bool:
    """Whether Node-RED serves its editor or the API behind it."""
    return not is_switched_off(review.settings, ADMIN_ROOT)


# ----------------------------------------------------------------------------------------------------------------------
# adminAuth


def _admin_auth(review: SettingsReview) -> Iterator[Finding]:
    if not has_admin_api(review):
        return
    auth = review.get("adminAuth")
    if is_code(auth):
        yield from _admin_auth_in_code(review)
    elif review.is_off("adminAuth"):
        # Where it is written out as nothing, the ancient logins of a file below it would be news to its owner.
        others = [key for key in ("httpAdminAuth", "httpAuth") if review.writes(key) or not review.writes("adminAuth")]
        if all(map(review.is_off, others)):
            state = "is missing" if auth is MISSING else "is switched off"
            yield review.finding(ADMIN_AUTH_MISSING, f"adminAuth {state}: anybody may use the editor.", ("adminAuth",))
    elif not isinstance(auth, dict):
        yield review.finding(ADMIN_AUTH_LOCKED_OUT, "adminAuth is no object.", ("adminAuth",))
    else:
        yield from _admin_auth_object(review, auth)


def _admin_auth_in_code(review: SettingsReview) -> Iterator[Finding]:
    node = review.settings.node(("adminAuth",))
    if node is not None and any(child.type in ("get", "set") for child in node.children):
        yield review.finding(ADMIN_AUTH_UNKNOWN, "adminAuth is computed by code whenever it is read.", node)
    elif node is not None and unwrapped(node).type in FUNCTIONS:
        yield review.finding(ADMIN_AUTH_LOCKED_OUT, "adminAuth is a function.", ("adminAuth",))
    elif node is not None and node.text in _NOTHING:
        yield review.finding(ADMIN_AUTH_MISSING, "adminAuth is switched off: anybody may use the editor.", node)
    elif not review.writes("adminAuth") or review.settings.blocker(("adminAuth",)) is None:
        yield review.finding(ADMIN_AUTH_UNKNOWN, "adminAuth is, or may come from, code.", node)


def _admin_auth_object(review: SettingsReview, auth: dict[str, t.Any]) -> Iterator[Finding]:
    kind = auth.get("type", MISSING)
    by_tokens = _is_program(review, "tokens")
    if kind is MISSING and not by_tokens:
        yield review.finding(
            ADMIN_AUTH_LOCKED_OUT, 'adminAuth has no type, which must be "credentials" or "strategy".', ("adminAuth",)
        )
    elif kind not in ("credentials", "strategy", MISSING) and not is_code(kind):
        yield review.finding(
            ADMIN_AUTH_LOCKED_OUT,
            'The type of adminAuth is neither "credentials" nor "strategy".',
            ("adminAuth", "type"),
        )
    elif kind == "credentials":
        yield from _users(review, auth)
        yield from _authenticate(review, auth)
    elif is_code(kind):
        yield from _authenticate(review, auth)
    yield from _default(review, auth)
    tokens = auth.get("tokens")
    # Single sign-on of this collection; its files have a rule of their own.
    if by_tokens and not sign_on.is_reference(tokens, "tokens"):
        yield review.finding(TOKENS_BY_CODE, "adminAuth.tokens is code.", ("adminAuth", "tokens"))
    if isinstance(tokens, list) and tokens:
        yield review.finding(
            STATIC_TOKENS, f"adminAuth.tokens has {len(tokens)} access tokens in plain text.", ("adminAuth", "tokens")
        )
    expiry = auth.get("sessionExpiryTime")
    if isinstance(expiry, (int, float)) and not isinstance(expiry, bool) and expiry > LONGEST_SESSION:
        yield review.finding(
            SESSION_LONG, f"A login lasts {int(expiry) // 86400} days.", ("adminAuth", "sessionExpiryTime")
        )


def _authenticate(review: SettingsReview, auth: dict[str, t.Any]) -> Iterator[Finding]:
    """Users by code as well are the login that Node-RED documents for a directory elsewhere."""
    users = auth.get("users")
    if users and not is_code(users) and _is_program(review, "authenticate"):
        yield review.finding(
            AUTHENTICATED_BY_CODE, "adminAuth has authenticate beside its users.", ("adminAuth", "authenticate")
        )


def _is_program(review: SettingsReview, key: str) -> bool:
    """Whether a part of adminAuth is known only to the one who runs the code, and may be a function."""
    node = review.settings.node(("adminAuth", key))
    return node is not None and is_code(review.get("adminAuth", key)) and node.text not in _NOTHING


def _users(review: SettingsReview, auth: dict[str, t.Any]) -> Iterator[Finding]:
    users = auth.get("users", MISSING)
    if is_code(users):
        return
    if users is MISSING or not users or not isinstance(users, (list, dict)):
        if not is_code(auth.get("authenticate")):
            yield review.finding(ADMIN_AUTH_LOCKED_OUT, "adminAuth has no users.", ("adminAuth",))
        return
    node = review.settings.node(("adminAuth", "users"))
    nodes = [] if node is None else [unwrapped(node)] if isinstance(users, dict) else elements_of(unwrapped(node)) or []
    names: set[str] = set()
    for user, node_of_user in zip([users] if isinstance(users, dict) else users, nodes, strict=False):
        if is_code(user):
            continue
        name = judged(user.get("username")) if isinstance(user, dict) else None
        if is_code(name):
            yield from _user(review, "whose name is code", user, node_of_user)
            continue
        if not isinstance(name, str) or not name:
            yield review.finding(USER_MALFORMED, "An entry of adminAuth.users has no username.", node_of_user)
            continue
        if name in names:
            yield review.finding(
                USER_DUPLICATE, f"The user {printable_name(name)} is there twice.", node_of_user, printable_name(name)
            )
        names.add(name)
        yield from _user(review, name, user, node_of_user)


def _user(review: SettingsReview, name: str, user: dict[str, t.Any], node: Node) -> Iterator[Finding]:
    detail = printable_name(name)
    password = user.get("password", MISSING)
    if password in (MISSING, None, ""):
        yield review.finding(USER_WITHOUT_PASSWORD, f"The user {detail} has no password.", node, detail)
    else:
        yield from check_password_hash(
            review,
            password,
            f"The password of the editor's user {detail}",
            name,
            _member(node, "password"),
            detail,
            md5=False,
        )
    permissions = user.get("permissions", MISSING)
    if is_code(permissions):
        return
    if permissions in (MISSING, None, "") or permissions == []:
        yield review.finding(USER_WITHOUT_PERMISSIONS, f"The user {detail} has no permissions.", node, detail)
        return
    for entry in permissions if isinstance(permissions, list) else [permissions]:
        if not is_code(entry) and not (isinstance(entry, str) and is_permission(entry)):
            yield review.finding(
                PERMISSION_IGNORED,
                f"The user {detail} has the permission {printable_name(entry)!r}, which means nothing.",
                _member(node, "permissions"),
                f"{detail} {printable_name(entry)}",
            )


def _default(review: SettingsReview, auth: dict[str, t.Any]) -> Iterator[Finding]:
    default = auth.get("default", MISSING)
    path = ("adminAuth", "default")
    if is_code(default):
        yield review.finding(ANONYMOUS_READ, "What strangers may do is computed by code.", path)
        return
    permissions = default.get("permissions") if isinstance(default, dict) else None
    if is_code(permissions):
        yield review.finding(ANONYMOUS_READ, "What strangers may do is computed by code.", path)
        return
    entries = [
        entry
        for entry in (permissions if isinstance(permissions, list) else [permissions])
        if isinstance(entry, str) and is_permission(entry)
    ]
    if any(entry == "*" or entry.endswith("write") for entry in entries):
        yield review.finding(ANONYMOUS_WRITE, "adminAuth.default lets strangers change something.", path)
    elif entries:
        yield review.finding(ANONYMOUS_READ, "adminAuth.default lets strangers read.", path)


def _deprecated(review: SettingsReview) -> Iterator[Finding]:
    for key in ("httpAdminAuth", "httpAuth"):
        if review.writes(key) and not review.is_off(key):
            yield review.finding(HTTP_ADMIN_AUTH, f"{key} is set.", (key,), key)


# ----------------------------------------------------------------------------------------------------------------------
# httpNodeAuth and httpStaticAuth


def _node_auth(review: SettingsReview) -> Iterator[Finding]:
    if is_switched_off(review.settings, NODE_ROOT):
        return
    if not review.is_off("httpNodeAuth"):
        yield from _login(review, "httpNodeAuth", "dashboards")
    elif review.is_off("httpAuth") and (
        review.in_repository or any(not review.is_off(key) for key in ("ui", "dashboard", "httpNodeCors"))
    ):
        own = [
            ".".join(path)
            for path in OWN_NODE_LOGINS
            if is_code(review.get(*path)) and (len(path) == 1 or not is_code(review.get(path[0])))
        ]
        said = f" Whether {own[0]} asks for a login, only running it tells." if own else ""
        yield review.finding(NODE_AUTH_MISSING, f"httpNodeAuth is not set.{said}", ("httpNodeAuth",))


def _static_auth(review: SettingsReview) -> Iterator[Finding]:
    serves = not review.is_off("httpStatic")
    has_login = not review.is_off("httpStaticAuth")
    if has_login:
        yield from _login(review, "httpStaticAuth", "static files")
        if not serves:
            yield review.finding(STATIC_UNUSED, "httpStaticAuth is set without httpStatic.", ("httpStaticAuth",))
    covered = not review.is_off("httpNodeAuth") and (_is_below_node_root(review) or _asks_for_page(review))
    if serves and not has_login and not covered:
        yield review.finding(STATIC_OPEN, "httpStatic is set without httpStaticAuth.", ("httpStatic",))
    users = [review.get(key, "user") for key in ("httpNodeAuth", "httpStaticAuth")]
    if serves and covered and all(isinstance(user, str) for user in users) and users[0] != users[1]:
        yield review.finding(
            LOGIN_CLASH,
            "httpStaticAuth has another user than httpNodeAuth, which Node-RED asks for first.",
            ("httpStaticAuth",),
        )


def _is_below_node_root(review: SettingsReview) -> bool:
    """Whether all static files lie below the root of httpNodeAuth, which protects them then."""
    node_root = root_of(review.settings, NODE_ROOT)
    if not isinstance(node_root, str):
        return False
    return all(is_below(static.path, node_root) for static in static_roots(review.settings) if static.has_known_root)


def _asks_for_page(review: SettingsReview) -> bool:
    """Whether all static files ask for the login page, those beside the root of httpNodeAuth by middleware of their own."""
    node_root, entries = root_of(review.settings, NODE_ROOT), review.get("httpStatic")
    if not isinstance(node_root, str) or not isinstance(entries, list) or not is_used(review.settings):
        return False
    return all(
        is_below(static.path, node_root) or (isinstance(entry, dict) and refers(entry.get("middleware"), "http"))
        for static, entry in zip(static_roots(review.settings), entries, strict=True)
    )


def _login(review: SettingsReview, key: str, serves: str) -> Iterator[Finding]:
    login = review.get(key)
    if is_code(login):
        return
    # Since Node-RED 4.0, httpNodeAuth may be middleware: a list of functions.
    if key == "httpNodeAuth" and isinstance(login, list) and login and all(map(is_code, login)):
        return
    if not isinstance(login, dict) or not all(
        is_code(login.get(name)) or (isinstance(login.get(name), str) and login[name]) for name in ("user", "pass")
    ):
        yield review.finding(NODE_AUTH_MALFORMED, f"{key} has no user and pass.", (key,), key)
        return
    user = login["user"] if isinstance(login["user"], str) else ""
    yield from check_password_hash(
        review,
        login["pass"],
        f"The password of {serves} ({key})",
        user,
        review.settings.node((key, "pass")),
        key,
        md5=True,
    )


def _sockets(review: SettingsReview) -> Iterator[Finding]:
    if review.is_off("httpNodeAuth"):
        return
    for key in ("ui", "dashboard"):
        if isinstance(review.get(key), dict) and review.is_off(key, "ioMiddleware"):
            yield review.finding(SOCKET_OPEN, f"{key} has no ioMiddleware.", (key,), key)


def _member(node: Node, name: str) -> Node:
    """The value of a member of an object literal, or the object itself."""
    literal = unwrapped(node)
    members = [member for member in (members_of(literal) if literal.type == "object" else ()) if member.name == name]
    return (members[-1].value or members[-1].node) if members else node
