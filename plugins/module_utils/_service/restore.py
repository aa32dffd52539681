# Copyright (c) 2026, the pifleet.nodered maintainers
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Brings a kept state back, as a transaction of its own: proved like every other, undone when that fails, and kept itself."""

from __future__ import annotations

import os
import ssl
import typing as t

from ansible_collections.pifleet.nodered.plugins.module_utils._host import files
from ansible_collections.pifleet.nodered.plugins.module_utils._host.account import Account
from ansible_collections.pifleet.nodered.plugins.module_utils._host.errors import HostError
from ansible_collections.pifleet.nodered.plugins.module_utils._host.systemd import (
    environment_of_file,
    match_watchers,
    systemctl,
)
from ansible_collections.pifleet.nodered.plugins.module_utils._host.transaction import Transaction
from ansible_collections.pifleet.nodered.plugins.module_utils._node_red import login_directory
from ansible_collections.pifleet.nodered.plugins.module_utils._node_red.settings_loader import (
    load_settings,
    runtime_of_service,
)
from ansible_collections.pifleet.nodered.plugins.module_utils._proxy.placement import make_directory
from ansible_collections.pifleet.nodered.plugins.module_utils._shared.certificate_source import split_pem
from ansible_collections.pifleet.nodered.plugins.module_utils._shared.checksum import checksum
from ansible_collections.pifleet.nodered.plugins.module_utils._shared.layout import (
    DROP_IN,
    ENVIRONMENT_FILE,
    LOGIN_PROGRAM,
    SIGN_ON,
    UNIT_DIRECTORY,
    certificate_file,
    nginx_site,
    proxy_certificate,
    proxy_directory,
)

from .kept_states import files_before, since
from .service import DesiredService

if t.TYPE_CHECKING:
    from ansible_collections.pifleet.nodered.plugins.module_utils._shared.host_state import (
        KeptFile,
        LoginPlan,
        ReplacedFile,
        Requirements,
        RestoreResult,
        ServiceBefore,
    )

    from .service import Service


class Restoration(t.NamedTuple):
    """A state that is to come back."""

    #: The name of the state.
    identifier: str
    #: What settings.js is to be, as the control node has looked at it; None where the state has the present one.
    settings: bytes | None
    #: The checksum of the present settings.js.
    sha256: str
    #: What must hold beside what the settings of that state say.
    required: Requirements
    #: As in `DesiredService`.
    watch_minutes: int = 0


class _Change(t.NamedTuple):
    """What is done with a file."""

    entry: ReplacedFile
    #: None removes it.
    content: bytes | None
    description: KeptFile


def restore(service: Service, wanted: Restoration, check_mode: bool) -> RestoreResult:
    """Bring a state back, and prove what it served.

    :param service: the service, with no transaction open
    :param wanted: the state
    :param check_mode: whether only to tell what would be done
    :returns: what was done; nothing where all files are as they were, and the service runs
    :raises HostError: there is no such state, it is less than what is required, or it could not be proved; the host is as it
        was before
    """
    if Transaction(service.store).open:
        raise HostError("Another run is changing this host, or has left a change open. Run this again.")
    transactions = since(service.store, wanted.identifier)
    before = transactions[-1].record["before"]
    content = files.read(service.unit.settings_path, service.unit.account, files.MAXIMUM_OF_TEXT)
    if checksum(content) != wanted.sha256:
        raise HostError(f"{service.unit.settings_path} was changed by somebody else meanwhile. Run this again.")
    changes = _changes(service, files_before(transactions), wanted)
    described = [change.description for change in changes]
    if not changes and service.unit.active:
        return {"changed": False, "files": [], "transaction": None}
    by_path = {change.entry["path"]: change.content for change in changes}
    of_login = any(_is_of_login(service, path) for path in by_path)
    required = _required(service, before, by_path, wanted.required)
    _refuse_early(service, by_path, by_path.get(service.unit.settings_path, content), required)
    if check_mode:
        return {"changed": True, "files": described, "transaction": None}

    def bring_back(transaction: Transaction) -> None:
        transaction.begin(service.before())
        transaction.note(restored=wanted.identifier)
        if plan := _login_plan(service, by_path):
            transaction.plan(login=plan)
        _put(service, transaction, changes, wanted.sha256)

    desired = DesiredService(
        drop_in=_text(by_path, DROP_IN % service.unit.name),
        environment=_text(by_path, ENVIRONMENT_FILE % service.unit.name),
        expected=required,
        # Who is logged in now was let in by other passwords and rights.
        revoke=["*"] if of_login or service.unit.settings_path in by_path else [],
        watch_minutes=wanted.watch_minutes,
    )
    done = service.prove(desired, bring_back if changes else None)
    return {"changed": True, "files": described, "transaction": done["transaction"]}


def _is_of_login(service: Service, path: str) -> bool:
    """Whether a file belongs to the login page."""
    return path.startswith(login_directory.directory_of(service.unit) + "/")


def _login_plan(service: Service, by_path: dict[str, bytes | None]) -> LoginPlan | None:
    """That the login page or single sign-on goes, with the sessions that no state has; None where neither does."""
    directory = login_directory.directory_of(service.unit)
    going = {os.path.relpath(path, directory) for path, content in by_path.items() if content is None}
    if LOGIN_PROGRAM in going:
        return {"removed": True, "revoke": [], "narrowed": False}
    stale = sorted(name for name in going if name.startswith(SIGN_ON))
    return {"removed": False, "stale": stale, "revoke": [], "narrowed": False} if stale else None


def _text(by_path: dict[str, bytes | None], path: str) -> str:
    """What a file of the service is to be; empty for none."""
    content = by_path[path] if path in by_path else files.read(path)
    return (content or b"").decode("utf-8", "replace")


def _changes(service: Service, before: dict[str, ReplacedFile], wanted: Restoration) -> list[_Change]:
    """The files that differ from those of a state."""
    changes = []
    for path, entry in before.items():
        content = _content(service, entry, wanted)
        present = files.read(path, Account(entry["user"]) if entry["user"] else None)
        if present != content:
            change: t.Literal["made", "replaced", "removed"] = "made" if present is None else "replaced"
            described: KeptFile = {"path": path, "change": "removed" if content is None else change}
            changes.append(_Change(entry, content, described))
    return changes


def _content(service: Service, entry: ReplacedFile, wanted: Restoration) -> bytes | None:
    if entry["path"] == service.unit.settings_path and wanted.settings is not None:
        return wanted.settings
    if entry["backup"] is None:
        return None
    content = files.read(service.store.path(entry["backup"]))
    if content is None:
        raise HostError(f"The kept copy {service.store.path(entry['backup'])} of {entry['path']} is gone.")
    return content


def _required(
    service: Service, before: ServiceBefore, by_path: dict[str, bytes | None], required: Requirements
) -> Requirements:
    """What the state has shown itself must hold again, beside what is asked for."""
    served = before["endpoints"]
    site = nginx_site(service.unit.name)
    has_proxy = bool(by_path[site] if site in by_path else files.read(site))
    account = None if has_proxy else service.unit.account
    own = (
        proxy_certificate(service.unit.name)
        if has_proxy
        else os.path.join(service.unit.settings_directory, certificate_file(service.unit.settings_path))
    )
    pem = by_path[own] if own in by_path else files.read(own, account, files.MAXIMUM_OF_PEM)
    fingerprint = _fingerprint(pem)
    return {
        # What nginx shows is proved with it.
        "tls": not has_proxy and (bool(required.get("tls")) or any(each["tls"] for each in served)),
        "proxy": has_proxy,
        "auth": bool(required.get("auth")) or any(each["login"] for each in served),
        # A settings.js may name another file.
        "certificate": fingerprint if any(each["certificate"] == fingerprint for each in served) else None,
    }


def _fingerprint(pem: bytes | None) -> str | None:
    _key, chain = split_pem(pem)
    first, end, _rest = chain.decode("ascii", "replace").partition("-----END CERTIFICATE-----")
    try:
        return checksum(ssl.PEM_cert_to_DER_cert((first + end).strip())) if end else None
    except ValueError:
        return None


def _refuse_early(
    service: Service, by_path: dict[str, bytes | None], settings: bytes | None, required: Requirements
) -> None:
    """Refuse a state before any change that would be more open than it may be; the proof refuses it anyway."""
    if settings is None:
        raise HostError(
            f"In that state there is no {service.unit.settings_path}: Node-RED would start open to anyone, so that it cannot"
            " be brought back."
        )
    runtime = runtime_of_service(service.unit)
    path = ENVIRONMENT_FILE % service.unit.name
    if path in by_path:
        # The file may need the variables of then.
        now, then = (environment_of_file(content or b"") for content in (files.read(path), by_path[path]))
        others = {name: value for name, value in runtime.environment.items() if name not in now}
        runtime = runtime._replace(environment={**others, **then})
    beside = {
        path: content.decode("utf-8", "replace")
        for path, content in by_path.items()
        if content is not None and _is_of_login(service, path)
    }
    loaded = load_settings(runtime, service.unit.settings_path, settings, [], False, service.timeout, beside)
    effective = loaded["effective"]
    for missing, what in (
        (
            required.get("auth") and not effective["auth"],
            "Node-RED asked nobody for a login: it would be open to anyone",
        ),
        (
            required.get("tls") and not effective["tls"],
            "Node-RED served plain HTTP: passwords could be read on their way",
        ),
    ):
        if missing:
            raise HostError(f"In that state {what}. To bring it back all the same, add -e nodered_restore_open=true.")


def _put(service: Service, transaction: Transaction, changes: list[_Change], settings_sha256: str) -> None:
    """Replace the files but those that the service is given with its restart, and a login page that goes with it."""
    of_service = (DROP_IN % service.unit.name, ENVIRONMENT_FILE % service.unit.name)
    plan, directory = transaction.login_plan, login_directory.directory_of(service.unit)
    later = {os.path.join(directory, name) for name in plan.get("stale", [])}
    paths = []
    # What the settings refer to comes before them, and goes behind them.
    for entry, content, _description in sorted(
        changes, key=lambda change: (change.content is None, change.entry["path"] == service.unit.settings_path)
    ):
        path, status = entry["path"], entry["status"]
        if path in of_service or path in later or (plan["removed"] and _is_of_login(service, path)):
            continue
        paths.append(path)
        account = Account(entry["user"]) if entry["user"] else None
        if content is None or status is None:
            transaction.replace(path, None, 0, 0, 0, account)
            continue
        directory = os.path.dirname(path)
        if directory == proxy_directory(service.unit.name):
            make_directory(transaction, service.unit.name)
        elif not os.path.isdir(directory):
            transaction.make_directory(directory, 0o700 if account else 0o755, account or Account("root"))
        expected = settings_sha256 if path == service.unit.settings_path else None
        transaction.replace(path, content, files.mode_of(status), status["uid"], status["gid"], account, expected)
    if any(os.path.dirname(path) == UNIT_DIRECTORY for path in paths):
        systemctl("daemon-reload")
        match_watchers(paths)
