# Copyright (c) 2026, the pifleet.nodered maintainers
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Who may log in: the users of the inventory, checked, and turned into what Node-RED's settings say.

Nothing raised here contains a password or a hash.
"""

from __future__ import annotations

import dataclasses
import re
import typing as t
from collections.abc import Iterable, Iterator, Mapping, Sequence

from ansible_collections.pifleet.nodered.plugins.plugin_utils._errors import UserError

from . import passwords

#: The permissions Node-RED 3.1 to 5.0 matches (@node-red/editor-api, auth/permissions.js). It ignores any other form
#: without a word, `flows.*` among them.
_PERMISSION = re.compile(r"\*|read|write|(?:\*|[A-Za-z0-9_-]+(?:\.[A-Za-z0-9_-]+)*)\.(?:read|write)")

_USER_KEYS = ("username", "password", "password_hash", "permissions")
_LOGIN_KEYS = ("user", "password", "password_hash")
_NODE_USER_KEYS = ("username", "password", "password_hash", "permissions", "paths")
#: A path that every reader of it takes for the same: no percent sign, no empty part, none that begins with a dot.
_PLAIN_PATH = re.compile(r"(?:/[A-Za-z0-9_~!$&'()*+,;=:@-][A-Za-z0-9._~!$&'()*+,;=:@-]*)*/?")
_LONGEST_PATH = 200


class AccountError(UserError):
    """A user or a login that Node-RED could not work with, in a sentence that names the variable and what to do."""


@dataclasses.dataclass(frozen=True)
class Secret:
    """A password to hash, or the hash itself."""

    password: str | None = dataclasses.field(default=None, repr=False)
    hash: str | None = dataclasses.field(default=None, repr=False)

    def resolve(self, existing: object) -> str:
        """The hash to store, which is the existing one as long as it fits."""
        if self.hash is not None:
            return self.hash
        return passwords.desired_hash(self.password, existing)

    def fits(self, existing: object) -> bool:
        """Whether a hash stands for the same password, as far as that can be seen."""
        try:
            if self.password is not None:
                return passwords.fits(self.password, existing)
            return passwords.check_hash(existing) == self.hash
        except passwords.PasswordError:
            return False


@dataclasses.dataclass(frozen=True)
class User:
    """One entry of adminAuth.users."""

    username: str
    secret: Secret
    permissions: str | list[str]


@dataclasses.dataclass(frozen=True)
class NodeUser:
    """One user of the login page.

    :ivar permissions: `*`, or `read` for who may look and press nothing
    :ivar paths: where the user may go, with all below; None for everywhere
    """

    username: str
    secret: Secret
    permissions: str
    paths: list[str] | None


@dataclasses.dataclass(frozen=True)
class Login:
    """The one login of httpNodeAuth or httpStaticAuth."""

    user: str
    secret: Secret


def admin_users(desired: Iterable[Mapping[str, t.Any]], variable: str = "nodered_admin_users") -> list[User]:
    """The users of adminAuth.

    :param desired: mappings with username, password or password_hash, and permissions
    :param variable: what the user has written them as, for messages
    :raises AccountError: there is none, one is incomplete or ambiguous, or two have the same name
    """
    users: list[User] = []
    for entry, username, context in _named(desired, variable, _USER_KEYS):
        if "permissions" not in entry:
            raise AccountError(
                f'{context}: permissions are missing. Set "*" for everything, read for looking only, or a list such as'
                " [flows.read, nodes.read]."
            )
        users.append(User(username, _secret(entry, context), permissions(entry["permissions"], context)))
    if not users:
        raise AccountError(
            f"{variable} is empty: nobody could log in to the editor, and there are no default passwords. Set at least"
            " one user with username, password and permissions."
        )
    return users


def node_users(desired: Iterable[Mapping[str, t.Any]], variable: str = "nodered_node_users") -> list[NodeUser]:
    """The users of the login page.

    :param desired: mappings with username, password or password_hash, and maybe permissions and paths
    :param variable: what the user has written them as, for messages
    :raises AccountError: one is incomplete or ambiguous, two have the same name, or a path is none that could be compared
    """
    users: list[NodeUser] = []
    for entry, username, context in _named(desired, variable, _NODE_USER_KEYS):
        if ":" in username or not username.isprintable():
            raise AccountError(
                f"{context}: the username has a colon or a character that cannot be printed, which HTTP Basic"
                " authentication cannot carry. Remove it."
            )
        granted = entry.get("permissions", "*")
        if granted not in ("*", "read"):
            raise AccountError(
                f'{context}: permissions must be "*" for everything, or read for who may look and press nothing. What an'
                " editor's user may do, nodered_admin_users says."
            )
        secret = _secret(entry, context)
        users.append(NodeUser(username, secret, str(granted), paths_of(entry, context)))
    return users


def paths_of(entry: Mapping[str, t.Any], context: str) -> list[str] | None:
    """The paths that a user or a rule is confined to; None where it is to none.

    :param context: what the entry is, for the message
    :raises AccountError: they are no paths
    """
    if entry.get("paths") is None:
        return None
    paths = entry["paths"]
    if not isinstance(paths, (list, tuple)) or not paths:
        raise AccountError(f"{context}: paths must be a list of paths such as /ui. Leave it out for all of them.")
    for path in paths:
        if isinstance(path, str) and "*" in path:
            raise AccountError(f"{context}: the path {path} has a star. All below a path is meant anyway; remove it.")
        check_path(path, f"{context}: the path")
    return [str(path) for path in paths]


def check_path(path: object, context: str) -> None:
    """Refuse a path on which Express and whoever compares it might not agree.

    :param context: what stands before the path in a message
    :raises AccountError: it is no text, does not begin with a slash, or is not plain
    """
    if not isinstance(path, str) or not path.startswith("/"):
        raise AccountError(f"{context} {path!r} must be a text that begins with a slash, such as /ui.")
    if len(path) > _LONGEST_PATH or not _PLAIN_PATH.fullmatch(path):
        raise AccountError(
            f"{context} {path!r} is not plain: it must have no %, no //, no part that begins with a dot, such as .., and"
            f" nothing but letters, digits and ._~!$&'()*+,;=:@- in at most {_LONGEST_PATH} characters."
        )


def login(desired: Mapping[str, t.Any], variable: str) -> Login:
    """The login of httpNodeAuth or httpStaticAuth, from a mapping with user, and password or password_hash."""
    _check_keys(desired, _LOGIN_KEYS, variable)
    name = _text(desired, "user", variable)
    if ":" in name:
        raise AccountError(f"{variable}: the user name has a colon, which HTTP Basic authentication cannot carry.")
    return Login(name, _secret(desired, variable))


def permissions(desired: object, context: str) -> str | list[str]:
    """Permissions in a form that Node-RED matches.

    :raises AccountError: one has a form that Node-RED would silently ignore
    """
    single = isinstance(desired, str)
    entries = [desired] if single else desired
    if not isinstance(entries, (list, tuple)) or not all(isinstance(entry, str) for entry in entries):
        raise AccountError(f'{context}: permissions must be a text such as "*" or read, or a list of such texts.')
    for entry in entries:
        if not is_permission(entry):
            raise AccountError(
                f'{context}: Node-RED knows no permission {entry!r} and would ignore it. Use "*", read, write, or'
                " <resource>.read and <resource>.write, such as flows.read."
            )
    return str(desired) if single else [str(entry) for entry in entries]


def covers(granted: object, needed: object) -> bool:
    """Whether a user with the permissions ``granted`` may do all that ``needed`` allows, by Node-RED's own matching."""
    have = set(_entries(granted))
    return all(
        "*" in have
        or entry in have
        or (re.fullmatch(r"(.+\.)?read", entry) is not None and not have.isdisjoint(("read", "*.read")))
        or (re.fullmatch(r"(.+\.)?write", entry) is not None and not have.isdisjoint(("write", "*.write")))
        for entry in _entries(needed)
    )


def may_deploy(granted: object) -> bool:
    """Whether a user with these permissions may change flows, and with them, by way of code, all else."""
    return covers(granted, "flows.write")


def _entries(permissions_: object) -> list[str]:
    entries = permissions_ if isinstance(permissions_, (list, tuple)) else [permissions_]
    return [entry for entry in entries if isinstance(entry, str)]


def first_administrator(users: Sequence[User]) -> User:
    """The user whose login proves that the owner gets in: one who may do everything, with a known password if any."""
    return max(users, key=lambda user: (covers(user.permissions, "*"), user.secret.password is not None))


def is_permission(text: str) -> bool:
    """Whether Node-RED matches a permission of this form."""
    return _PERMISSION.fullmatch(text) is not None


def same_login(one: Login, other: Login) -> bool:
    """Whether two logins can be seen to be the same, so that a browser can send one for both."""
    if one.user != other.user:
        return False
    secrets = (one.secret, other.secret)
    if all(secret.password is not None for secret in secrets):
        return one.secret.password == other.secret.password
    if all(secret.hash is not None for secret in secrets):
        return one.secret.hash == other.secret.hash
    plain, hashed = sorted(secrets, key=lambda secret: secret.password is None)
    return passwords.fits(t.cast(str, plain.password), hashed.hash)


def _named(
    desired: Iterable[Mapping[str, t.Any]], variable: str, keys: tuple[str, ...]
) -> Iterator[tuple[Mapping[str, t.Any], str, str]]:
    """The entries of a list of users, each with its username and what a message of it begins with."""
    names = set()
    for position, entry in enumerate(desired, 1):
        name = entry.get("username") if isinstance(entry, Mapping) else None
        context = f"{variable}, user {name}" if isinstance(name, str) and name else f"{variable}, entry {position}"
        _check_keys(entry, keys, context)
        username = _text(entry, "username", context)
        if username in names:
            raise AccountError(f"{context}: this username is there twice. The last would count; remove one.")
        names.add(username)
        yield entry, username, context


def _check_keys(entry: object, keys: tuple[str, ...], context: str) -> None:
    if not isinstance(entry, Mapping):
        raise AccountError(f"{context}: must be a mapping with {', '.join(keys)}.")
    for key in entry:
        if key not in keys:
            raise AccountError(f"{context}: unknown key {key!r}. Known are {', '.join(keys)}.")


def _text(entry: Mapping[str, t.Any], key: str, context: str) -> str:
    value = entry.get(key)
    if not isinstance(value, str) or not value:
        raise AccountError(f"{context}: {key} is missing or not a text.")
    return str(value)


def _secret(entry: Mapping[str, t.Any], context: str) -> Secret:
    given = [key for key in ("password", "password_hash") if entry.get(key) is not None]
    if len(given) != 1:
        reason = "both password and password_hash are set" if given else "neither password nor password_hash is set"
        raise AccountError(f"{context}: {reason}; set one of the two.")
    try:
        if given == ["password"]:
            return Secret(password=passwords.check_password(entry["password"]))
        return Secret(hash=passwords.check_hash(entry["password_hash"]))
    except passwords.PasswordError as error:
        raise AccountError(f"{context}: {error}") from None
