# Copyright (c) 2026, the pifleet.nodered maintainers
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Rules about the variables of hosts: names, values and types, and secrets where anybody can read or guess them."""

from __future__ import annotations

import dataclasses
import pathlib
import re
import typing as t
from collections.abc import Collection, Iterable, Iterator, Mapping

from ansible_collections.pifleet.nodered.plugins.plugin_utils._accounts.well_known_passwords import is_well_known
from ansible_collections.pifleet.nodered.plugins.plugin_utils._collection.roles import ROLE_OPTIONS, wrong_type
from ansible_collections.pifleet.nodered.plugins.plugin_utils._collection.variable_names import (
    COMMAND_LINE_ONLY,
    misspelt,
)
from ansible_collections.pifleet.nodered.plugins.plugin_utils._findings.model import Finding, Location, Severity
from ansible_collections.pifleet.nodered.plugins.plugin_utils._inventory.host_variables import (
    HostVariables,
    is_stand_in,
)
from ansible_collections.pifleet.nodered.plugins.plugin_utils._javascript.values import printable_name
from ansible_collections.pifleet.nodered.plugins.plugin_utils._settings import known_keys

from .base import RuleBook
from .passwords import PASSWORD_WELL_KNOWN

RULES = RuleBook()

#: Characters; what NIST SP 800-63B asks of a password at least.
_SHORTEST_PASSWORD = 8
_LOGINS = "nodered_admin_users, nodered_node_users, nodered_node_auth or nodered_static_auth"

MISSPELT = RULES.add(
    "variable-misspelt",
    Severity.HIGH,
    "A variable is misspelt",
    "Nobody reads it, so that what it asks for would be missing; pifleet.nodered.secure refuses it before it changes anything.",
    "Give it the right name, or one that is less alike if it is one of your own.",
)
COMMAND_LINE = RULES.add(
    "variable-command-line-only",
    Severity.MEDIUM,
    "A variable counts on the command line alone",
    "Ansible chooses the hosts of a run before it reads what their files say, so that nobody reads it there.",
    "Give it with -e, and remove it from the inventory.",
)
SETTING_MISSPELT = RULES.add(
    "setting-misspelt",
    Severity.HIGH,
    "A setting is misspelt",
    "Node-RED takes any key and ignores those it does not know, so that what this one asks for would be missing.",
    "Give it the right name. If it is one of your own, suppress this.",
)
UNRESOLVED = RULES.add(
    "variable-unresolved",
    Severity.HIGH,
    "A variable has no value",
    "Its template refers to something that is not there, so that a run would stop at this host.",
    "Define what it refers to, for example in a vault.",
)
WRONG_TYPE = RULES.add(
    "variable-type",
    Severity.HIGH,
    "A variable has a value of the wrong kind",
    "The roles refuse it, so that a run would stop at this host.",
    "Correct the value; the README of the role says what it may be.",
)
REFUSED = RULES.add(
    "variable-refused",
    Severity.HIGH,
    "A variable asks for what cannot be",
    "pifleet.nodered.secure refuses it before it changes anything, so that the host would stay as it is.",
    "Correct the variable as the message says.",
)
URL_UNCERTIFIED = RULES.add(
    "oidc-url-uncertified",
    Severity.MEDIUM,
    "Single sign-on leads to a name that the certificate lacks",
    "A provider sends everybody back to that name, and browsers warn there instead of letting anybody in.",
    "Add the name to nodered_certificate_names, or set url of nodered_oidc to a name that is in the certificate. Behind a proxy"
    " of your own that ends TLS, set nodered_trusted_proxies.",
    "nodered_oidc",
)
SETTINGS_REFUSED = RULES.add(
    "settings-refused",
    Severity.HIGH,
    "settings.js cannot become what the variables ask for",
    "pifleet.nodered.secure refuses to edit this file, so that the host would stay as it is.",
    "Correct the file or the variables as the message says.",
)
SECRET_PLAIN = RULES.add(
    "secret-plain-text",
    Severity.HIGH,
    "A secret stands in plain text in the inventory",
    "Whoever reads the repository or a copy of it has the secret, also after it was removed from the newest version.",
    "Encrypt it with `ansible-vault encrypt_string`, and choose another one where others could have read it.",
)
PASSWORD_SHORT = RULES.add(
    "password-short",
    Severity.HIGH,
    "A password is short",
    f"A password of fewer than {_SHORTEST_PASSWORD} characters is guessed in hours from its hash, and by patience from"
    " outside.",
    f"Set a longer one in {_LOGINS}; several words are easy to type.",
    "nodered_admin_users",
)
PASSWORD_REUSED = RULES.add(
    "password-reused",
    Severity.MEDIUM,
    "A user of the editor has the password of somebody else",
    "Whoever is told one password has the rights of the other: a login to a dashboard then rewrites the flows.",
    f"Set a password of its own for each login in {_LOGINS}.",
    "nodered_admin_users",
)
SECRET_SHARED = RULES.add(
    "secret-shared",
    Severity.LOW,
    "Hosts have the same password hash",
    "Whoever gets hold of the hashes sees where the same password is, and guesses it once for all of them.",
    f"Set password instead of password_hash in {_LOGINS}, so that each host gets a hash of its own.",
    "nodered_admin_users",
)

#: The rules that say nothing of a secret that cannot be decrypted, by their identifiers.
OF_SECRETS = frozenset(
    rule.identifier for rule in (SECRET_PLAIN, PASSWORD_SHORT, PASSWORD_REUSED, SECRET_SHARED, PASSWORD_WELL_KNOWN)
)


@dataclasses.dataclass(frozen=True)
class Secret:
    """A secret that the inventory has."""

    variable: str
    #: Whose it is or under which keys it stands, such as `admin password`; empty for a variable that is a secret itself.
    owner: str
    text: str = dataclasses.field(repr=False)
    location: Location
    #: The user who logs in with it, for passwords and their hashes.
    user: str = ""

    @property
    def name(self) -> str:
        """Such as "the admin password of nodered_admin_users" or "nodered_credential_secret"."""
        return f"the {self.owner} of {self.variable}" if self.owner else self.variable

    def message_that(self, what: str) -> str:
        """A sentence about it."""
        return f"The {self.owner} of {self.variable} {what}." if self.owner else f"{self.variable} {what}."


# ----------------------------------------------------------------------------------------------------------------------
# Names, values and types


def check_names(variables: HostVariables, subject: str) -> Iterator[Finding]:
    for name, meant in misspelt(variables.names).items():
        yield Finding(
            MISSPELT,
            subject,
            f"{name} is no variable of this collection. {meant} may be meant.",
            variables.location(name),
            name,
        )


def check_command_line(variables: HostVariables, given: Collection[str], subject: str) -> Iterator[Finding]:
    """Variables of the inventory that only the command line sets.

    :param given: those that the command line has
    """
    for name in sorted(COMMAND_LINE_ONLY.intersection(variables.names).difference(given)):
        yield Finding(COMMAND_LINE, subject, f"{name} is read from -e only.", variables.location(name), name)


def check_setting_names(variables: HostVariables, subject: str) -> Iterator[Finding]:
    """Keys of settings.js that are most likely meant for another one, which Node-RED knows."""
    for variable in ("nodered_settings", "nodered_settings_js", "nodered_settings_absent"):
        keys = variables.value(variable) if variable in variables.names else ()
        for key in keys if isinstance(keys, (Mapping, list)) else ():
            if meant := known_keys.meant(str(key)):
                at = keys[key] if isinstance(keys, Mapping) else key
                message = f"{variable}: Node-RED knows no {printable_name(key)}. {meant} may be meant."
                yield Finding(SETTING_MISSPELT, subject, message, variables.location(variable, at), f"{variable} {key}")


def check_values(variables: HostVariables, subject: str) -> Iterator[Finding]:
    """Every variable of the roles that is set has a value, and one that the roles take."""
    for name in ROLE_OPTIONS:
        if name not in variables.names:
            continue
        for missing in variables.missing(name):
            yield Finding(
                UNRESOLVED,
                subject,
                f"{name} has no value: {missing.reason}.",
                missing.location,
                f"{name} {missing.undefined}".strip(),
            )
        value = variables.value(name)
        if not is_stand_in(value) and (message := wrong_type(name, value)):
            yield Finding(WRONG_TYPE, subject, message, variables.location(name, value), name)


# ----------------------------------------------------------------------------------------------------------------------
# Secrets


#: Names of variables and keys that have a secret as their value.
_SECRET_NAME = re.compile(r"(?:pass(?:word|phrase)?|secret|token|api_?key|credentials)$", re.IGNORECASE)
_PRIVATE_KEY = re.compile(r"-----BEGIN [A-Z ]*PRIVATE KEY-----")
_PASSWORD_IN_URL = re.compile(r"\b[a-z][a-z0-9+.-]{0,30}://[^\s:/@]*:[^\s/@]+@", re.IGNORECASE)
#: The variables with logins, and what the name of the user is called there.
_LOGIN_VARIABLES = {
    "nodered_admin_users": "username",
    "nodered_node_users": "username",
    "nodered_node_auth": "user",
    "nodered_static_auth": "user",
}


def secrets_of(variables: HostVariables, names: Iterable[str] | None = None) -> Iterator[Secret]:
    """The secrets of a host, as far as they have a value that can be read here."""
    for name in names or variables.names:
        if name in variables.names:
            yield from _secrets_in(variables, name, variables.value(name))


def check_secrets(variables: HostVariables, subject: str) -> Iterator[Finding]:
    """Secrets that anybody can read or guess."""
    passwords: dict[str, Secret] = {}
    for secret in secrets_of(variables):
        if _is_written_out(secret):
            yield Finding(
                SECRET_PLAIN,
                subject,
                secret.message_that("stands in plain text"),
                secret.location,
                f"{secret.variable} {secret.owner}",
            )
        if not secret.user:
            continue
        if not is_hash(secret.text):
            yield from _check_password(secret, subject)
        twin = passwords.setdefault(secret.text, secret)
        editor = "nodered_admin_users" in (secret.variable, twin.variable)
        if editor and (secret.variable, secret.user) != (twin.variable, twin.user):
            yield Finding(
                PASSWORD_REUSED,
                subject,
                secret.message_that(f"is the same as {twin.name}"),
                secret.location,
                f"{secret.variable} {secret.user}",
            )


def check_shared(hosts: Mapping[str, HostVariables]) -> Iterator[Finding]:
    """Password hashes that several hosts have; each is told once, of the first host.

    Of a password each host gets a hash of its own, and one credentialSecret for all hosts lets flows move between them.
    """
    having: dict[tuple[str, str, str], dict[str, Secret]] = {}
    for host, variables in hosts.items():
        for secret in secrets_of(variables, _LOGIN_VARIABLES):
            if secret.user and is_hash(secret.text):
                having.setdefault((secret.variable, secret.owner, secret.text), {})[host] = secret
    for (variable, owner, _text), secrets in having.items():
        if len(secrets) > 1:
            first, *others = secrets
            more = f" and {len(others) - 1} more" if len(others) > 1 else ""
            yield Finding(
                SECRET_SHARED,
                first,
                secrets[first].message_that(f"is the same on {others[0]}{more}"),
                secrets[first].location,
                f"{variable} {owner}",
            )


def is_hash(text: str) -> bool:
    return text.startswith("$")


def _check_password(secret: Secret, subject: str) -> Iterator[Finding]:
    detail = f"{secret.variable} {secret.user}"
    if is_well_known(secret.text) or secret.text.lower() == secret.user.lower():
        yield Finding(
            PASSWORD_WELL_KNOWN, subject, secret.message_that("is one that everybody knows"), secret.location, detail
        )
    elif len(secret.text) < _SHORTEST_PASSWORD:
        yield Finding(
            PASSWORD_SHORT,
            subject,
            secret.message_that(f"has fewer than {_SHORTEST_PASSWORD} characters"),
            secret.location,
            detail,
        )


def _secrets_in(
    variables: HostVariables, variable: str, value: t.Any, keys: tuple[str, ...] = (), user: str = ""
) -> Iterator[Secret]:
    if isinstance(value, Mapping):
        user = _user(variable, value)
        for key, part in value.items():
            yield from _secrets_in(variables, variable, part, (*keys, printable_name(key)), user)
    elif isinstance(value, list):
        for position, part in enumerate(value, 1):
            whose = _user(variable, part) if isinstance(part, Mapping) else ""
            named = whose and not is_stand_in(whose)
            yield from _secrets_in(variables, variable, part, (*keys, whose if named else str(position)))
    elif (isinstance(value, str) or hasattr(value, "_ciphertext")) and not is_stand_in(value):
        text = str(value)
        if text and _is_secret(variable, keys, text, bool(user)):
            yield Secret(variable, " ".join(keys), text, variables.location(variable, value), user)


def _user(variable: str, value: Mapping[str, t.Any]) -> str:
    """Who logs in with the mapping of a login, else the empty text."""
    return printable_name(value.get(_LOGIN_VARIABLES.get(variable, ""), ""))


def _is_secret(variable: str, keys: tuple[str, ...], text: str, login: bool) -> bool:
    if login and keys[-1] in ("password", "password_hash"):
        return True
    named = _SECRET_NAME.search(keys[-1] if keys else variable)
    if variable == "nodered_settings_js":
        # Code that takes a secret from elsewhere is none.
        return bool(named) and text[0] in "\"'`"
    return bool(named or _PRIVATE_KEY.search(text) or _PASSWORD_IN_URL.search(text))


def _is_written_out(secret: Secret) -> bool:
    """Whether the file that a secret comes from has it in plain text. That of a vault has not; a hash may be there."""
    if not secret.location.file or is_hash(secret.text):
        return False
    try:
        written = pathlib.Path(secret.location.file).read_text("utf-8", "replace")
    except OSError:
        return False
    return max(secret.text.splitlines(), key=len).strip() in written
