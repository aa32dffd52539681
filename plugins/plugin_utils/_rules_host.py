# Copyright (c) 2026, the pifleet.nodered maintainers
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Rules about a host: what it told of itself, and what it shows to a stranger on the network.

`check_host` finds; `RULES` has what it knows beside the rules of settings and certificates.
"""

from __future__ import annotations

import base64
import contextlib
import datetime
import os
import typing as t
from collections.abc import Iterator, Mapping

from . import _accounts, _rules_certificates, _rules_logins, _rules_settings
from ._credentials import Status, judge
from ._findings import Finding, Place, Rule, Severity
from ._javascript import SettingsError
from ._node_versions import new_enough
from ._outside import Expected
from ._pki import PkiError, fingerprint
from ._releases import advisories, end_of_support
from ._rules_base import Reading, RuleBook, is_loopback, shown
from ._rules_certificates import EXPIRED, SELF_SIGNED, check_certificate, covers
from ._rules_logins import (
    ADMIN_AUTH_LOCKED_OUT, ADMIN_AUTH_UNKNOWN, NODE_AUTH_MISSING, SOCKET_OPEN,
)
from ._rules_settings import SECRET_ABSENT, check_settings
from ._settings_document import SettingsDocument
from ._settings_file import MISSING

RULES = RuleBook()

_SECURE = "Run pifleet.nodered.secure."
_UPDATE = "Update it with Node-RED's own installer, then run pifleet.nodered.secure, which proves that all still works."

EDITOR_OPEN = RULES.add(
    "editor-open", Severity.CRITICAL, "The editor is open to the network",
    "A stranger was asked for no login: whoever reaches the port runs any command as the service's user.",
    "Set nodered_admin_users and run pifleet.nodered.secure.", "nodered_admin_users")
FLOWS_READABLE = RULES.add(
    "flows-readable", Severity.HIGH, "Strangers read the flows",
    "The flows were sent without a login, or to an invented token: the code of functions, addresses, names of users.",
    "Leave nodered_admin_default_permissions out and run pifleet.nodered.secure.", "nodered_admin_default_permissions")
CORS_OPEN = RULES.add(
    "cors-open-editor", Severity.CRITICAL, "Any web page may rewrite the flows",
    "Before 5.0, Node-RED allows every origin to read its answers. With an open editor, a page from anywhere that"
    " somebody in the network opens rewrites the flows, also where the port is closed to the outside.",
    "Set nodered_admin_users and run pifleet.nodered.secure.", "nodered_admin_users")
PLAIN_HTTP = RULES.add(
    "plain-http", Severity.HIGH, "The network is answered in plain HTTP",
    "Passwords, tokens and flows can be read and changed on the way.",
    _SECURE, "nodered_certificate_provider")
OLD_TLS = RULES.add(
    "old-tls", Severity.MEDIUM, "TLS 1.0 or 1.1 is accepted",
    "Both have been deprecated since 2021 (RFC 8996); an attacker between may choose them.",
    "Remove minVersion from https and Node.js options such as --tls-min-v1.0, or run pifleet.nodered.secure.",
    "nodered_certificate_provider")
TLS_BROKEN = RULES.add(
    "tls-broken", Severity.HIGH, "No TLS handshake succeeds",
    "The port takes connections, and speaks neither TLS nor HTTP: nobody gets at the editor.",
    _SECURE, "nodered_certificate_provider")
NODE_AUTH_NOT_ASKED = RULES.add(
    "login-not-asked", Severity.HIGH, "A login that is set is not asked for",
    "httpNodeAuth or httpStaticAuth stands in settings.js, and a stranger was answered without it.",
    _SECURE, "nodered_node_auth")

CERTIFICATE_NOT_SERVED = RULES.add(
    "certificate-not-served", Severity.MEDIUM, "Another certificate is served than the installed one",
    "Node-RED still has a former one, or never read the new one. It takes up to 72 seconds after a renewal.",
    _SECURE, "nodered_certificate_provider")
KEY_MISMATCH = RULES.add(
    "certificate-key-mismatch", Severity.HIGH, "The private key does not fit the certificate",
    "Node-RED goes on with the former pair and ends at its next start, with status 0.",
    _SECURE, "nodered_certificate_provider")
WRONG_NAME = RULES.add(
    "certificate-wrong-name", Severity.MEDIUM, "The certificate is not for the name of the host",
    "It covers neither the address at which the control node reaches the host nor its name in the inventory, so that"
    " browsers warn.",
    "Add the name to nodered_certificate_names and run pifleet.nodered.secure.", "nodered_certificate_names")
ISSUER_UNKNOWN = RULES.add(
    "certificate-issuer-unknown", Severity.MEDIUM, "The certificate is from an issuer that nobody here knows",
    "Neither the fleet's authority nor the system's list vouches for it. Set nodered_ca_dir or nodered_ca_certificate if"
    " the authority is elsewhere.",
    _SECURE, "nodered_ca_dir")
KEY_READABLE = RULES.add(
    "private-key-readable", Severity.HIGH, "Others on the host may read the private key",
    "Whoever has the key can pretend to be this server.",
    _SECURE)

SETTINGS_GONE = RULES.add(
    "settings-missing", Severity.CRITICAL, "There is no settings file",
    "At its next start Node-RED puts its own in place, which has no login.",
    "Set nodered_admin_users and run pifleet.nodered.secure.", "nodered_admin_users")
SETTINGS_UNUSED = RULES.add(
    "settings-not-in-use", Severity.HIGH, "Node-RED loads another settings file",
    "Its command line or its environment names one, so that what this file says does not count.",
    "Leave nodered_settings_path and nodered_user_dir out, or correct the service.", "nodered_settings_path")
SETTINGS_OVERRIDDEN = RULES.add(
    "settings-overridden", Severity.HIGH, "The service overrides settings that protect",
    "What the command line or the environment of the service defines wins over settings.js.",
    "Remove it there: systemctl cat and the service's environment files show it.")
SETTINGS_WRITABLE = RULES.add(
    "settings-writable", Severity.HIGH, "Others on the host may write settings.js",
    "It is code that Node-RED runs at its start.",
    "Take the right to write from group and others.")
SECRETS_READABLE = RULES.add(
    "secrets-readable", Severity.HIGH, "Others on the host may read secrets of Node-RED",
    "Tokens of logins, credentials, the key that decrypts them and password hashes lie in the userDir.",
    _SECURE)
CREDENTIALS_LOST = RULES.add(
    "credentials-lost", Severity.HIGH, "Node-RED cannot decrypt the credentials of its flows",
    "Their secret was lost or changed. The flows run without the passwords of their brokers and services, and the next"
    " deploy overwrites the credentials with nothing.",
    "Run pifleet.nodered.restore before anybody deploys.", "nodered_credential_secret")
SESSION_OUTLIVES = RULES.add(
    "session-outlives-rights", Severity.MEDIUM, "A login has more rights than its user",
    "Node-RED keeps the rights of a login for seven days, whatever becomes of the user's permissions.",
    "Run pifleet.nodered.secure with the user in nodered_revoke_sessions.", "nodered_revoke_sessions")

UMASK = RULES.add(
    "service-umask", Severity.MEDIUM, "Node-RED writes files that others may read",
    "It writes tokens and credentials anew at every change, so that closing the files once does not last.",
    _SECURE)
NOT_HARDENED = RULES.add(
    "service-not-hardened", Severity.LOW, "The service is not hardened",
    "NoNewPrivileges keeps what breaks into Node-RED from becoming root by sudo. pifleet.nodered.secure does not set it,"
    " because flows that call sudo or ping need the contrary; with its drop-in file, which closes the umask, this is not"
    " said.",
    "Run pifleet.nodered.secure; set NoNewPrivileges=yes in a drop-in file of your own where no flow calls sudo.")
RUNS_AS_ROOT = RULES.add(
    "service-root", Severity.HIGH, "Node-RED runs as root",
    "Whoever may edit flows is root on the host.",
    "Run the service as a user of its own; groups such as gpio and dialout give it the hardware.")
NOT_RUNNING = RULES.add(
    "service-not-running", Severity.MEDIUM, "The service does not run",
    "Node-RED ends with status 0 where its certificate is wrong, so that systemd does not start it again.",
    _SECURE)
NOT_ENABLED = RULES.add(
    "service-not-enabled", Severity.LOW, "The service does not start with the host",
    "After a power failure nothing runs. Node-RED's installer leaves that step to you.",
    _SECURE)
TRANSACTION_PENDING = RULES.add(
    "transaction-pending", Severity.MEDIUM, "A run was interrupted before it proved its changes",
    "Files were replaced, and nobody knows whether Node-RED works with them.",
    "Run pifleet.nodered.secure, which finishes or undoes it.")
PROOF_FAILED = RULES.add(
    "proof-failed", Severity.MEDIUM, "The server does not show any more what it was proved to show",
    "Somebody changed something since the last run of pifleet.nodered.secure.",
    _SECURE)

NODE_RED_OLD = RULES.add(
    "node-red-out-of-support", Severity.MEDIUM, "Node-RED gets no corrections any more",
    "Faults found from now on stay. The days are those that the project published.",
    _UPDATE)
NODE_RED_ADVISORY = RULES.add(
    "node-red-advisory", Severity.HIGH, "This release of Node-RED has a published fault",
    "How to use the fault is public.",
    _UPDATE)
NODE_OLD = RULES.add(
    "node-out-of-support", Severity.MEDIUM, "Node.js gets no corrections any more",
    "Faults found from now on stay. Not said of Debian's own package, which Debian corrects as long as the release.",
    _UPDATE)
NODE_UNFIT = RULES.add(
    "node-too-old", Severity.MEDIUM, "Node.js is too old for this Node-RED",
    "It wants a newer one: what it needs may be missing, and nobody tests it so.",
    _UPDATE)

#: Everything that `check_host` applies, by its identifiers.
APPLIED = (*_rules_settings.RULES, *_rules_logins.RULES, *_rules_certificates.RULES, *RULES)

#: Settings whose definition elsewhere decides who gets in.
_DECISIVE = ("", "adminAuth", "https", "httpNodeAuth", "httpStaticAuth", "credentialSecret", "requireHttps", "httpAdminAuth")
_DEBIANS_NODE = ("/usr/bin/node", "/usr/bin/nodejs")


def check_host(
    state: Mapping[str, t.Any], view: Mapping[str, t.Any] | None, subject: str, today: datetime.date
) -> list[Finding]:
    """Everything about one host: its settings, what it told, and what it shows.

    :param state: what `pifleet.nodered.info` returned with its details; the text of the settings as bytes or in Base64
    :param view: what `_outside.look` returned; None where nobody looked
    """
    host = _Host(state, view, subject, today)
    found = [finding for check in _CHECKS for finding in check(host)]
    # Two rules may see the same fault; the first one has the line.
    return list({finding.fingerprint: finding for finding in reversed(found)}.values())[::-1]


def port_of(state: Mapping[str, t.Any]) -> int | None:
    """The port on which the Node-RED of a host answers the network; None where it has none, or for the host alone."""
    listening = [(address, port) for address, port in (state.get("details") or {}).get("listening", ())
                 if not is_loopback(address)]
    ports = {port for _address, port in listening}
    reading = _Host(state, None, "", datetime.date.min).reading
    wanted = [(state["proof"] or {}).get("expected", {}).get("port"), *(seen["port"] for seen in state["endpoints"]),
              reading.get("uiPort") if reading else None, 1880]
    # No other one: flows may listen too, on ports where a stray request does harm.
    return next((int(port) for port in wanted if str(port) in map(str, ports)), None)


def expected_outside(state: Mapping[str, t.Any]) -> Expected:
    """Where a Node-RED answers, as far as its settings.js says."""
    reading = _Host(state, None, "", datetime.date.min).reading
    if reading is None:
        return Expected("/")
    return Expected(_root(reading, "httpAdminRoot"), tuple(_logins(reading)))


def _root(reading: Reading, key: str) -> str | None:
    """One of Node-RED's roots; None where it is switched off."""
    value = reading.get("httpRoot") if reading.has("httpRoot") else reading.get(key)
    return None if value is False else value if isinstance(value, str) else "/"


def _logins(reading: Reading) -> Iterator[tuple[str, str]]:
    """The roots at which a Basic login has to be asked for, each with its setting."""
    root = _root(reading, "httpNodeRoot")
    if root is not None and isinstance(reading.get("httpNodeAuth"), dict):
        yield root, "httpNodeAuth"
    statics = reading.get("httpStatic")
    if reading.is_off("httpStatic") or not isinstance(reading.get("httpStaticAuth"), dict):
        return
    base = reading.get("httpStaticRoot")
    for entry in statics if isinstance(statics, list) else [statics]:
        if isinstance(entry, (str, dict)):
            own = entry.get("root", "") if isinstance(entry, dict) else ""
            yield f"{base if isinstance(base, str) else ''}/{own if isinstance(own, str) else ''}", "httpStaticAuth"


class _Host:
    """What is known of one host."""

    def __init__(
        self, state: Mapping[str, t.Any], view: Mapping[str, t.Any] | None, subject: str, today: datetime.date
    ) -> None:
        self.state = state
        self.view = view or {}
        self.subject = subject
        self.today = today
        self.details = state.get("details") or {}
        self.file = state["settings"]["path"] or ""
        content = state["settings"]["content"]
        self.source = base64.b64decode(content) if isinstance(content, str) else content
        self.reading = self._reading()

    def _reading(self) -> Reading | None:
        try:
            return None if self.source is None else Reading(self.source, self.subject, self.file, False)
        except (SettingsError, RecursionError, UnicodeError):
            return None

    def finding(self, rule: Rule, message: str, detail: str = "", file: str = "") -> Finding:
        return Finding(rule, self.subject, message, Place(file), detail)

    @property
    def saw_node_red(self) -> bool:
        """Whether something that looks like Node-RED answered the control node."""
        return bool(self.view.get("reachable")) and self.view.get("login") is not None

    @property
    def asks_for_login(self) -> bool:
        """Whether the control node was refused as a stranger and offered a login."""
        return bool(self.view.get("login")) and self.view.get("settings_status") == 401


# ----------------------------------------------------------------------------------------------------------------------
# Seen from the network


def _editor(host: _Host) -> Iterator[Finding]:
    view = host.view
    if not host.saw_node_red:
        return
    where = f"Port {view['port']}"
    statuses = (view.get("settings_status"), view.get("flows_status"))
    if not view["login"] and 200 in statuses:
        yield host.finding(EDITOR_OPEN, f"{where} shows the editor to a stranger, with the right to change the flows.")
        if view.get("cors") == "*":
            yield host.finding(CORS_OPEN, f"{where} lets every web page use the open editor.")
    elif not view["login"] and 401 in statuses:
        yield host.finding(ADMIN_AUTH_LOCKED_OUT, f"{where} refuses everybody and offers no login.", file=host.file)
    elif 200 in (*statuses, view.get("token_status")):
        yield host.finding(FLOWS_READABLE, f"{where} sends settings or flows to a stranger.")


def _transport(host: _Host) -> Iterator[Finding]:
    view = host.view
    if not view.get("reachable"):
        return
    if view.get("plain_http") and not is_loopback(view["address"]):
        yield host.finding(PLAIN_HTTP, f"Port {view['port']} answers plain HTTP.")
    if view.get("old_tls"):
        yield host.finding(OLD_TLS, f"Port {view['port']} accepts {view['old_tls']}.")
    if not any(view.get(protocol) for protocol in ("tls", "old_tls", "plain_http")):
        yield host.finding(TLS_BROKEN, f"Port {view['port']} speaks neither TLS nor HTTP.")
    for path, setting in view.get("not_asked", ()):
        yield host.finding(NODE_AUTH_NOT_ASKED, f"{path} is answered without the login of {setting}.", setting)


def _certificate(host: _Host) -> Iterator[Finding]:
    installed, served = host.state["certificate"], host.view.get("certificate")
    path = installed["path"] or ""
    if installed["chain"] and installed["key_fits"] is False:
        yield host.finding(KEY_MISMATCH, f"The key in {path} does not fit its certificate.", file=path)
    if installed["key"] and installed["status"] and int(installed["status"]["mode"], 8) & 0o077:
        yield host.finding(KEY_READABLE, f"{path} has the mode {installed['status']['mode']}.", file=path)
    pem = served or (installed["chain"] if host.reading and host.reading.has("https") else None)
    if not pem:
        return
    found = list(check_certificate(pem, host.today, lambda rule, message: host.finding(rule, message, file=path)))
    yield from found
    rules = {finding.rule for finding in found}
    try:
        if served:
            names = [name for name in (host.view["address"], host.subject) if not is_loopback(name)]
            if names and not any(covers(pem, name) for name in names):
                yield host.finding(WRONG_NAME, f"The certificate is not for {' or '.join(names)}.")
            if host.view.get("trusted") is False and not rules & {SELF_SIGNED, EXPIRED}:
                yield host.finding(ISSUER_UNKNOWN, "The certificate was issued by an authority that is not known here.")
            if installed["chain"] and _is_ours(host) and fingerprint(installed["chain"]) != fingerprint(served):
                yield host.finding(CERTIFICATE_NOT_SERVED, f"Another certificate is served than that in {path}.", file=path)
    except PkiError:
        # A rule for what cannot be read has said so.
        return


def _is_ours(host: _Host) -> bool:
    """Whether settings.js has the https function of this collection, which reads the installed file."""
    node = host.reading.settings.node(("https",)) if host.reading else None
    return node is not None and b"server.pem" in (node.text or b"")


# ----------------------------------------------------------------------------------------------------------------------
# Told by the host


def _settings(host: _Host) -> Iterator[Finding]:
    found = host.state["settings"]
    if host.source is None:
        yield host.finding(SETTINGS_GONE, f"There is no {host.file}.", file=host.file)
    else:
        for finding in check_settings(host.source, host.subject, host.file, host.today):
            # What the file leaves open, the server has answered.
            if finding.rule is not ADMIN_AUTH_UNKNOWN or not host.asks_for_login:
                yield finding
    if found["in_use"] is False:
        yield host.finding(SETTINGS_UNUSED, f"The service does not load {host.file}.", file=host.file)
    if found["status"] and _others_may_write(found["status"], host.state["user"]):
        yield host.finding(SETTINGS_WRITABLE, f"{host.file} has the mode {found['status']['mode']}.", file=host.file)
    for override in host.state["overrides"]:
        key = override["path"][0] if override["path"] else ""
        if key in _DECISIVE:
            yield host.finding(
                SETTINGS_OVERRIDDEN, f"{shown(key) or 'Any setting'} may be set by {shown(override['by'])}.",
                f"{shown(key)} {shown(override['by'])}")


def _others_may_write(status: Mapping[str, t.Any], user: Mapping[str, t.Any] | None) -> bool:
    """Whether somebody else than root and the service's user may write a file. The user's own group is taken for the user."""
    mode = int(status["mode"], 8)
    return bool(mode & 0o002 or (mode & 0o020 and status["gid"] not in (0, user["gid"] if user else 0)))


def _exposed(host: _Host) -> list[str]:
    """The files with secrets that others may read: the user's own, and a settings.js of root in an open folder."""
    found, folder = host.state["settings"], host.state["user_dir"]
    is_below = folder["path"] and host.file.startswith(folder["path"].rstrip("/") + "/")
    is_closed = is_below and folder["status"] and not int(folder["status"]["mode"], 8) & 0o001
    if found["status"] and int(found["status"]["mode"], 8) & 0o004 and not is_closed:
        return sorted({*host.state["exposed"], host.file})
    return sorted(host.state["exposed"])


def _files(host: _Host) -> Iterator[Finding]:
    exposed = _exposed(host)
    if exposed:
        # One finding, because Node-RED makes and removes some of the files as it goes.
        names = ", ".join(shown(os.path.basename(path)) for path in exposed)
        yield host.finding(SECRETS_READABLE, f"Other users may read {names}.", file=host.state["user_dir"]["path"] or "")
    generated = any(os.path.basename(path).startswith((".config.runtime.json", ".config.json")) for path in exposed)
    if generated and host.reading and host.reading.get("credentialSecret") is MISSING:
        yield host.finding(SECRET_ABSENT, "Node-RED's generated key may be read by others.", file=host.file)


def _credentials(host: _Host) -> Iterator[Finding]:
    if host.reading is None or host.source is None:
        return
    with contextlib.suppress(SettingsError):
        found = judge(host.state, SettingsDocument(host.source))
        if found.status is Status.LOST:
            yield host.finding(CREDENTIALS_LOST, f"{found.reason[0].upper()}{found.reason[1:]}.",
                               file=found.path or host.state["user_dir"]["path"] or "")


def _sessions(host: _Host) -> Iterator[Finding]:
    if host.reading is None or not isinstance(host.reading.get("adminAuth", "users"), (list, dict)):
        return
    users = host.reading.get("adminAuth", "users")
    permissions = {user["username"]: user.get("permissions") for user in ([users] if isinstance(users, dict) else users)
                   if isinstance(user, dict) and isinstance(user.get("username"), str)}
    for name in dict.fromkeys(session["user"] for session in host.details.get("sessions", ())):
        scopes = [session["scope"] for session in host.details["sessions"] if session["user"] == name]
        # A user who is gone cannot use a login any more.
        if name in permissions and any(_exceeds(scope, permissions[name]) for scope in scopes):
            yield host.finding(SESSION_OUTLIVES, f"A login of {shown(name)} has rights that its user has not.", shown(name))


def _exceeds(scope: t.Any, permissions: t.Any) -> bool:
    """Whether a login's rights are more than a user's permissions."""
    rights = scope if isinstance(scope, list) else [scope]
    return not _accounts.covers(permissions, [right for right in rights if right])


def _flows(host: _Host) -> Iterator[Finding]:
    """What the flows offer to the network without a login."""
    reading, files = host.reading, host.details.get("flows", {})
    if reading is None or any(reading.get(key) is False for key in ("httpRoot", "httpNodeRoot")):
        return
    named = reading.get("flowFile")
    kinds = {kind for name, found in files.items() if not isinstance(named, str) or name == os.path.basename(named)
             for kind in found}
    if kinds & {"http in", "ui_base", "ui-base"} and reading.is_off("httpNodeAuth") and reading.is_off("httpAuth"):
        what = "a dashboard" if kinds & {"ui_base", "ui-base"} else "an HTTP endpoint"
        yield host.finding(NODE_AUTH_MISSING, f"The flows have {what}, and httpNodeAuth is not set.", file=host.file)
    if reading.is_off("httpNodeAuth"):
        return
    for kind, key in (("ui_base", "ui"), ("ui-base", "dashboard")):
        if kind in kinds and reading.is_off(key, "ioMiddleware") and reading.is_off("ui", "ioMiddleware"):
            yield host.finding(SOCKET_OPEN, f"The flows have a dashboard, and {key} has no ioMiddleware.", key, host.file)
    if "websocket-listener" in kinds and reading.is_off("webSocketNodeVerifyClient"):
        yield host.finding(
            SOCKET_OPEN, "The flows have a web socket, and webSocketNodeVerifyClient is not set.", "websocket", host.file)


def _service(host: _Host) -> Iterator[Finding]:
    service, user = host.state["service"], host.state["user"]
    if user and user["uid"] == 0:
        yield host.finding(RUNS_AS_ROOT, f"{service['name']} runs as root.")
    if not service["active"]:
        yield host.finding(NOT_RUNNING, f"{service['name']} does not run.")
    if not service["enabled"]:
        yield host.finding(NOT_ENABLED, f"{service['name']} is not enabled.")
    umask = host.details.get("umask")
    if umask and not int(umask, 8) & 0o077 == 0o077:
        yield host.finding(UMASK, f"The umask of {service['name']} is {umask}.")
    if host.details and not host.details["no_new_privileges"] and not service["drop_in"]:
        yield host.finding(NOT_HARDENED, f"{service['name']} has neither NoNewPrivileges nor the collection's drop-in file.")
    if host.state["transaction"]:
        yield host.finding(TRANSACTION_PENDING, "A transaction is open.")
    failures = (host.state["proof"] or {}).get("failures", [])
    if failures and service["active"]:
        yield host.finding(PROOF_FAILED, f"Since the last proof: {'; '.join(failures)}.")


def _versions(host: _Host) -> Iterator[Finding]:
    node_red, node = host.state["node_red"], host.state["node"]
    if node_red["version"]:
        end = end_of_support("node_red", node_red["version"])
        if end and end < host.today:
            yield host.finding(NODE_RED_OLD, f"Node-RED {node_red['version']} was supported until {end}.")
        for advisory in advisories(node_red["version"]):
            yield host.finding(
                NODE_RED_ADVISORY, f"Node-RED {node_red['version']} has {advisory.identifier}: {advisory.title}."
                f" {advisory.fixed} has it no more.", advisory.identifier)
    if not node["version"]:
        return
    end = end_of_support("node", node["version"])
    debians = node["path"] in _DEBIANS_NODE and "dfsg" in (host.details.get("node_package") or "")
    if end and end < host.today and not debians:
        yield host.finding(NODE_OLD, f"Node.js {node['version']} was supported until {end}.")
    try:
        if node_red["node"] and not new_enough(node["version"], node_red["node"]):
            yield host.finding(NODE_UNFIT, f"Node.js {node['version']} is there, and Node-RED wants {node_red['node']}.")
    except ValueError:
        # A range of another form says nothing.
        return


_CHECKS = (_settings, _editor, _transport, _certificate, _files, _credentials, _sessions, _flows, _service, _versions)
