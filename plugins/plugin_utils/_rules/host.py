# Copyright (c) 2026, the pifleet.nodered maintainers
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Rules about a host: what it told of itself, and what it shows to a stranger on the network.

`check_host` finds; `RULES` has what it knows beside the rules of settings and certificates.
"""

from __future__ import annotations

import contextlib
import datetime
import os
import typing as t
from collections.abc import Iterator, Mapping

from ansible_collections.pifleet.nodered.plugins.module_utils._shared.probe import is_loopback
from ansible_collections.pifleet.nodered.plugins.module_utils._shared.sentences import of_way_back
from ansible_collections.pifleet.nodered.plugins.plugin_utils._accounts.users import covers
from ansible_collections.pifleet.nodered.plugins.plugin_utils._credentials.analysis import Status, analyse
from ansible_collections.pifleet.nodered.plugins.plugin_utils._findings.model import Finding, Severity
from ansible_collections.pifleet.nodered.plugins.plugin_utils._javascript.parser import SettingsError
from ansible_collections.pifleet.nodered.plugins.plugin_utils._javascript.values import printable_name
from ansible_collections.pifleet.nodered.plugins.plugin_utils._pki.certificates import describe, fingerprint
from ansible_collections.pifleet.nodered.plugins.plugin_utils._pki.name_constraints import is_constrained
from ansible_collections.pifleet.nodered.plugins.plugin_utils._pki.names import PkiError
from ansible_collections.pifleet.nodered.plugins.plugin_utils._settings.document import SettingsDocument
from ansible_collections.pifleet.nodered.plugins.plugin_utils._settings.login_page import is_used
from ansible_collections.pifleet.nodered.plugins.plugin_utils._settings.roots import NODE_ROOT, is_switched_off
from ansible_collections.pifleet.nodered.plugins.plugin_utils._settings.source import MISSING

from .base import SECURE, RuleBook
from .certificates import EXPIRED, SELF_SIGNED, check_certificate, covers_name
from .host_view import Host
from .login_page import check_login_page
from .logins import ADMIN_AUTH_UNKNOWN, NODE_AUTH_MISSING, SOCKET_OPEN
from .network import check_editor, check_transport
from .proxy import check_proxy
from .settings import SECRET_ABSENT, check_settings
from .versions import check_versions

RULES = RuleBook()


CERTIFICATE_NOT_SERVED = RULES.add(
    "certificate-not-served",
    Severity.MEDIUM,
    "Another certificate is served than the installed one",
    "Node-RED still has a former one, or never read the new one. It takes up to 72 seconds after a renewal.",
    SECURE,
    "nodered_certificate_provider",
)

KEY_MISMATCH = RULES.add(
    "certificate-key-mismatch",
    Severity.HIGH,
    "The private key does not fit the certificate",
    "Node-RED goes on with the former pair and ends at its next start, with status 0.",
    SECURE,
    "nodered_certificate_provider",
)

WRONG_NAME = RULES.add(
    "certificate-wrong-name",
    Severity.MEDIUM,
    "The certificate is not for the name of the host",
    "It covers neither the address at which the control node reaches the host nor its name in the inventory, so that"
    " browsers warn.",
    "Add the name to nodered_certificate_names and run pifleet.nodered.secure.",
    "nodered_certificate_names",
)

ISSUER_UNKNOWN = RULES.add(
    "certificate-issuer-unknown",
    Severity.MEDIUM,
    "The certificate is from an issuer that nobody here knows",
    "Neither the fleet's authority nor the list of authorities of the control node vouches for it.",
    "If the certificate is your own (nodered_certificate_provider is file or host), name its authority: put that in PEM into"
    " nodered_ca_certificate, or into the list of the control node (update-ca-certificates). If the fleet's authority is"
    " elsewhere, set nodered_ca_dir. Else run pifleet.nodered.secure.",
    "nodered_ca_certificate",
)

AUTHORITY_NOT_CONSTRAINED = RULES.add(
    "authority-not-constrained",
    Severity.MEDIUM,
    "The fleet's certificate authority may sign for every name",
    "Browsers that trust it accept what it signs for any site. Whoever gets hold of its key, or of the control node, can be"
    " the bank of everybody in the house for as long as it is trusted.",
    "Set nodered_ca_permitted, such as [local, 192.168.0.0/16], run pifleet.nodered.rotate with -e"
    " nodered_rotate=authority, and have browsers trust the new one instead of the former. One that a vault has is replaced as"
    " docs/engines.md says.",
    "nodered_ca_permitted",
)

CERTIFICATE_NOT_FOLLOWED = RULES.add(
    "certificate-not-followed",
    Severity.MEDIUM,
    "Node-RED does not get the certificate that the host renews",
    "Its own copy ends one day, although the host has a newer one.",
    "Look at `systemctl status '*-certificate.path' '*-certificate.service'` on the host, and run pifleet.nodered.secure.",
    "nodered_certificate_host_chain",
)

KEY_READABLE = RULES.add(
    "private-key-readable",
    Severity.HIGH,
    "Others on the host may read the private key",
    "Whoever has the key can pretend to be this server.",
    SECURE,
)

SETTINGS_GONE = RULES.add(
    "settings-missing",
    Severity.CRITICAL,
    "There is no settings file",
    "At its next start Node-RED puts its own in place, which has no login.",
    "Set nodered_admin_users and run pifleet.nodered.secure.",
    "nodered_admin_users",
)

DISK_TEMPORARY = RULES.add(
    "disk-temporary",
    Severity.HIGH,
    "What is changed on this host does not last",
    "Its files are on a file system in memory, as with the overlay of raspi-config: after the next start it is what it was"
    " when that was switched on.",
    "Switch the overlay off, run pifleet.nodered.secure, and switch it on again.",
)

DISK_WITHOUT_OWNERS = RULES.add(
    "disk-without-owners",
    Severity.HIGH,
    "Node-RED's files are on a file system without owners",
    "FAT, exFAT, NTFS and shares of Windows keep neither owners nor modes: whoever is on the host may read keys, hashes and"
    " credentials.",
    "Move the userDir to a disk with ext4, and run pifleet.nodered.secure.",
)

SETTINGS_UNUSED = RULES.add(
    "settings-not-in-use",
    Severity.HIGH,
    "Node-RED loads another settings file",
    "Its command line or its environment names one, so that what this file says does not count.",
    "Leave nodered_settings_path and nodered_user_dir out, or correct the service.",
    "nodered_settings_path",
)

SETTINGS_OVERRIDDEN = RULES.add(
    "settings-overridden",
    Severity.HIGH,
    "The service overrides settings that protect",
    "What the command line or the environment of the service defines wins over settings.js.",
    "Remove it there: systemctl cat and the service's environment files show it.",
)

SETTINGS_WRITABLE = RULES.add(
    "settings-writable",
    Severity.HIGH,
    "Others on the host may write settings.js",
    "It is code that Node-RED runs at its start.",
    "Take the right to write from group and others.",
)

SECRETS_READABLE = RULES.add(
    "secrets-readable",
    Severity.HIGH,
    "Others on the host may read secrets of Node-RED",
    "Tokens of logins, credentials, the key that decrypts them and password hashes lie in the userDir.",
    SECURE,
)

CREDENTIALS_LOST = RULES.add(
    "credentials-lost",
    Severity.HIGH,
    "Node-RED cannot decrypt the credentials of its flows",
    "Their secret was lost or changed. The flows run without the passwords of their brokers and services, and the next"
    " deploy overwrites the credentials with nothing.",
    "Run pifleet.nodered.restore before anybody deploys.",
    "nodered_credential_secret",
)

SESSION_OUTLIVES = RULES.add(
    "session-outlives-rights",
    Severity.MEDIUM,
    "A login has more rights than its user",
    "Node-RED keeps the rights of a login for seven days, whatever becomes of the user's permissions.",
    "Run pifleet.nodered.secure with the user in nodered_revoke_sessions.",
    "nodered_revoke_sessions",
)

UMASK = RULES.add(
    "service-umask",
    Severity.MEDIUM,
    "Node-RED writes files that others may read",
    "It writes tokens and credentials anew at every change, so that closing the files once does not last.",
    SECURE,
)

NOT_HARDENED = RULES.add(
    "service-not-hardened",
    Severity.LOW,
    "The service is not hardened",
    "NoNewPrivileges keeps what breaks into Node-RED from becoming root by sudo. pifleet.nodered.secure does not set it,"
    " because flows that call sudo or ping need the contrary; with its drop-in file, which closes the umask, this is not"
    " said.",
    "Run pifleet.nodered.secure; set NoNewPrivileges=yes in a drop-in file of your own where no flow calls sudo.",
)

RUNS_AS_ROOT = RULES.add(
    "service-root",
    Severity.HIGH,
    "Node-RED runs as root",
    "Whoever may edit flows is root on the host.",
    "Run the service as a user of its own; groups such as gpio and dialout give it the hardware.",
)

MAY_BECOME_ROOT = RULES.add(
    "service-user-root-rights",
    Severity.MEDIUM,
    "The user that runs Node-RED may become root",
    "Whoever may edit flows does what this user may: become root, or read the system's logs and disks. Where sudo asks for"
    " a password, it is caught at the next login of this user, Ansible's too. Rules for single commands are not judged.",
    "Let another user log in and run Ansible, and take these groups and rules from the one that runs Node-RED.",
)

NOT_RUNNING = RULES.add(
    "service-not-running",
    Severity.MEDIUM,
    "The service does not run",
    "Node-RED ends with status 0 where its certificate is wrong, so that systemd does not start it again.",
    SECURE,
)

NOT_ENABLED = RULES.add(
    "service-not-enabled",
    Severity.LOW,
    "The service does not start with the host",
    "After a power failure nothing runs. Node-RED's installer leaves that step to you.",
    SECURE,
)

TRANSACTION_PENDING = RULES.add(
    "transaction-pending",
    Severity.MEDIUM,
    "A run was interrupted before it proved its changes",
    "Files were replaced, and nobody knows whether Node-RED works with them.",
    "Run pifleet.nodered.secure, which finishes or undoes it.",
)

WENT_BACK = RULES.add(
    "change-not-lasting",
    Severity.MEDIUM,
    "The host had to help itself after the last run",
    "What was asked for is not what the host has; or it is, and Node-RED ends with it from time to time.",
    "Look in the journal of Node-RED for what ended it, correct the variables, and run pifleet.nodered.secure.",
)

PROOF_FAILED = RULES.add(
    "proof-failed",
    Severity.MEDIUM,
    "The server does not show any more what it was proved to show",
    "Somebody changed something since the last run of pifleet.nodered.secure.",
    SECURE,
)

#: Settings whose definition elsewhere decides who gets in.
_DECISIVE = (
    "",
    "adminAuth",
    "https",
    "httpNodeAuth",
    "httpStaticAuth",
    "credentialSecret",
    "requireHttps",
    "httpAdminAuth",
)

SOCKET_OF_NODE = RULES.add(
    "socket-of-node-open",
    Severity.LOW,
    "Sockets of other nodes ask for no login",
    "uibuilder, worldmap and socket.io nodes hang their sockets on Node-RED's server itself: neither httpNodeAuth nor any"
    " other setting of settings.js covers them. Their pages ask for the login, but whoever connects to the socket alone gets"
    " what the flows send, and may send.",
    "Set nodered_node_users, whose login page asks there as well. Or have the flows send nothing secret there and check what"
    " they get, use the node's own means, or put a proxy that asks for a login in front; then suppress this.",
)


def check_host(
    state: Mapping[str, t.Any], external_view: Mapping[str, t.Any] | None, subject: str, today: datetime.date
) -> list[Finding]:
    """Everything about one host: its settings, what it told, and what it shows.

    :param state: what `pifleet.nodered.host_info` returned with its details; the text of the settings as bytes or in Base64
    :param view: what `_outside.look` returned; None where nobody looked
    """
    host = Host(state, external_view, subject, today)
    findings = [finding for check in _CHECKS for finding in check(host)]
    # Two rules may see the same fault; the first one has the line.
    return list({finding.fingerprint: finding for finding in reversed(findings)}.values())[::-1]


def check_authority(pem: str, subject: str) -> Iterator[Finding]:
    """What is wrong with the authority of the fleet, which is told of one of its hosts.

    An authority that another one has signed is somebody else's, who alone can make another of it.

    :param pem: its certificates, that which signs first; empty where there is none
    """
    with contextlib.suppress(PkiError):
        if pem and describe(pem)["self_signed"] and not is_constrained(pem):
            yield Finding(AUTHORITY_NOT_CONSTRAINED, subject, "Its authority has no name constraints.")


def _certificate(host: Host) -> Iterator[Finding]:
    installed, served = host.state["certificate"], host.external_view.get("certificate")
    path = installed["path"] or ""
    if installed["chain"] and installed["key_matches"] is False:
        yield host.finding(KEY_MISMATCH, f"The key in {path} does not fit its certificate.", file=path)
    if installed["key"] and installed["status"] and int(installed["status"]["mode"], 8) & 0o077:
        yield host.finding(KEY_READABLE, f"{path} has the mode {installed['status']['mode']}.", file=path)
    yield from _followed(host)
    pem = served or (installed["chain"] if host.review and host.review.has("https") else None)
    if not pem:
        return
    findings = list(check_certificate(pem, host.today, lambda rule, message: host.finding(rule, message, file=path)))
    yield from findings
    rules = {finding.rule for finding in findings}
    try:
        if served:
            names = [name for name in (host.external_view["address"], host.subject) if not is_loopback(name)]
            if names and not any(covers_name(pem, name) for name in names):
                yield host.finding(WRONG_NAME, f"The certificate is not for {' or '.join(names)}.")
            if host.external_view.get("trusted") is False and not rules & {SELF_SIGNED, EXPIRED}:
                yield host.finding(ISSUER_UNKNOWN, "The certificate was issued by an authority that is not known here.")
            if installed["chain"] and _is_ours(host) and fingerprint(installed["chain"]) != fingerprint(served):
                yield host.finding(
                    CERTIFICATE_NOT_SERVED, f"Another certificate is served than that in {path}.", file=path
                )
    except PkiError:
        # A rule for what cannot be read has said so.
        return


def _is_ours(host: Host) -> bool:
    """Whether settings.js has the https function of this collection, which reads the installed file."""
    node = host.review.settings.node(("https",)) if host.review else None
    return node is not None and os.path.basename(host.state["certificate"]["path"] or "server.pem").encode() in (
        node.text or b""
    )


# ----------------------------------------------------------------------------------------------------------------------
# Told by the host


def _settings(host: Host) -> Iterator[Finding]:
    settings = host.state["settings"]
    if host.source is None:
        yield host.finding(SETTINGS_GONE, f"There is no {host.file}.", file=host.file)
    else:
        for finding in check_settings(host.source, host.subject, host.file, host.today):
            # What the file leaves open, the server has answered.
            if finding.rule is not ADMIN_AUTH_UNKNOWN or not host.asks_for_login:
                yield finding
    if settings["in_use"] is False:
        yield host.finding(SETTINGS_UNUSED, f"The service does not load {host.file}.", file=host.file)
    if settings["status"] and _others_may_write(settings["status"], host.state["user"]):
        yield host.finding(SETTINGS_WRITABLE, f"{host.file} has the mode {settings['status']['mode']}.", file=host.file)
    for override in host.state["overrides"]:
        key = override["path"][0] if override["path"] else ""
        if key in _DECISIVE:
            yield host.finding(
                SETTINGS_OVERRIDDEN,
                f"{printable_name(key) or 'Any setting'} may be set by {printable_name(override['by'])}.",
                f"{printable_name(key)} {printable_name(override['by'])}",
            )


def _others_may_write(status: Mapping[str, t.Any], user: Mapping[str, t.Any] | None) -> bool:
    """Whether somebody else than root and the service's user may write a file. The user's own group is taken for the user."""
    mode = int(status["mode"], 8)
    return bool(mode & 0o002 or (mode & 0o020 and status["gid"] not in (0, user["gid"] if user else 0)))


def _exposed(host: Host) -> list[str]:
    """The files with secrets that others may read: the user's own, and a settings.js of root in an open folder."""
    settings, folder = host.state["settings"], host.state["user_dir"]
    is_below = folder["path"] and host.file.startswith(folder["path"].rstrip("/") + "/")
    is_closed = is_below and folder["status"] and not int(folder["status"]["mode"], 8) & 0o001
    if settings["status"] and int(settings["status"]["mode"], 8) & 0o004 and not is_closed:
        return sorted({*host.state["exposed"], host.file})
    return sorted(host.state["exposed"])


def _disks(host: Host) -> Iterator[Finding]:
    """A file system that is read-only protects; that no run can change it, the run says."""
    for problem, rule in (("temporary", DISK_TEMPORARY), ("without owners", DISK_WITHOUT_OWNERS)):
        places = [disk for disk in host.state["disks"] if disk["problem"] == problem]
        if places:
            names = ", ".join(printable_name(disk["path"]) for disk in places)
            kind = printable_name(places[0]["filesystem"])
            yield host.finding(rule, f"{names}: {kind}.", file=places[0]["path"])


def _files(host: Host) -> Iterator[Finding]:
    exposed = _exposed(host)
    if exposed:
        # One finding, because Node-RED makes and removes some of the files as it goes.
        names = ", ".join(printable_name(os.path.basename(path)) for path in exposed)
        yield host.finding(
            SECRETS_READABLE, f"Other users may read {names}.", file=host.state["user_dir"]["path"] or ""
        )
    generated = any(os.path.basename(path).startswith((".config.runtime.json", ".config.json")) for path in exposed)
    if generated and host.review and host.review.get("credentialSecret") is MISSING:
        yield host.finding(SECRET_ABSENT, "Node-RED's generated key may be read by others.", file=host.file)


def _credentials(host: Host) -> Iterator[Finding]:
    if host.review is None or host.source is None:
        return
    with contextlib.suppress(SettingsError):
        credentials = analyse(host.state, SettingsDocument(host.source))
        if credentials.status is Status.LOST:
            yield host.finding(
                CREDENTIALS_LOST,
                f"{credentials.reason[0].upper()}{credentials.reason[1:]}.",
                file=credentials.path or host.state["user_dir"]["path"] or "",
            )


def _sessions(host: Host) -> Iterator[Finding]:
    # With a storageModule, Node-RED reads no sessions from the file.
    if host.review is None or not host.review.is_off("storageModule"):
        return
    if not isinstance(host.review.get("adminAuth", "users"), (list, dict)):
        return
    users = host.review.get("adminAuth", "users")
    permissions = {
        user["username"]: user.get("permissions")
        for user in ([users] if isinstance(users, dict) else users)
        if isinstance(user, dict) and isinstance(user.get("username"), str)
    }
    for name in dict.fromkeys(session["user"] for session in host.details.get("sessions", ())):
        scopes = [session["scope"] for session in host.details["sessions"] if session["user"] == name]
        # A user who is gone cannot use a login any more.
        if name in permissions and any(_exceeds(scope, permissions[name]) for scope in scopes):
            yield host.finding(
                SESSION_OUTLIVES,
                f"A login of {printable_name(name)} has rights that its user has not.",
                printable_name(name),
            )


def _exceeds(scope: t.Any, permissions: t.Any) -> bool:
    """Whether a login's rights are more than a user's permissions."""
    rights = scope if isinstance(scope, list) else [scope]
    return not covers(permissions, [right for right in rights if right])


#: What the pages of nodes are, by the types of these.
_PAGES = {
    "ui_base": "a dashboard",
    "ui-base": "a dashboard",
    "uibuilder": "pages of uibuilder",
    "worldmap": "a worldmap",
    "http in": "an HTTP endpoint",
}
#: Nodes whose sockets are not below httpNodeRoot, so that httpNodeAuth is not asked for.
_OWN_SOCKETS = ("uibuilder", "worldmap", "socketio-config")


def _flows(host: Host) -> Iterator[Finding]:
    """What the flows offer to the network without a login."""
    review, files = host.review, host.details.get("flows", {})
    if review is None or is_switched_off(review.settings, NODE_ROOT):
        return
    named = review.get("flowFile")
    kinds = {
        kind
        for name, types in files.items()
        if not isinstance(named, str) or name == os.path.basename(named)
        for kind in types
    }
    pages = [name for kind, name in _PAGES.items() if kind in kinds]
    if pages and review.is_off("httpNodeAuth") and review.is_off("httpAuth"):
        yield host.finding(
            NODE_AUTH_MISSING, f"The flows have {pages[0]}, and httpNodeAuth is not set.", file=host.file
        )
    if review.is_off("httpNodeAuth"):
        return
    for kind, key in (("ui_base", "ui"), ("ui-base", "dashboard")):
        if kind in kinds and review.is_off(key, "ioMiddleware") and review.is_off("ui", "ioMiddleware"):
            yield host.finding(
                SOCKET_OPEN, f"The flows have a dashboard, and {key} has no ioMiddleware.", key, host.file
            )
    if "websocket-listener" in kinds and review.is_off("webSocketNodeVerifyClient"):
        yield host.finding(
            SOCKET_OPEN,
            "The flows have a web socket, and webSocketNodeVerifyClient is not set.",
            "websocket",
            host.file,
        )
    own = [kind.partition("-")[0] for kind in _OWN_SOCKETS if kind in kinds]
    # The plugin of the login page asks for these as well; that it is loaded is a rule of its own.
    if own and not is_used(review.settings):
        yield host.finding(
            SOCKET_OF_NODE,
            f"The flows have {', '.join(own)}, whose sockets ask for no login.",
            " ".join(own),
            host.file,
        )


def _service(host: Host) -> Iterator[Finding]:
    service, user = host.state["service"], host.state["user"]
    if user and user["uid"] == 0:
        yield host.finding(RUNS_AS_ROOT, f"{service['name']} runs as root.")
    rights = host.details.get("root_rights")
    if user and user["uid"] != 0 and rights and (rights["groups"] or rights["sudo"]):
        yield host.finding(MAY_BECOME_ROOT, f"{printable_name(user['name'])} {_told(rights)}.")
    if not service["active"]:
        yield host.finding(NOT_RUNNING, f"{service['name']} does not run.")
    if not service["enabled"]:
        yield host.finding(NOT_ENABLED, f"{service['name']} is not enabled.")
    umask = host.details.get("umask")
    # What nodered_umask asks for is the owner's choice.
    if umask and int(umask, 8) & 0o077 != 0o077 and f"UMask={umask}\n" not in (service["drop_in"] or ""):
        yield host.finding(UMASK, f"The umask of {service['name']} is {umask}.")
    if host.details and not host.details["no_new_privileges"] and not service["drop_in"]:
        yield host.finding(
            NOT_HARDENED, f"{service['name']} has neither NoNewPrivileges nor the collection's drop-in file."
        )
    if host.state["transaction"]:
        yield host.finding(TRANSACTION_PENDING, "A transaction is open.")
    if host.state["went_back"]:
        yield host.finding(WENT_BACK, of_way_back(host.state["went_back"], service["name"]))
    failures = (host.state["proof"] or {}).get("failures", [])
    if failures and service["active"]:
        yield host.finding(PROOF_FAILED, f"Since the last proof: {'; '.join(failures)}.")


def _followed(host: Host) -> Iterator[Finding]:
    """Whether what renews the certificate on the host itself reaches Node-RED."""
    follower, source = host.state["follower"], host.state["source"]
    if not follower:
        return
    if not source or source["problem"]:
        yield host.finding(
            CERTIFICATE_NOT_FOLLOWED,
            source["problem"] if source else "Nobody knows which certificate is to be followed.",
        )
    elif source["sha256"] != host.state["certificate"]["sha256"]:
        yield host.finding(
            CERTIFICATE_NOT_FOLLOWED, f"The copy of {source['chain']} is another one.", file=source["chain"]
        )
    elif not follower["active"]:
        yield host.finding(CERTIFICATE_NOT_FOLLOWED, f"Nobody watches {source['chain']}.", file=source["chain"])


def _told(rights: Mapping[str, t.Any]) -> str:
    """By which groups and rules a user may become root, to follow its name."""
    groups = list(map(printable_name, rights["groups"]))
    told = [f"is in the group{'s' if len(groups) > 1 else ''} {', '.join(groups)}"] if groups else []
    ways = []
    for password, how in ((False, "without a password"), (True, "with its password")):
        names = [printable_name(rule["file"]) for rule in rights["sudo"] if rule["password"] is password]
        if names:
            ways.append(f"{how} ({', '.join(names)})")
    if ways:
        told.append(f"runs any command by sudo, {' and '.join(ways)}")
    return ", and ".join(told)


_CHECKS = (
    _settings,
    check_editor,
    check_transport,
    check_proxy,
    _certificate,
    _disks,
    _files,
    _credentials,
    _sessions,
    _flows,
    check_login_page,
    _service,
    check_versions,
)
