# Copyright (c) 2026, the pifleet.nodered maintainers
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Everything about one Node-RED that can be read without changing it, and without starting a program but systemctl.

An audit also has nginx look at its configuration, where nginx is in front of Node-RED.

What few hosts need, or only an audit, is imported where it is used: nothing of what travels to a host is compiled
beforehand, and the compiler takes a fifth of the time of a visit.
"""

from __future__ import annotations

import base64
import os
import socket
import time
import typing as t

from ansible_collections.pifleet.nodered.plugins.module_utils._certificate import certbot_lineage
from ansible_collections.pifleet.nodered.plugins.module_utils._certificate.follower import (
    read_follower,
    read_source_state,
)
from ansible_collections.pifleet.nodered.plugins.module_utils._credentials.files import read_credentials
from ansible_collections.pifleet.nodered.plugins.module_utils._host import files
from ansible_collections.pifleet.nodered.plugins.module_utils._host.account import rights_of
from ansible_collections.pifleet.nodered.plugins.module_utils._host.disks import disk_problems
from ansible_collections.pifleet.nodered.plugins.module_utils._host.network import (
    addresses,
    connections,
    fully_qualified_name,
)
from ansible_collections.pifleet.nodered.plugins.module_utils._host.origin import origin_state
from ansible_collections.pifleet.nodered.plugins.module_utils._host.store import PROVED, TRANSACTION, WENT_BACK, Store
from ansible_collections.pifleet.nodered.plugins.module_utils._node_red.command_line import overrides
from ansible_collections.pifleet.nodered.plugins.module_utils._node_red.endpoints import endpoints
from ansible_collections.pifleet.nodered.plugins.module_utils._node_red.exposed_files import exposed_files, wanted_umask
from ansible_collections.pifleet.nodered.plugins.module_utils._node_red.login_directory import read_login_page
from ansible_collections.pifleet.nodered.plugins.module_utils._node_red.unit import Unit, located
from ansible_collections.pifleet.nodered.plugins.module_utils._proxy import nginx
from ansible_collections.pifleet.nodered.plugins.module_utils._shared import proxy_probe
from ansible_collections.pifleet.nodered.plugins.module_utils._shared.certificate_source import key_matches, split_pem
from ansible_collections.pifleet.nodered.plugins.module_utils._shared.checksum import checksum
from ansible_collections.pifleet.nodered.plugins.module_utils._shared.layout import (
    DROP_IN,
    ENVIRONMENT_FILE,
    LOCK_TIMEOUT,
    certificate_file,
    proxy_certificate,
)

if t.TYPE_CHECKING:
    from collections.abc import Collection

    from ansible_collections.pifleet.nodered.plugins.module_utils._node_red.unit import LocatedUnit
    from ansible_collections.pifleet.nodered.plugins.module_utils._shared.host_state import (
        CertificateState,
        CommittedProof,
        FileStatus,
        HostIdentity,
        HostState,
        ServiceState,
        SettingsState,
        TransactionRecord,
        WayBack,
    )

#: States of a unit file to which `systemctl enable` can add nothing.
ENABLED = ("enabled", "enabled-runtime", "static", "generated", "indirect", "alias")

#: Seconds for which a host tells that it has gone back by itself. Who still has not read it will find the old state anyway.
LATELY = 7 * 86400


def gather(
    service: str,
    user: str | None = None,
    user_dir: str | None = None,
    settings_path: str | None = None,
    details: bool = False,
    dependents: bool = False,
    host_key: str | None = None,
    host_chain: str | None = None,
    proxy_ports: Collection[int] = (),
    patience: float = LOCK_TIMEOUT,
) -> HostState:
    """Read the state of one Node-RED.

    :param service: the name of its systemd unit, with or without a suffix
    :param user: the user that runs it; None takes the unit's
    :param user_dir: its userDir; None finds it as Node-RED does
    :param settings_path: its settings file; None finds it as Node-RED does
    :param details: whether to read also what only an audit wants to know
    :param dependents: whether to read also who depends on a server that speaks plain HTTP
    :param host_key: the key of a certificate that the host has from elsewhere; None takes what is followed, if any
    :param host_chain: the certificates for that key
    :param proxy_ports: the ports that a proxy is to have; empty where none is asked for
    :param patience: seconds to wait for a run that works on the service
    :returns: the state, ready to be sent as JSON
    :raises HostError: there is no such user, no systemctl, or a file cannot be read
    """
    store = Store(service)
    busy = not store.wait_until_free(patience)
    # Before all else: what is read after another run has gone on is refused when it is to be changed.
    last_run = store.last_run()
    unit = Unit(service, user, user_dir, settings_path)
    node, node_version = unit.node()
    state: HostState = {
        "host": _host_identity(),
        "service": _service_state(unit),
        "user": None,
        "node": {"path": node, "version": node_version},
        "node_red": {
            "path": unit.node_red_home,
            "version": unit.node_red_version,
            "node": unit.node_engine,
            "manager": unit.launch.manager,
        },
        "elsewhere": [],
        "overrides": overrides(unit.command_line, unit.environment, unit.working_directory, unit.account),
        "user_dir": {"path": unit.user_dir, "status": _status(unit)},
        "settings": {
            "path": unit.settings_path,
            "in_use": None,
            "guessed": False,
            "status": None,
            "sha256": "",
            "content": None,
            "stock": None,
        },
        "origin": None,
        "disks": [],
        "certificate": {
            "path": None,
            "status": None,
            "chain": None,
            "key": False,
            "key_encrypted": False,
            "key_matches": None,
            "sha256": "",
        },
        "login_page": {"path": None, "files": {}, "data": None, "exposed": []},
        "credentials": None,
        "acme": certbot_lineage.read(unit.name),
        "source": read_source_state(unit.name, host_key, host_chain),
        "follower": read_follower(unit.name),
        "proxy": None,
        "exposed": [],
        "endpoints": [],
        "dependents": None,
        "proof": None,
        "transaction": None,
        "went_back": None,
        "last_run": last_run,
        "busy": busy,
        "details": None,
    }
    if not unit.exists or unit.node_red_version is None or unit.launch.manager:
        from ansible_collections.pifleet.nodered.plugins.module_utils._node_red.elsewhere import elsewhere

        state["elsewhere"] = elsewhere(unit.processes())
    state["proxy"] = nginx.proxy_state(unit.name, proxy_ports, unit.processes())
    if state["proxy"] and details and state["proxy"]["version"]:
        from ansible_collections.pifleet.nodered.plugins.module_utils._proxy.candidate import complaints

        state["proxy"]["complaints"] = complaints(unit.name)
    if unit.account:
        _gather_of_user(located(unit), state, details, dependents)
    return state


def _gather_of_user(unit: LocatedUnit, state: HostState, details: bool, dependents: bool) -> None:
    """Read what is known where the user of the service is."""
    account = unit.account
    state["user"] = {
        "name": account.name,
        "group": account.group,
        "home": account.home,
        "uid": account.uid,
        "gid": account.gid,
    }
    state["settings"] = _settings_state(unit)
    state["origin"] = origin_state(Store(unit.name), state["settings"]["sha256"])
    state["disks"] = [*disk_problems(_places_of_user(unit), account), *disk_problems(_places_of_root(unit))]
    state["certificate"] = _certificate_state(unit, state["certificate"])
    state["login_page"] = read_login_page(unit)
    state["exposed"] = exposed_files(unit.user_dir, account, wanted_umask(unit.name))
    # Before anything here connects to the server.
    connected = connections() if dependents and not _has_proved_tls(unit) else []
    _gather_proof(unit, state)
    port = _plain_port(state) if dependents else None
    if port:
        from .dependents import dependents_state

        state["dependents"] = dependents_state(unit, port, connected, state["host"])
    if details:
        from .audit_details import gather_details

        state["details"] = gather_details(unit, unit.processes())


def _places_of_user(unit: LocatedUnit) -> list[str]:
    """Where a run writes with the rights of the service's user, with all links resolved."""
    certificate = os.path.join(unit.settings_directory, certificate_file(unit.settings_path))
    with unit.account.rights():
        places = (unit.settings_directory, unit.user_dir, unit.settings_path, certificate)
        return list(map(os.path.realpath, places))


def _places_of_root(unit: LocatedUnit) -> list[str]:
    """Where it writes as root."""
    return list(map(os.path.realpath, (os.path.dirname(DROP_IN % unit.name), Store(unit.name).path())))


def _status(unit: Unit) -> FileStatus | None:
    with rights_of(unit.account):
        return files.status(unit.user_dir) if unit.user_dir else None


def _host_identity() -> HostIdentity:
    name = socket.gethostname()
    hostname = name.split(".")[0]
    return {
        "hostname": hostname,
        "addresses": addresses(),
        "clock": int(time.time()),
        "fqdn": name if "." in name else fully_qualified_name(hostname),
    }


def _service_state(unit: Unit) -> ServiceState:
    return {
        "name": unit.name,
        "exists": unit.exists,
        "active": unit.active,
        "enabled": unit.properties.get("UnitFileState") in ENABLED,
        "reload_needed": unit.properties.get("NeedDaemonReload") == "yes",
        "environment_files": unit.environment_files,
        "drop_in": _string(files.read(DROP_IN % unit.name)),
        "environment": _string(files.read(ENVIRONMENT_FILE % unit.name)),
    }


def in_use(unit: LocatedUnit) -> bool | None:
    """Whether Node-RED loads the settings file that is meant; None where a script between them hides it."""
    if not unit.command_line.direct:
        return None
    with unit.account.rights():
        return os.path.realpath(unit.settings_path) == os.path.realpath(unit.settings_in_use)


def _string(content: bytes | None) -> str | None:
    return None if content is None else content.decode("utf-8", "replace")


def _base64(content: bytes | None) -> str | None:
    return None if content is None else base64.b64encode(content).decode("ascii")


def _settings_state(unit: LocatedUnit) -> SettingsState:
    content, status = files.read_with_status(unit.settings_path, unit.account, files.MAXIMUM_OF_TEXT)
    stock = None
    if content is None and unit.node_red_home:
        stock = files.read(os.path.join(unit.node_red_home, "settings.js"), unit.account, files.MAXIMUM_OF_TEXT)
    return {
        "path": unit.settings_path,
        "in_use": in_use(unit),
        "guessed": unit.settings_guessed,
        "status": status,
        "sha256": checksum(content),
        "content": _base64(content),
        "stock": _base64(stock),
    }


def _certificate_state(unit: LocatedUnit, missing: CertificateState) -> CertificateState:
    path = proxy_certificate(unit.name)
    content, status = files.read_with_status(path, None, files.MAXIMUM_OF_PEM)
    if content is None:
        path = os.path.join(unit.settings_directory, certificate_file(unit.settings_path))
        content, status = files.read_with_status(path, unit.account, files.MAXIMUM_OF_PEM)
    if content is None:
        return {**missing, "path": path}
    key, chain = split_pem(content)
    return {
        "path": path,
        "status": status,
        "chain": chain.decode("ascii", "replace"),
        "key": key is not None,
        "key_encrypted": b"ENCRYPTED" in (key or b""),
        "key_matches": bool(key and chain and key_matches(content)),
        "sha256": checksum(content),
    }


def _has_proved_tls(unit: LocatedUnit) -> bool:
    return bool((Store(unit.name).read(PROVED) or {}).get("expected", {}).get("tls"))


def _plain_port(state: HostState) -> int | None:
    """The port on which the running server speaks plain HTTP; None where it speaks TLS, or does not run."""
    proof = state["proof"]
    if proof and proof["expected"].get("proxy"):
        return None
    if proof:
        return proof["expected"]["port"] if state["service"]["active"] and not proof["expected"]["tls"] else None
    return next((endpoint["port"] for endpoint in state["endpoints"] if endpoint["http"]), None)


def _renewed(state: HostState) -> str:
    """The certificates that may have been put in place without a run: what certbot has, or what is followed."""
    source = state["source"]
    if state["follower"] and source and source["sha256"] == state["certificate"]["sha256"]:
        return source["certificates"]
    return state["acme"]["chain"] if state["acme"] else ""


def _way_back(store: Store, record: TransactionRecord | None, clock: int) -> WayBack | None:
    """What the host has lately gone back from by itself.

    That it could not go back is over as soon as what it had to undo is: by a run, by the host itself, or by hand.
    """
    way_back: WayBack | None = store.read(WENT_BACK)
    if way_back is None or clock - way_back["clock"] >= LATELY:
        return None
    if way_back["outcome"] == "failed" and (record is None or record["id"] != way_back["transaction"]):
        return None
    return way_back


def _gather_proof(unit: LocatedUnit, state: HostState) -> None:
    store = Store(unit.name)
    record: TransactionRecord | None = store.read(TRANSACTION)
    if record:
        state["transaction"] = {"id": record["id"]}
    state["went_back"] = _way_back(store, record, state["host"]["clock"])
    plan = record["credentials"] if record else None
    state["credentials"] = read_credentials(unit, plan["keys"] if plan else [])
    proved: CommittedProof | None = store.read(PROVED)
    if not proved:
        state["endpoints"] = endpoints(unit) if unit.active else []
    elif not unit.active:
        state["proof"] = {**proved, "failures": ["the service does not run"]}
    else:
        expected = certbot_lineage.expected_after_renewal(proved["expected"], _renewed(state), state["certificate"])
        state["proof"] = {**proved, "expected": expected, "failures": proxy_probe.prove(expected)}
