# Copyright (c) 2026, the pifleet.nodered maintainers
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Rules about a settings.js, for what can be told from the file alone, without Node.js.

`check_settings` finds; `RULES` has what it knows.
"""

from __future__ import annotations

import datetime
import re
import typing as t
from collections.abc import Iterator

from ansible_collections.pifleet.nodered.plugins.plugin_utils._accounts.passwords import PasswordError, check_hash
from ansible_collections.pifleet.nodered.plugins.plugin_utils._accounts.users import covers
from ansible_collections.pifleet.nodered.plugins.plugin_utils._accounts.well_known_passwords import is_well_known
from ansible_collections.pifleet.nodered.plugins.plugin_utils._findings.model import Finding, Location, Severity
from ansible_collections.pifleet.nodered.plugins.plugin_utils._javascript.parser import (
    Node,
    NothingExportedError,
    SettingsError,
)
from ansible_collections.pifleet.nodered.plugins.plugin_utils._javascript.values import printable_name
from ansible_collections.pifleet.nodered.plugins.plugin_utils._settings.export import right_name
from ansible_collections.pifleet.nodered.plugins.plugin_utils._settings.source import MISSING

from .base import RuleBook, SettingsReview, is_code, judged
from .https import check_https, check_require_https
from .logins import check_logins, has_admin_api

RULES = RuleBook()


_SETTINGS = "nodered_settings"

#: What decides who gets in, in the order in which a reader wants to hear of it.
#: Beside adminAuth, which has a rule of its own.
_UNKNOWN_ALIKE = ("https", "httpNodeAuth", "credentialSecret")
_DECISIVE = ("adminAuth", "https", "httpNodeAuth", "httpStaticAuth", "credentialSecret", "requireHttps")

_SHORT_SECRET = 12

_DANGEROUS_MODULE = re.compile(
    r"""\brequire\s*\(\s*["'`](?:node:)?(os|fs|fs/promises|child_process|vm|net)["'`]\s*\)"""
)

NOT_EXPORTED = RULES.add(
    "settings-not-exported",
    Severity.CRITICAL,
    "Node-RED starts without any of these settings",
    "An empty file, a function or a promise is no object of settings: Node-RED takes its built-in defaults without a"
    " word, and is open.",
    "Export one object literal: module.exports = { ... }; then run pifleet.nodered.secure.",
)

NOT_ANALYSED = RULES.add(
    "settings-not-analysed",
    Severity.HIGH,
    "The settings file cannot be analysed",
    "It is no JavaScript, and Node-RED does not start, or what it exports is known only to the one who runs it. None of"
    " the other rules could be applied.",
    "Correct the line that is named; node --check says more.",
)

WRONG_CASE = RULES.add(
    "setting-wrong-case",
    Severity.CRITICAL,
    "Node-RED ignores a setting whose name is in the wrong case",
    "adminauth or HTTPS means nothing to Node-RED, which starts without it and without a word.",
    "Write the name as it is given here.",
)

DUPLICATE = RULES.add(
    "setting-duplicate",
    Severity.MEDIUM,
    "A setting is there twice",
    "The last one counts, without a word: whoever corrects the first one changes nothing.",
    "Remove the one that does not count.",
)

OVERRIDABLE = RULES.add(
    "setting-overridable",
    Severity.HIGH,
    "Code may override a setting that protects",
    "A spread, an assignment or a call further on may replace what is written out, which cannot be told before it runs.",
    "Write the setting out at the end, and remove the code that is named.",
)

SECRET_OFF = RULES.add(
    "credential-secret-off",
    Severity.HIGH,
    "Credentials of the flows are not encrypted",
    "With credentialSecret: false, which Node-RED's own set-up writes for an empty answer, passwords of brokers and"
    " services lie in the flows' file in the clear.",
    "Set nodered_credential_secret and run pifleet.nodered.secure, which encrypts them.",
    "nodered_credential_secret",
)

SECRET_IN_REPOSITORY = RULES.add(
    "credential-secret-in-repository",
    Severity.HIGH,
    "credentialSecret stands in a repository",
    "Whoever has the repository decrypts the credentials of all flows, also years later.",
    "Set nodered_credential_secret from a vault, or read it from the environment: process.env.NODE_RED_SECRET.",
    "nodered_credential_secret",
)

SECRET_WEAK = RULES.add(
    "credential-secret-weak",
    Severity.MEDIUM,
    "credentialSecret is easy to guess",
    "It is well known, shorter than 12 characters, or used elsewhere in the same file. Who copies the flows' files tries"
    " such ones first.",
    "Set nodered_credential_secret to a long random one and run pifleet.nodered.secure, which encrypts them anew.",
    "nodered_credential_secret",
)

SECRET_ABSENT = RULES.add(
    "credential-secret-absent",
    Severity.LOW,
    "Node-RED makes up its own credentialSecret",
    "The key lies beside the file that it encrypts. Of a host this is said only where others may read the key, because a"
    " generated key in a closed folder protects as well as one in settings.js. Of a file in a repository it is said always:"
    " every host gets another key, and none can be restored without it.",
    "Set nodered_credential_secret from a vault.",
    "nodered_credential_secret",
)

NODE_CORS = RULES.add(
    "node-cors-any-origin",
    Severity.MEDIUM,
    "Any web page may call the HTTP endpoints",
    "With the origin *, a page from anywhere, opened by somebody in the same network, reads and writes what flows offer.",
    "Name the origins in nodered_settings, or set httpNodeCors in nodered_settings_absent.",
    _SETTINGS,
)

ADMIN_CORS = RULES.add(
    "admin-cors-any-origin",
    Severity.HIGH,
    "Any web page may call the editor's API",
    "With the origin *, a page from anywhere uses the editor of everybody who opens it.",
    "Name the origins in nodered_settings, or set httpAdminCors in nodered_settings_absent.",
    _SETTINGS,
)

INSTALLABLE = RULES.add(
    "modules-installable",
    Severity.HIGH,
    "Strangers may install modules",
    "Who may edit installs any package of npm, which runs as the service's user. Of a host with logins that is its"
    " administrator's right; it is said where anonymous users may edit.",
    "Set nodered_admin_users; externalModules in nodered_settings limits what can be installed.",
    "nodered_admin_users",
)

FUNCTION_MODULES = RULES.add(
    "function-modules-bypass",
    Severity.LOW,
    "Users who may not install modules can do so in a function node",
    "A user with flows.write but without nodes.write gets any package of npm through a function node's set-up, unless"
    " functionExternalModules is false.",
    "Set functionExternalModules: false in nodered_settings.",
    _SETTINGS,
)

AUTO_INSTALL = RULES.add(
    "modules-auto-install",
    Severity.LOW,
    "Missing modules are installed without a question",
    "With externalModules.autoInstall, a flow that names a package has it fetched at the next start.",
    "Set externalModules.autoInstall in nodered_settings_absent.",
    "nodered_settings_absent",
)

GLOBAL_MODULES = RULES.add(
    "global-context-module",
    Severity.LOW,
    "Function nodes get modules of the operating system",
    "os, fs, child_process, vm or net in functionGlobalContext gives everybody who edits a function node the host's files"
    " and programs.",
    "Set functionGlobalContext without them in nodered_settings_js, and use nodes made for the purpose.",
    "nodered_settings_js",
)

GLOBAL_EXPORTED = RULES.add(
    "global-context-exported",
    Severity.LOW,
    "The editor shows what functionGlobalContext holds",
    "Its keys, which often are passwords, appear in the editor unless exportGlobalContextKeys is false.",
    "Set exportGlobalContextKeys: false in nodered_settings.",
    _SETTINGS,
)

TLS_FILES = RULES.add(
    "tls-local-files",
    Severity.LOW,
    "Users who may only edit flows can use the host's key files",
    "With tlsConfigDisableLocalFiles: false written out, a TLS node may name any file of the service's user. Said where a"
    " user has flows.write without the right to everything.",
    "Set tlsConfigDisableLocalFiles: true in nodered_settings.",
    _SETTINGS,
)

PROJECTS = RULES.add(
    "projects-enabled",
    Severity.LOW,
    "The projects feature is on",
    "It adds git, its credentials and SSH keys to what the editor's users reach. Suppress this where it is used.",
    "Set editorTheme.projects.enabled: false in nodered_settings.",
    _SETTINGS,
)

DIAGNOSTICS = RULES.add(
    "diagnostics-open",
    Severity.MEDIUM,
    "Strangers may read the diagnostics",
    "They name versions, modules, the operating system and which protections are set. With logins only those who may read"
    " get them.",
    "Set nodered_admin_users, or diagnostics: {enabled: false} in nodered_settings.",
    "nodered_admin_users",
)

RUNTIME_STATE = RULES.add(
    "runtime-state-control",
    Severity.LOW,
    "The editor can stop all flows",
    "With runtimeState.enabled, everybody with flows.write stops what the host controls by one click or one request.",
    "Set runtimeState: {enabled: false, ui: false} in nodered_settings.",
    _SETTINGS,
)

UNKNOWN = RULES.add(
    "settings-unknown",
    Severity.MEDIUM,
    "What protects Node-RED cannot be told from the file",
    "A spread, another file or a computed key may bring settings that protect, or none.",
    "Write the keys out below that, or look at the host with pifleet.nodered.audit.",
)

STORAGE_ELSEWHERE = RULES.add(
    "storage-elsewhere",
    Severity.LOW,
    "Flows, credentials and logins are kept by a storageModule",
    "They lie in a database, or wherever that module puts them. Who may read them there, who is logged in, and whether the"
    " credentials can be decrypted is not known here, and no run ends a login there.",
    "Look after that storage yourself: restrict who may read it, and delete its sessions when somebody loses a right; then"
    " suppress this.",
)

TELEMETRY = RULES.add(
    "telemetry-enabled",
    Severity.LOW,
    "Node-RED reports home",
    "With telemetry.enabled it sends its version, operating system and a stable number to the project each day, without"
    " asking in the editor.",
    "Set telemetry: {enabled: false} in nodered_settings.",
    _SETTINGS,
)

PORT_MALFORMED = RULES.add(
    "port-malformed",
    Severity.MEDIUM,
    "uiPort is no port",
    "Node-RED listens on a socket file of that name or on nothing at all, and says that it runs.",
    "Set uiPort in nodered_settings to a number from 1 to 65535.",
    _SETTINGS,
)


def check_settings(
    source: bytes, subject: str, file: str, today: datetime.date, in_repository: bool = False
) -> list[Finding]:
    """Everything that a settings.js tells by itself, in the order of its lines; never raises, whatever the bytes.

    :param subject: the host or the file that the findings are about
    :param file: its path, for the findings' places
    :param today: the day for which certificates in the file are judged
    :param in_repository: whether the file is kept where others read it, and may serve more than one host
    """
    try:
        review = SettingsReview(source, subject, file, in_repository)
        findings = [finding for check in _CHECKS for finding in check(review, today)]
    except NothingExportedError as error:
        return [Finding(NOT_EXPORTED, subject, _sentence(error), Location(file, error.line))]
    except SettingsError as error:
        return [Finding(NOT_ANALYSED, subject, _sentence(error), Location(file, error.line))]
    except (RecursionError, ValueError):
        return [Finding(NOT_ANALYSED, subject, "The file is too deeply nested or too oddly encoded.", Location(file))]
    return sorted(findings, key=lambda finding: finding.location.line or 0)


def _sentence(error: SettingsError) -> str:
    # Not where it begins with a name out of the file.
    first = error.message.partition(" ")[0]
    return first.capitalize() + error.message[len(first) :] if first.isalpha() else error.message


# ----------------------------------------------------------------------------------------------------------------------
# Names


def _names(review: SettingsReview, _today: datetime.date) -> Iterator[Finding]:
    default = review.get("default") if review.writes("default") else None
    if set(review.settings.lines) <= {"default", "__esModule"} and (is_code(default) or isinstance(default, dict)):
        # As a compiler of TypeScript makes it of `export default`.
        yield review.finding(
            NOT_EXPORTED,
            "The file exports settings as `default`, where Node-RED does not look for any.",
            ("default",),
        )
    for name, lines in review.settings.lines.items():
        right = right_name(name)
        if right != name:
            yield review.finding(
                WRONG_CASE, f"The name of {printable_name(name)} is {right}.", lines[-1], printable_name(name)
            )
        if name in _DECISIVE and len(lines) > 1:
            yield review.finding(
                DUPLICATE,
                f"{name} is set on the lines {', '.join(map(str, lines))}; the last one counts.",
                lines[-1],
                name,
            )
    for key in _DECISIVE:
        if review.has(key):
            blocker = review.settings.blocker((key,))
            # Where it stands in for the whole value, other rules say that the value is unknown.
            if blocker is not None and review.writes(key):
                yield review.finding(OVERRIDABLE, f"{key}: {blocker.message}", blocker.line, key)


def _unknown(review: SettingsReview, _today: datetime.date) -> Iterator[Finding]:
    """One finding for all; of a host, the running server says more."""
    if not review.in_repository:
        return
    keys = [key for key in _UNKNOWN_ALIKE if review.has(key) and not review.writes(key)]
    if keys:
        node = review.settings.node((keys[0],))
        yield review.finding(UNKNOWN, f"Whether there is {', '.join(keys)} cannot be told.", node, " ".join(keys))


# ----------------------------------------------------------------------------------------------------------------------
# Secrets


def _credential_secret(review: SettingsReview, _today: datetime.date) -> Iterator[Finding]:
    value = judged(review.get("credentialSecret"))
    path = ("credentialSecret",)
    if value is False:
        yield review.finding(SECRET_OFF, "credentialSecret is false.", path)
    elif value is MISSING or value is None:
        if review.in_repository:
            yield review.finding(SECRET_ABSENT, "credentialSecret is not set.", path)
    elif isinstance(value, (str, int, float)):
        if review.in_repository:
            yield review.finding(SECRET_IN_REPOSITORY, "credentialSecret is written out.", path)
        reason = _why_weak(review, str(value))
        if reason:
            yield review.finding(SECRET_WEAK, f"credentialSecret {reason}.", path)


def _why_weak(review: SettingsReview, secret: str) -> str:
    if is_well_known(secret) or secret in ("a-secret-key", "your-secret-key"):
        return "is well known"
    if len(secret) < _SHORT_SECRET:
        return f"has fewer than {_SHORT_SECRET} characters"
    try:
        check_hash(secret)
    except PasswordError:
        used = (review.get(key, name) for key in ("httpNodeAuth", "httpStaticAuth") for name in ("user", "pass"))
        return "is used elsewhere in the file" if secret in used else ""
    return "is a password hash"


# ----------------------------------------------------------------------------------------------------------------------
# What others may do


def _cors(review: SettingsReview, _today: datetime.date) -> Iterator[Finding]:
    for key, rule in (("httpNodeCors", NODE_CORS), ("httpStaticCors", NODE_CORS), ("httpAdminCors", ADMIN_CORS)):
        value = review.get(key)
        if review.is_off(key) or is_code(value):
            continue
        # Without an origin, the library's default is any; `true` is the origin of whoever asks.
        origin = judged(value.get("origin", "*")) if isinstance(value, dict) else "*"
        if origin in ("*", True) or (isinstance(origin, list) and "*" in origin):
            yield review.finding(rule, f"{key} admits every origin.", (key,), key)


def _modules(review: SettingsReview, _today: datetime.date) -> Iterator[Finding]:
    if not has_admin_api(review):
        return
    allowed = any(review.get("externalModules", part, "allowInstall") is not False for part in ("palette", "modules"))
    if allowed and _strangers(review, "nodes.write"):
        yield review.finding(INSTALLABLE, "Whoever reaches the port may install modules.", ("externalModules",))
    functions = (
        review.get("functionExternalModules") is not False
        and review.get("externalModules", "modules", "allowInstall") is not False
    )
    limited = [
        name
        for name, permissions in _users(review)
        if covers(permissions, "flows.write") and not covers(permissions, "nodes.write")
    ]
    if functions and limited:
        yield review.finding(
            FUNCTION_MODULES,
            f"{', '.join(limited)} may edit functions, and functions may fetch modules.",
            ("functionExternalModules",),
        )
    if review.get("externalModules", "autoInstall") is True:
        yield review.finding(AUTO_INSTALL, "externalModules.autoInstall is on.", ("externalModules", "autoInstall"))


def _users(review: SettingsReview) -> Iterator[tuple[str, t.Any]]:
    """The names and permissions of the editor's users, as far as they are written out."""
    users = review.get("adminAuth", "users")
    for user in [users] if isinstance(users, dict) else users if isinstance(users, list) else []:
        if isinstance(user, dict) and isinstance(user.get("username"), str):
            yield printable_name(user["username"]), user.get("permissions")


def _strangers(review: SettingsReview, right: str) -> bool:
    """Whether somebody who has not logged in has a right."""
    if review.is_off("adminAuth"):
        return review.is_off("httpAdminAuth") and review.is_off("httpAuth")
    return covers(review.get("adminAuth", "default", "permissions"), right)


def _context(review: SettingsReview, _today: datetime.date) -> Iterator[Finding]:
    node = review.settings.node(("functionGlobalContext",))
    if node is None or not review.writes("functionGlobalContext"):
        return
    value = review.get("functionGlobalContext")
    for name in dict.fromkeys(_DANGEROUS_MODULE.findall(_code_of(node))):
        yield review.finding(GLOBAL_MODULES, f"functionGlobalContext has the module {name}.", node, name)
    if review.get("exportGlobalContextKeys") is not False and (is_code(value) or value):
        yield review.finding(
            GLOBAL_EXPORTED,
            "functionGlobalContext is shown in the editor.",
            ("exportGlobalContextKeys",) if review.has("exportGlobalContextKeys") else ("functionGlobalContext",),
        )


def _code_of(node: Node) -> str:
    """The text of some code without its comments."""
    text, start = node.text or b"", node.start_byte
    parts, position, stack = [], 0, [node]
    comments = []
    while stack:
        inner = stack.pop()
        if inner.type == "comment":
            comments.append((inner.start_byte - start, inner.end_byte - start))
        stack.extend(inner.children)
    for begin, end in sorted(comments):
        parts.append(text[position:begin])
        position = end
    return b"".join([*parts, text[position:]]).decode("utf-8", "replace")


def _features(review: SettingsReview, _today: datetime.date) -> Iterator[Finding]:
    if review.get("editorTheme", "projects", "enabled") is True:
        yield review.finding(PROJECTS, "editorTheme.projects is enabled.", ("editorTheme", "projects", "enabled"))
    # Without any login, another rule says all there is to say.
    open_to = has_admin_api(review) and not review.is_off("adminAuth") and _strangers(review, "diagnostics.read")
    if open_to and review.get("diagnostics", "enabled") is not False:
        yield review.finding(DIAGNOSTICS, "adminAuth.default opens the diagnostics.", ("adminAuth", "default"))
    if review.get("runtimeState", "enabled") is True:
        yield review.finding(RUNTIME_STATE, "runtimeState is enabled.", ("runtimeState", "enabled"))
    if review.writes("storageModule") and not review.is_off("storageModule"):
        yield review.finding(STORAGE_ELSEWHERE, "storageModule is set.", ("storageModule",))
    if review.get("telemetry", "enabled") is True:
        yield review.finding(TELEMETRY, "telemetry is enabled.", ("telemetry", "enabled"))
    if review.get("tlsConfigDisableLocalFiles") is False:
        limited = [
            name
            for name, permissions in _users(review)
            if covers(permissions, "flows.write") and permissions not in ("*", ["*"])
        ]
        if limited:
            yield review.finding(
                TLS_FILES, f"{', '.join(limited)} may name key files of the host.", ("tlsConfigDisableLocalFiles",)
            )


def _port(review: SettingsReview, _today: datetime.date) -> Iterator[Finding]:
    value = review.get("uiPort")
    if review.is_off("uiPort") or is_code(value):
        return
    text = str(value) if not isinstance(value, bool) else ""
    if not re.fullmatch(r"[0-9]{1,5}", text) or not 0 < int(text) < 65536:
        yield review.finding(PORT_MALFORMED, "uiPort is no number from 1 to 65535.", ("uiPort",))


def _logins(review: SettingsReview, _today: datetime.date) -> Iterator[Finding]:
    yield from check_logins(review)


_CHECKS = (
    _names,
    _logins,
    check_https,
    check_require_https,
    _credential_secret,
    _unknown,
    _cors,
    _modules,
    _context,
    _features,
    _port,
)
