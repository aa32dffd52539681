# Copyright (c) 2026, the pifleet.nodered maintainers
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a run of `secure` would say of a host and of a settings file, found without any host."""

from __future__ import annotations

import dataclasses
import datetime
import difflib
import functools
import pathlib
import re
import typing as t
from collections.abc import Iterator

from ansible_collections.pifleet.nodered.plugins.plugin_utils._action import certificate_providers
from ansible_collections.pifleet.nodered.plugins.plugin_utils._action.proxy_change import desired_proxy
from ansible_collections.pifleet.nodered.plugins.plugin_utils._collection.argument_specs import argument_spec, validated
from ansible_collections.pifleet.nodered.plugins.plugin_utils._collection.module_options import (
    module_options,
    variables_of,
)
from ansible_collections.pifleet.nodered.plugins.plugin_utils._collection.roles import ROLE_DEFAULTS, ROLE_OPTIONS
from ansible_collections.pifleet.nodered.plugins.plugin_utils._errors import UserError
from ansible_collections.pifleet.nodered.plugins.plugin_utils._findings.model import Finding, Kind, Location, Subject
from ansible_collections.pifleet.nodered.plugins.plugin_utils._inventory.files import read_file
from ansible_collections.pifleet.nodered.plugins.plugin_utils._inventory.host_variables import (
    HostVariables,
    is_incomplete,
    is_stand_in,
)
from ansible_collections.pifleet.nodered.plugins.plugin_utils._javascript.parser import SettingsError
from ansible_collections.pifleet.nodered.plugins.plugin_utils._pki import certificates
from ansible_collections.pifleet.nodered.plugins.plugin_utils._rules.inventory import (
    REFUSED,
    SETTINGS_REFUSED,
    URL_UNCERTIFIED,
    check_names,
    check_secrets,
    check_setting_names,
    check_values,
)
from ansible_collections.pifleet.nodered.plugins.plugin_utils._rules.login_page import (
    check_login_data,
    check_sign_on,
)
from ansible_collections.pifleet.nodered.plugins.plugin_utils._rules.logins import SESSION_LONG
from ansible_collections.pifleet.nodered.plugins.plugin_utils._rules.settings import check_settings
from ansible_collections.pifleet.nodered.plugins.plugin_utils._service.drop_in import drop_in, environment_file
from ansible_collections.pifleet.nodered.plugins.plugin_utils._service.restart_reasons import (
    check_keep_states,
    check_watch,
)
from ansible_collections.pifleet.nodered.plugins.plugin_utils._settings.apply import apply_settings
from ansible_collections.pifleet.nodered.plugins.plugin_utils._settings.desired import (
    DesiredSettings,
    SettingsOptionError,
)
from ansible_collections.pifleet.nodered.plugins.plugin_utils._settings.document import SettingsDocument
from ansible_collections.pifleet.nodered.plugins.plugin_utils._settings.login_data import LoginPlace, oidc_of
from ansible_collections.pifleet.nodered.plugins.plugin_utils._settings.oidc_options import VARIABLE as OIDC_VARIABLE
from ansible_collections.pifleet.nodered.plugins.plugin_utils._settings.sign_on import certificate_warning

#: What is edited where the settings file of a host is not known.
_EMPTY = b"module.exports = {\n}\n"
#: The same where the login of its owner is kept: that the file has one, the run sees.
_WITH_OWN_LOGIN = b'module.exports = {\n    adminAuth: { type: "strategy" }\n}\n'

#: Read at import, as `_roles` is.
_SPECS = {module: argument_spec(module) for module in ("settings", "certificate", "proxy", "restart")}

#: Options of the module settings on which it depends what others can be.
_DECIDING = ("https", "proxy_path")
#: Options of which one more decides whether they can be empty, or be there at all.
_OF_ADMIN_AUTH = ("admin_users", "admin_default_permissions", "session_expiry", "oidc")

_VARIABLE = re.compile(r"\bnodered_\w+")

_LINE = re.compile(r"(?:line (\d+): )?(.*)", re.DOTALL)

_ENTRY = re.compile(r", (?:(?P<key>\w+), )?(?:user (?P<user>.+?)|entry (?P<entry>\d+)): ")
#: What a message says of one member of a mapping.
_MEMBER = re.compile(r"\bnodered_\w+: (?P<key>\w+) ")


def check_file(path: pathlib.Path, today: datetime.date) -> tuple[Subject, list[Finding]]:
    """A settings file of a repository."""
    name = str(path)
    try:
        source = read_file(path)
    except UserError as error:
        return Subject(name, Kind.FILE, str(error)), []
    return Subject(name, Kind.FILE), check_settings(source, name, name, today, in_repository=True)


def check_host(name: str, variables: HostVariables, settings: str | None, today: datetime.date) -> list[Finding]:
    """The variables of a host, and what they would make of its settings file.

    :param settings: the path of the file that the host has, where a copy of it is at hand
    """
    checks = _HostChecks(name, variables, today)
    return [
        *check_names(variables, name),
        *check_values(variables, name),
        *check_secrets(variables, name),
        *check_setting_names(variables, name),
        *checks.service(),
        *checks.certificate(),
        *checks.proxy(),
        *checks.settings(settings),
    ]


class _HostChecks:
    """What the actions of `secure` would refuse, each asked with what its role would hand to it."""

    def __init__(self, name: str, variables: HostVariables, today: datetime.date) -> None:
        self._name = name
        self._variables = variables
        self._today = today

    def service(self) -> Iterator[Finding]:
        options = self._options("restart")
        if options is None:
            return
        if not is_stand_in(options["environment"]):
            yield from self._refusal(lambda: environment_file(options["environment"] or {}), "nodered_environment")
        if options["umask"] is not None and not is_stand_in(options["umask"]):
            yield from self._refusal(lambda: drop_in(options["umask"], None), "nodered_umask")
        if not is_stand_in(options["watch_minutes"]):
            yield from self._refusal(lambda: check_watch(options["watch_minutes"]), "nodered_watch_minutes")
        if not is_stand_in(options["keep_states"]):
            yield from self._refusal(lambda: check_keep_states(options["keep_states"]), "nodered_keep_states")

    def certificate(self) -> Iterator[Finding]:
        options = self._options("certificate")
        if options is None or is_stand_in(options):
            return
        yield from self._refusal(
            lambda: certificates.check_validity(options["days"], options["renew_before"]), "nodered_certificate_days"
        )
        yield from self._refusal(lambda: certificate_providers.check_options(options), "nodered_certificate_provider")

    def proxy(self) -> Iterator[Finding]:
        options = self._options("proxy")
        # Of a missing provider the certificate has told.
        if options is not None and not is_stand_in(options) and options["provider"] != "none":
            yield from self._refusal(lambda: desired_proxy(options), "nodered_proxy")

    def settings(self, path: str | None) -> Iterator[Finding]:
        refusals = list(self._one_by_one())
        yield from refusals
        options = self._options("settings")
        # What has no value has been told of; a stand-in for it would be judged as if somebody wanted it.
        if refusals or options is None or is_incomplete(options):
            return
        try:
            desired = DesiredSettings.from_options(options, options["user_dir"] or "/")
        except UserError as error:
            # A stand-in has not the form of a hash, for one.
            if not is_stand_in(options):
                yield self._refused(str(error), "nodered_settings")
            return
        if path:
            yield from self._settings_file(desired, path)
        else:
            yield from self._edited(desired, _WITH_OWN_LOGIN if desired.keeps_admin_auth else _EMPTY, "")

    @functools.cached_property
    def _values(self) -> dict[str, t.Any]:
        """The values of all variables that roles take, with stand-ins for what has none."""
        given = {name: self._variables.value(name) for name in self._variables.names if name in ROLE_OPTIONS}
        return {**ROLE_DEFAULTS, **given}

    def _options(self, module: str, *only: str) -> dict[str, t.Any] | None:
        """The options that the role gives to a module; None where one of them has another type, which was found before.

        :param only: the options to take, all when none is named; the others are as if nobody gave them
        """
        options = module_options(module, self._values)
        return validated(_SPECS[module], {name: options[name] for name in options if not only or name in only})

    def _one_by_one(self) -> Iterator[Finding]:
        """What cannot be whatever else is asked for: all of it, where `DesiredSettings` names the first one only."""
        for option, variable in variables_of("settings").items():
            deciding = (*_DECIDING, "admin_auth") if option in _OF_ADMIN_AUTH else _DECIDING
            options = self._options("settings", option, *deciding)
            if options is not None and not is_stand_in(options[option]):
                yield from self._refusal(lambda: DesiredSettings.from_options(options, "/"), variable)

    def _settings_file(self, desired: DesiredSettings, path: str) -> Iterator[Finding]:
        try:
            source = read_file(path)
        except UserError as error:
            yield Finding(SETTINGS_REFUSED, self._name, str(error), Location(path))
            return
        yield from self._edited(desired, source, path)

    def _edited(self, desired: DesiredSettings, source: bytes, file: str) -> Iterator[Finding]:
        """What is wrong with the file as it would be after a run."""
        try:
            document = SettingsDocument(source)
            # A run knows what the credentials are encrypted with, and encrypts them anew.
            place = LoginPlace(inventory_name=self._name)
            applied = apply_settings(desired, document, hashing=False, another_secret=True, place=place)
        except (SettingsError, SettingsOptionError) as error:
            location, message = t.cast("re.Match[str]", _LINE.match(str(error))).groups()
            if file:
                yield Finding(
                    SETTINGS_REFUSED, self._name, message, Location(file, int(location) if location else None)
                )
            else:
                yield self._refused(message, "nodered_settings")
            return
        data = applied.login_data or {}
        for rule, told in check_sign_on(oidc_of(data)):
            yield Finding(rule, self._name, told, self._variables.location(OIDC_VARIABLE), OIDC_VARIABLE)
        yield from self._sign_on_url(str(oidc_of(data).get("url") or ""))
        for rule, told in check_login_data(data, document.settings) if desired.login else ():
            variable = "nodered_node_session_expiry" if rule is SESSION_LONG else rule.variable
            yield Finding(rule, self._name, told, self._variables.location(variable), variable)
        lines = _lines_before(source, document.source)
        for finding in check_settings(document.source, self._name, file, self._today):
            line = lines.get(finding.location.line)
            location = Location(file, line) if file and line else self._variables.location(finding.rule.variable)
            yield dataclasses.replace(finding, location=location if location.file else Location(file))

    def _sign_on_url(self, url: str) -> Iterator[Finding]:
        """A name that the certificate cannot have, whatever the host is called."""
        options, address = self._options("certificate"), self._variables.address
        if not url or options is None or is_stand_in([options, address, url]):
            return
        # Behind a proxy of the owner's, browsers see the certificate of that.
        if options["provider"] == "none" or self._values["nodered_trusted_proxies"]:
            return
        try:
            names = certificate_providers.possible_names(options, url, self._name, address)
        except UserError:
            # The certificate has told.
            return
        told = certificate_warning(url, names) if names else ""
        if told:
            entry = self._entry(OIDC_VARIABLE, told)
            yield Finding(
                URL_UNCERTIFIED, self._name, told, self._variables.location(OIDC_VARIABLE, entry), OIDC_VARIABLE
            )

    def _refusal(self, check: t.Callable[[], t.Any], variable: str) -> Iterator[Finding]:
        try:
            check()
        except UserError as error:
            yield self._refused(str(error), variable)

    def _refused(self, message: str, variable: str) -> Finding:
        """A finding with the message of a refusal, at the variable that it names first."""
        named = _variable_in(message) or variable
        return Finding(
            REFUSED, self._name, message, self._variables.location(named, self._entry(named, message)), named
        )

    def _entry(self, variable: str, message: str) -> t.Any:
        """The entry of a list, or the member of a mapping, that a message names, else None."""
        found = _ENTRY.search(message)
        entries = self._variables.value(variable) if variable in self._variables.names else None
        if isinstance(entries, t.Mapping):
            key = found["key"] if found else (member["key"] if (member := _MEMBER.search(message)) else "")
            entries = entries.get(key)
            if not found:
                return entries
        if not found or not isinstance(entries, list):
            return None
        if found["entry"]:
            return entries[int(found["entry"]) - 1]
        users = [entry for entry in entries if isinstance(entry, t.Mapping) and entry.get("username") == found["user"]]
        return users[-1] if users else None


def _variable_in(text: object) -> str:
    found = _VARIABLE.search(str(text))
    return found[0] if found else ""


def _lines_before(before: bytes, after: bytes) -> dict[int | None, int]:
    """The numbers of the lines that an edit kept, by those they have after it."""
    matcher = difflib.SequenceMatcher(None, before.splitlines(), after.splitlines(), autojunk=False)
    return {
        block.b + offset + 1: block.a + offset + 1
        for block in matcher.get_matching_blocks()
        for offset in range(block.size)
    }
