# Copyright (c) 2026, the pifleet.nodered maintainers
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Everything about one Node-RED that can be read without changing it and without starting a program but systemctl."""

from __future__ import annotations

import contextlib
import fcntl
import glob
import ipaddress
import os
import re
import socket
import ssl
import stat
import struct
import time

from ansible_collections.pifleet.nodered.plugins.module_utils import _acme as acme
from ansible_collections.pifleet.nodered.plugins.module_utils import _files as files
from ansible_collections.pifleet.nodered.plugins.module_utils import _probe as probe
from ansible_collections.pifleet.nodered.plugins.module_utils._command_line import overrides
from ansible_collections.pifleet.nodered.plugins.module_utils._credentials import read_credentials
from ansible_collections.pifleet.nodered.plugins.module_utils._details import gather_details
from ansible_collections.pifleet.nodered.plugins.module_utils._transaction import Store, Transaction
from ansible_collections.pifleet.nodered.plugins.module_utils._unit import Unit

#: How every module of this collection is told which Node-RED is meant.
HOST_ARGUMENTS = {
    "service": {"type": "str", "default": "nodered"},
    "user": {"type": "str"},
    "user_dir": {"type": "path"},
    "settings_path": {"type": "path"},
}

#: Private key, certificate and intermediate certificates in one file: it is replaced in one rename and read by one
#: call, so that nobody ever sees a key beside a certificate that it does not fit.
CERTIFICATE_FILE = "nodecerts/server.pem"

#: States of a unit file to which `systemctl enable` can add nothing.
ENABLED = ("enabled", "enabled-runtime", "static", "generated", "indirect", "alias")

#: What the service is given besides its unit: a drop-in file, and an environment file that the drop-in names.
DROP_IN = "/etc/systemd/system/%s.d/50-pifleet.conf"
ENVIRONMENT_FILE = "/etc/systemd/system/%s.d/50-pifleet.environment"

#: What Node-RED writes into its userDir that holds tokens, credentials or flows (with the copies it keeps).
SECRET_FILES = (
    "settings.js", ".sessions.json*", ".config*.json*", "*_cred.json*", ".*_cred.json*", "flows*.json*", ".flows*.json*",
    "environment",
)

_CERTIFICATE = re.compile(rb"-----BEGIN CERTIFICATE-----.+?-----END CERTIFICATE-----\r?\n?", re.DOTALL)
_PRIVATE_KEY = re.compile(rb"-----BEGIN (?:[A-Z]+ )?PRIVATE KEY-----.+?-----END (?:[A-Z]+ )?PRIVATE KEY-----\r?\n?",
                          re.DOTALL)
#: Bridges and the like, which belong to containers and virtual machines and not to the network around the host.
_VIRTUAL = re.compile(r"lo$|docker|br-|veth|virbr|cni|podman")
_SIOCGIFADDR = 0x8915
#: Flags of /proc/net/if_inet6 (linux/if_addr.h): temporary, deprecated, tentative.
_PASSING = 0x01 | 0x20 | 0x40


def addresses():
    """Addresses that last: no loopback, no link-local, no temporary IPv6 address, none of a container's bridge."""
    found = []
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        for _index, name in socket.if_nameindex():
            if not _VIRTUAL.match(name):
                with contextlib.suppress(OSError):
                    request = struct.pack("256s", name[:15].encode())
                    found.append(ipaddress.ip_address(fcntl.ioctl(sock.fileno(), _SIOCGIFADDR, request)[20:24]))
    with contextlib.suppress(OSError), open("/proc/net/if_inet6", encoding="ascii") as stream:
        for line in stream:
            fields = line.split()
            if not _VIRTUAL.match(fields[5]) and not int(fields[4], 16) & _PASSING:
                found.append(ipaddress.ip_address(bytes.fromhex(fields[0])))
    return [str(address) for address in found if not address.is_loopback and not address.is_link_local]


def fully_qualified_name(hostname):
    """The host's full name as /etc/hosts has it; a resolver is not asked, because a host offline would wait for it."""
    for line in (files.read("/etc/hosts") or b"").decode("utf-8", "replace").splitlines():
        names = line.partition("#")[0].split()[1:]
        if hostname in names and names[0].startswith(hostname + "."):
            return names[0]
    return hostname


def split_pem(content):
    """The private key and the certificates of a PEM file, each None or empty where there is none."""
    key = _PRIVATE_KEY.search(content or b"")
    return (key.group(0) if key else None), b"".join(_CERTIFICATE.findall(content or b""))


def key_fits(path, account):
    """Whether the private key in a PEM file belongs to its first certificate; False for an encrypted key."""
    with account.rights():
        try:
            # A password that cannot be right, because the library would ask on the terminal otherwise.
            ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(path, password="")
        except (ssl.SSLError, ValueError, OSError):
            return False
    return True


def exposed_files(user_dir, account):
    """The user's own files of the userDir, and the folder itself, whose secrets other users of the host may read."""
    found = []
    with account.rights():
        # The folder may be a link, to another disk for example.
        folder = os.path.realpath(user_dir)
        for pattern, kind in (("", stat.S_ISDIR), *((pattern, stat.S_ISREG) for pattern in SECRET_FILES)):
            for path in glob.glob(os.path.join(glob.escape(folder), pattern)) if pattern else [folder]:
                with contextlib.suppress(OSError):
                    status = os.lstat(path)
                    others = 0o007 if pattern == "settings.js" else 0o077
                    if kind(status.st_mode) and status.st_uid == account.uid and status.st_mode & others:
                        found.append(path)
    return found


def processes(control_group):
    """The process ids of a service."""
    for base in ("/sys/fs/cgroup", "/sys/fs/cgroup/systemd", "/sys/fs/cgroup/unified"):
        with contextlib.suppress(OSError), open(base + control_group + "/cgroup.procs", encoding="ascii") as stream:
            return [int(line) for line in stream]
    return []


def service_processes(unit):
    """The process ids of a unit, none where it does not run."""
    if not unit.main_pid:
        return []
    return processes(unit.properties.get("ControlGroup", "")) or [unit.main_pid]


def endpoints(unit):
    """What the running service shows on each of its ports that speaks HTTP."""
    if not unit.main_pid:
        return []
    pids = service_processes(unit)
    listening = probe.listening(pids)
    if not listening:
        # In a container root may not look into the processes of others; the same user may.
        with unit.account.rights():
            listening = probe.listening(pids)
    # Flows may listen too, on ports where a stray request does harm: those are asked only where no other is known.
    proved = (Store(unit.name).read("proved.json") or {}).get("expected", {}).get("port")
    usual = {str(port) for port in (proved, unit.command_line.last("port"), unit.environment.get("PORT"), 1880)}
    likely = [endpoint for endpoint in listening if str(endpoint[1]) in usual]
    seen = [probe.observe(probe.reachable(address), port) for address, port in likely or listening]
    return [endpoint for endpoint in seen if endpoint["tls"] or endpoint["http"]]


def gather(service, user=None, user_dir=None, settings_path=None, details=False):
    """The state of one Node-RED as a dictionary; the texts of the settings are bytes.

    ``details`` adds what only an audit wants to know.
    """
    unit = Unit(service, user, user_dir, settings_path)
    name = socket.gethostname()
    hostname = name.split(".")[0]
    state = {
        "host": {"hostname": hostname, "addresses": addresses(), "clock": int(time.time()),
                 "fqdn": name if "." in name else fully_qualified_name(hostname)},
        "service": {
            "name": unit.name, "exists": unit.exists, "active": unit.active,
            "enabled": unit.properties.get("UnitFileState") in ENABLED,
            "reload_needed": unit.properties.get("NeedDaemonReload") == "yes",
            "environment_files": unit.environment_files,
            "drop_in": _text(files.read(DROP_IN % unit.name)),
            "environment": _text(files.read(ENVIRONMENT_FILE % unit.name)),
        },
        "user": None,
        "node": dict(zip(("path", "version"), unit.node())),
        "node_red": {"path": unit.node_red_home, "version": unit.node_red_version, "node": unit.node_engine},
        "overrides": overrides(unit.command_line, unit.environment, unit.working_directory),
        "user_dir": {"path": unit.user_dir, "status": files.status(unit.user_dir) if unit.user_dir else None},
        "settings": {"path": unit.settings_path, "in_use": in_use(unit), "status": None, "sha256": "", "content": None,
                     "stock": None},
        "certificate": {"path": None, "status": None, "chain": None, "key": False,
                        "key_encrypted": False, "key_fits": None, "sha256": ""},
        "credentials": None,
        "acme": acme.read(unit.name),
        "exposed": [],
        "endpoints": [],
        "proof": None,
        "transaction": None,
        "details": None,
    }
    if not unit.account:
        return state
    state["user"] = {"name": unit.account.name, "group": unit.account.group, "home": unit.account.home,
                     "uid": unit.account.uid, "gid": unit.account.gid}
    _gather_settings(unit, state["settings"])
    _gather_certificate(unit, state["certificate"])
    state["exposed"] = exposed_files(unit.user_dir, unit.account)
    _gather_proof(unit, state)
    if details:
        state["details"] = gather_details(unit, service_processes(unit))
    return state


def in_use(unit):
    """Whether Node-RED loads the settings file that is meant; None where a script between hides it."""
    if not unit.command_line.direct:
        return None
    return os.path.realpath(unit.settings_path) == os.path.realpath(unit.settings_in_use)


def _text(content):
    return None if content is None else content.decode("utf-8", "replace")


def _gather_settings(unit, found):
    content, status = files.read_with_status(unit.settings_path, unit.account)
    found.update(content=content, sha256=files.checksum(content), status=status)
    if content is None and unit.node_red_home:
        found["stock"] = files.read(os.path.join(unit.node_red_home, "settings.js"))


def _gather_certificate(unit, found):
    found["path"] = os.path.join(unit.settings_folder, CERTIFICATE_FILE)
    content, status = files.read_with_status(found["path"], unit.account)
    if content is not None:
        key, chain = split_pem(content)
        found.update(status=status, chain=chain.decode("ascii", "replace"), key=key is not None,
                     key_encrypted=b"ENCRYPTED" in (key or b""),
                     key_fits=bool(key and chain and key_fits(found["path"], unit.account)), sha256=files.checksum(content))


def _gather_proof(unit, state):
    store = Store(unit.name)
    transaction = Transaction(store)
    plan = {}
    if transaction.open:
        state["transaction"] = {"id": transaction.identifier}
        plan = transaction.record.get("credentials") or {}
    state["credentials"] = read_credentials(unit, plan.get("keys", []))
    proved = store.read("proved.json")
    if not unit.active:
        if proved:
            state["proof"] = {**proved, "failures": ["the service does not run"]}
        return
    if proved:
        expected = acme.expected_after_renewal(proved["expected"], state["acme"], state["certificate"])
        state["proof"] = {**proved, "expected": expected, "failures": probe.prove(expected)}
    else:
        state["endpoints"] = endpoints(unit)
