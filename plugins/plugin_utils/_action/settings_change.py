# Copyright (c) 2026, the pifleet.nodered maintainers
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A settings file of a host or of a repository, and what becomes of it."""

from __future__ import annotations

import base64
import json
import os
import types
import typing as t
from collections.abc import Mapping, Sequence

from ansible_collections.pifleet.nodered.plugins.module_utils._shared.checksum import checksum
from ansible_collections.pifleet.nodered.plugins.module_utils._shared.host_state import (
    FileResult,
    SettingsFile,
    SettingsResult,
)
from ansible_collections.pifleet.nodered.plugins.module_utils._shared.layout import (
    LOGIN_DATA,
    LOGIN_DIRECTORY,
    SIGN_ON,
    SIGN_ON_AUTHORITY,
    certificate_file,
)
from ansible_collections.pifleet.nodered.plugins.plugin_utils._credentials.analysis import (
    Credentials,
    Migration,
    analyse,
    flow_file,
    migration,
)
from ansible_collections.pifleet.nodered.plugins.plugin_utils._errors import UserError
from ansible_collections.pifleet.nodered.plugins.plugin_utils._javascript.parser import SettingsError
from ansible_collections.pifleet.nodered.plugins.plugin_utils._javascript.values import Expression
from ansible_collections.pifleet.nodered.plugins.plugin_utils._login.files import login_files
from ansible_collections.pifleet.nodered.plugins.plugin_utils._settings import (
    advice,
    login_page,
    origin,
    proxy,
    sign_on,
    web_sockets,
)
from ansible_collections.pifleet.nodered.plugins.plugin_utils._settings.apply import AppliedSettings, apply_settings
from ansible_collections.pifleet.nodered.plugins.plugin_utils._settings.desired import (
    DesiredSettings,
    SettingsOptionError,
)
from ansible_collections.pifleet.nodered.plugins.plugin_utils._settings.document import SettingsDocument
from ansible_collections.pifleet.nodered.plugins.plugin_utils._settings.listening import Listening, listening_of
from ansible_collections.pifleet.nodered.plugins.plugin_utils._settings.login_data import (
    LoginPlace,
    as_text,
    losing_users,
    oidc_of,
    opens_less,
    present_data,
    users_of,
)
from ansible_collections.pifleet.nodered.plugins.plugin_utils._settings.oidc_options import VARIABLE as OIDC_VARIABLE
from ansible_collections.pifleet.nodered.plugins.plugin_utils._settings.sessions import (
    EndedSessions,
    kept_elsewhere,
    unended_warning,
)
from ansible_collections.pifleet.nodered.plugins.plugin_utils._settings.source import MISSING

from .answers import Shape
from .base import HostAction, host_options
from .diff import difference, login_difference, settings_difference


class LoginChange(t.NamedTuple):
    """What becomes of the directory of the login page; nothing by default."""

    #: By their names below it, the files to write.
    files: Mapping[str, bytes] = types.MappingProxyType({})
    #: Whether it goes, with all that is in it, as soon as Node-RED stands still.
    removed: bool = False
    #: By their names below it, the files of single sign-on that go, as soon as Node-RED stands still.
    stale: tuple[str, ...] = ()
    #: Whose logins end.
    revoke: tuple[str, ...] = ()
    #: Whether somebody gets in no more who did before.
    narrowed: bool = False

    @property
    def is_due(self) -> bool:
        return bool(self.files or self.removed or self.stale)


class Edit(t.NamedTuple):
    """What a host is to write, and what goes with it."""

    content: bytes
    #: The keys that this collection manages, as the module on the host takes them.
    managed: list[dict[str, t.Any]]
    #: What the restart is to do with sessions.
    ended: EndedSessions
    #: What the restart is to do with the credentials of flows; None for nothing.
    plan: dict[str, t.Any] | None
    login: LoginChange
    #: What to keep of how settings stood before a proxy came, empty to forget it; None for neither.
    direct: str | None
    #: All settings that were ever written, with this edit, as the module on the host takes them.
    written: list[dict[str, t.Any]]


class SettingsChange:
    """What becomes of a settings file: computed here, written by the host.

    :ivar changes: the keys that are set or removed
    :ivar warnings: what the owner should know
    """

    def __init__(self, target: SettingsTarget, options: dict[str, t.Any]) -> None:
        """Edit the file, and write nothing.

        :param options: as the module settings takes them
        :raises UserError: what is asked for cannot be done with this file
        """
        self._target = target
        desired = DesiredSettings.from_options(options, target.user_dir, target.certificate)
        try:
            document = SettingsDocument(target.original)
            credentials = target.credentials(document)
            self._migration = _migration(credentials, desired)
            former = target.direct
            #: What the host is to keep of how settings stood, or to forget; None where neither is due.
            self._direct: str | None = None
            if desired.proxy_path is not None and former is None:
                self._direct = json.dumps(proxy.standing(document))
            elif desired.proxy_path is None and former is not None:
                self._direct = ""
            gone_back = self._put_back(desired, document)
            applied = apply_settings(
                desired,
                document,
                another_secret=self._migration is not None,
                direct=former,
                place=target.login_place,
            )
            origin.drop_empty(document, target.written, desired.paths)
        except (SettingsError, SettingsOptionError) as error:
            raise UserError(f"{target.path}: {error}") from None
        target.check(desired)
        self._document = document
        self._desired = desired
        self._ended = applied.ended_sessions
        self._login = target.login_change(applied)
        self._sign_on = oidc_of(applied.login_data or {})
        self.changes = [*document.changes(), *([LOGIN_DIRECTORY] if self._login.is_due else [])]
        warnings = [f"{target.path}: {warning}" for warning in advice.warnings(desired, document, applied)]
        left = origin.left(target.written, document.settings, desired.paths)
        unasked = [entry for entry in left if origin.may_go(entry, document)]
        warnings += [f"{target.path}: {warning}" for warning in advice.of_left(left, unasked, gone_back)]
        if credentials and credentials.warning and self._migration is None:
            warnings.append(credentials.warning)
        if (self._ended.users or self._ended.expiry) and kept_elsewhere(document):
            warnings.append(unended_warning(self._ended.users))
        host = target.action.task_vars.get("inventory_hostname")
        self.warnings = [*advice.reminders(desired, applied), *(f"{host}: {warning}" for warning in warnings)]

    def _put_back(self, desired: DesiredSettings, document: SettingsDocument) -> origin.PutBack:
        """Have settings be what they were before that nobody asks for any more, as far as they may."""
        known = self._target.written
        going = [entry for entry in known if desired.drops_https and entry.path[0] in origin.HTTPS]
        if desired.purge:
            left = origin.left(known, document.settings, desired.paths)
            going += [entry for entry in left if origin.may_go(entry, document)]
        return origin.put_back(document, going)

    @property
    def is_due(self) -> bool:
        """Whether the file, or what its credentials are encrypted with, has to change."""
        changed = self._document.source != self._target.content
        of_proxy = self._direct is not None and self._target.keeps_direct
        return changed or self._plan is not None or of_proxy or self._login.is_due

    @property
    def sign_on_url(self) -> str:
        """Where browsers find this Node-RED to log in by single sign-on; empty where that is not asked for."""
        return str(self._sign_on.get("url") or "")

    @property
    def flow_file(self) -> str | None:
        """The name of the file of flows that the service loads; None where that is not known."""
        return self._target.flow_file(self._document)

    @property
    def listening(self) -> Listening:
        """Where Node-RED listens with the edited file; with one that stays, also what its proof has shown."""
        told = listening_of(self._document.settings, self._target.overrides)
        proved = self._target.proved
        if proved is None or self._document.source != self._target.content:
            return told
        root = False if proved["admin_root"] is None else proved["admin_root"]
        shown: dict[str, t.Any] = {"port": proved["port"], "tls": proved["tls"], "admin_root": root}
        return told._replace(**{key: value for key, value in shown.items() if getattr(told, key) is None})

    @property
    def _plan(self) -> dict[str, t.Any] | None:
        return self._migration.plan if self._migration else None

    def diff(self) -> list[dict[str, str]]:
        """What `--diff` shows, without a secret."""
        before = (self._target.content or b"").decode("utf-8")
        after = self._document.source.decode("utf-8")
        return [
            settings_difference(self._target.path, before, after),
            *self._target.login_differences(self._login),
            *_differences(self._migration),
        ]

    def write(self) -> FileResult | None:
        """Have the host write it; what its module returned, or None when the file has changed since it was read."""
        managed = _managed(self._document, self._desired)
        noted = [entry.as_data() for entry in origin.noted(self._target.written, self._document)]
        edit = Edit(self._document.source, managed, self._ended, self._plan, self._login, self._direct, noted)
        written = self._target.write(edit)
        return None if written["conflict"] else written


class SettingsTarget:
    """A settings file where it lies: read once, written by compare-and-swap."""

    path: str
    #: None where it is not known.
    user_dir: str | None = None
    #: The name of its file with key and certificate. A file in a repository may become any host's settings.js.
    certificate = "server.pem"
    #: What is in the file; None where there is none.
    content: bytes | None
    #: What an edit begins with.
    original: bytes
    sha256: str
    #: How settings stood before a proxy came; None where none is there.
    direct: proxy.Direct | None = None
    #: Whether that is kept at all.
    keeps_direct = False
    #: Where the login page is, or is to be; None where there can be none.
    login_place: LoginPlace | None = None
    #: The settings that this collection has written, as far as that is kept.
    written: Sequence[origin.Written] = ()
    #: What wins over the file, as the module host_info returns it.
    overrides: Sequence[Mapping[str, t.Any]] = ()
    #: What the service was proved to answer with this file; None where it was not.
    proved: Mapping[str, t.Any] | None = None

    def __init__(self, action: HostAction, options: dict[str, t.Any]) -> None:
        self.action = action
        self.options = options
        self.read()

    def read(self, fresh: bool = False) -> None:
        """Take in the file; ``fresh`` whatever is known of it already."""
        raise NotImplementedError

    def credentials(self, document: SettingsDocument) -> Credentials | None:
        """What is known of the credentials of flows; None where the file belongs to no service."""
        return None

    def flow_file(self, document: SettingsDocument) -> str | None:
        """The name of the file of flows that the service loads; None where that is not known."""
        return None

    def check(self, desired: DesiredSettings) -> None:
        """UserError when what the file says would not be what counts."""

    def login_change(self, applied: AppliedSettings) -> LoginChange:
        """What becomes of the directory of the login page.

        :raises UserError: there is no host that it could lie on
        """
        raise NotImplementedError

    def login_differences(self, change: LoginChange) -> list[dict[str, str]]:
        """The same for `--diff`, without a secret."""
        return []

    def write(self, edit: Edit) -> FileResult:
        """What the module on the host returned; its `conflict` tells that the file is another one by now."""
        raise NotImplementedError

    def _written_by(self, module: str, shape: type[Shape], edit: Edit, **options: t.Any) -> Shape:
        return self.action.run_module(
            module,
            {
                "content": base64.b64encode(edit.content).decode("ascii"),
                "sha256": self.sha256,
                "managed": json.dumps(edit.managed),
                "backup": self.options["backup"],
                "timeout": self.options["load_timeout"],
                **options,
            },
            shape,
        )


class ServiceSettings(SettingsTarget):
    """The settings file of a service."""

    keeps_direct = True

    def read(self, fresh: bool = False) -> None:
        if not self.options["validate"]:
            raise UserError(
                "validate: false is for a file given as path. The settings of a service are always loaded"
                " before they are used."
            )
        self.state = self.action.state(self.options, fresh)
        settings = self.state["settings"]
        self.path, self.content, self.sha256 = settings["path"], settings["content"], settings["sha256"]
        self.user_dir = self.state["user_dir"]["path"]
        self.direct = (self.state["proxy"] or {}).get("direct")
        kept = self.state["origin"]
        self.written = [origin.Written.of(entry) for entry in kept["written"]] if kept else []
        self.overrides = self.state["overrides"]
        proof = self.state["proof"]
        self.proved = proof["expected"] if proof and proof["settings"] == self.sha256 else None
        self.certificate = os.path.basename(certificate_file(settings["path"]))
        original = settings["content"] if settings["content"] is not None else settings["stock"]
        if original is None:
            raise UserError(
                f"There is no {self.path}, and none was found in {self.state['node_red']['path']} to begin with."
            )
        self.original = original
        page = self.state["login_page"]
        self._data = present_data(page["data"])
        self.login_place = LoginPlace(
            os.path.basename(page["path"]),
            page["path"],
            self.state["host"]["hostname"],
            users_of(self._data),
            str(self.action.task_vars.get("inventory_hostname", "")),
        )

    def login_change(self, applied: AppliedSettings) -> LoginChange:
        present = self.state["login_page"]["files"]
        if applied.login_data is None:
            # Whom the provider let in is out with it.
            return LoginChange(removed=applied.drops_login and bool(present), narrowed=bool(oidc_of(self._data)))
        has_sign_on = "oidc" in applied.login_data
        authority = {} if applied.authority is None else {SIGN_ON_AUTHORITY: applied.authority}
        wanted = {**login_files(has_sign_on), **authority, LOGIN_DATA: as_text(applied.login_data)}
        ended = losing_users(users_of(self._data), users_of(applied.login_data))
        return LoginChange(
            {name: content for name, content in wanted.items() if present.get(name) != checksum(content)},
            stale=tuple(
                name
                for name in present
                # A file of the owner's own stays as long as single sign-on does.
                if name not in wanted and (name == SIGN_ON_AUTHORITY if has_sign_on else name.startswith(SIGN_ON))
            ),
            revoke=tuple(ended),
            narrowed=bool(ended) or opens_less(self._data, applied.login_data),
        )

    def login_differences(self, change: LoginChange) -> list[dict[str, str]]:
        page = self.state["login_page"]
        return login_difference(page["path"], page["files"], self._data, change.files, change.removed, change.stale)

    def credentials(self, document: SettingsDocument) -> Credentials | None:
        return analyse(self.state, document)

    def flow_file(self, document: SettingsDocument) -> str | None:
        return flow_file(self.state, document)

    def check(self, desired: DesiredSettings) -> None:
        service = self.state["service"]
        if self.state["settings"]["in_use"] is False:
            raise UserError(
                f"{service['name']} does not load {self.path}: its command line or its environment names another file."
                " Leave nodered_settings_path and nodered_user_dir out to have that one edited, or correct the service."
            )
        for override in self.overrides:
            for path in desired.paths:
                length = min(len(path), len(override["path"]))
                if list(path[:length]) == override["path"][:length]:
                    places = ", ".join([f"`systemctl cat {service['name']}`", *service["environment_files"]])
                    raise UserError(
                        f"{'.'.join(path)} is set by {override['by']} when {service['name']} starts, which wins"
                        f" over {self.path}. Remove it there: {places}."
                    )

    def write(self, edit: Edit) -> FileResult:
        present = self.state["login_page"]["files"]
        files = {
            name: {"content": base64.b64encode(content).decode("ascii"), "sha256": present.get(name, "")}
            for name, content in edit.login.files.items()
        }
        return self._written_by(
            "host_settings",
            SettingsResult,
            edit,
            revoke=edit.ended.users,
            session_expiry=edit.ended.expiry,
            credentials=json.dumps(edit.plan) if edit.plan else None,
            load_tls=self.options["https"],
            direct=edit.direct,
            written=json.dumps(edit.written),
            login_files=json.dumps(files) if files else None,
            login_removed=edit.login.removed,
            login_stale=list(edit.login.stale),
            login_revoke=list(edit.login.revoke),
            login_narrowed=edit.login.narrowed,
            **host_options(self.options),
        )


class PlainSettings(SettingsTarget):
    """A settings file that belongs to no service, such as one of a repository on the control node."""

    def read(self, fresh: bool = False) -> None:
        self.path = self.options["path"]
        found = self.action.run_module("host_settings_file", {"path": self.path}, SettingsFile)
        self.content = self.original = base64.b64decode(found["content"])
        self.sha256 = found["sha256"]

    def login_change(self, applied: AppliedSettings) -> LoginChange:
        if applied.login_data is not None:
            variable = OIDC_VARIABLE if "oidc" in applied.login_data else "nodered_node_users"
            raise UserError(
                f"{variable} needs files beside settings.js on a host, which a file given as path has not. Leave path"
                " out, or use nodered_node_auth."
            )
        return LoginChange()

    def write(self, edit: Edit) -> FileResult:
        return self._written_by(
            "host_settings_file", FileResult, edit, path=self.path, validate=self.options["validate"]
        )


def _migration(credentials: Credentials | None, desired: DesiredSettings) -> Migration | None:
    """How the credentials follow the wished secret; None without one, and where nothing is known of them."""
    if credentials is None or desired.credential_secret is None:
        return None
    return migration(credentials, desired.credential_secret)


def _differences(follow: Migration | None) -> list[dict[str, str]]:
    if follow is None or follow.before == follow.after:
        return []
    return [
        difference("credentials", *("".join(f"{line}\n" for line in lines) for lines in (follow.before, follow.after)))
    ]


def _managed(document: SettingsDocument, desired: DesiredSettings) -> list[dict[str, t.Any]]:
    """What Node.js must find under each setting that is asked for, as far as that can be told without running code."""
    managed: list[dict[str, t.Any]] = []
    functions = [*web_sockets.paths(document), *sign_on.functions(document)]
    # What is a function of the login page on one release is undefined on another: the host looks where it comes from.
    if login_page.is_used(document.settings):
        managed.append({"path": ["httpNodeAuth"], "login_page": True})
    for path in dict.fromkeys((*desired.paths, *functions)):
        value = document.get(path)
        if value is MISSING or (isinstance(value, Expression) and value.is_undefined):
            managed.append({"path": list(path), "type": "undefined"})
        elif (path == ("https",) and desired.https) or path in functions:
            managed.append({"path": list(path), "type": "function"})
        elif isinstance(value, list) and _has_code(value):
            managed.append({"path": list(path), "type": "object"})
        elif not isinstance(value, Expression):
            managed.append({"path": list(path), "value": _literal(value)})
    return managed


def _literal(value: t.Any) -> t.Any:
    """A value without the members of objects that are code, or lists with code in them."""
    if isinstance(value, dict):
        return {key: _literal(item) for key, item in value.items() if not _has_code(item)}
    return [_literal(item) for item in value] if isinstance(value, list) else value


def _has_code(value: t.Any) -> bool:
    """Whether a value is code, or a list that cannot be told apart from code in it."""
    return isinstance(value, Expression) or (isinstance(value, list) and any(map(_has_code, value)))
