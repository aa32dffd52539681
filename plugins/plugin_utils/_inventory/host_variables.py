# Copyright (c) 2026, the pifleet.nodered maintainers
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The variables of a host as Ansible has them: their values, and the file and the line where each was written."""

from __future__ import annotations

import dataclasses
import hashlib
import os
import pathlib
import re
import typing as t
from collections.abc import Mapping

from ansible.errors import AnsibleError, AnsibleUndefinedVariable
from jinja2 import TemplateError

from ansible_collections.pifleet.nodered.plugins.plugin_utils._collection.roles import ROLE_DEFAULTS
from ansible_collections.pifleet.nodered.plugins.plugin_utils._errors import UserError
from ansible_collections.pifleet.nodered.plugins.plugin_utils._findings.model import Location

from .lookups import environment_options, without_lookups

try:
    from ansible._internal._datatag._tags import Origin
except ImportError:
    # ansible-core 2.18: what comes from YAML has an attribute.
    Origin = None


_PREFIX = "nodered_"
_UNDEFINED = re.compile(r"'(\w+)' is undefined")
#: Stands for what is not known here: a secret that cannot be decrypted, what only a lookup knows, or what has no value,
#: with something of its own behind it.
_STAND_IN = "pifleet-not-known-"
_WITHOUT_VALUE = f"{_STAND_IN}undefined-"
#: Variables of Ansible's own that have all hosts in them.
_SKIPPED = ("groups", "hostvars", "vars")


class UnresolvedTemplateError(UserError):
    """A template without a value, and why; never with a part of the template, which may hold a secret."""

    def __init__(self, reason: str, undefined: str = "") -> None:
        super().__init__(reason)
        #: The name of what is not defined, as far as it is known.
        self.undefined = undefined


class LookupRefusedError(UserError):
    """What only a lookup knows."""


@dataclasses.dataclass(frozen=True)
class Missing:
    """A variable, or a part of one, that has no value."""

    #: "it refers to vault_fred, which is not defined".
    reason: str
    #: "vault_fred", or the empty text.
    undefined: str
    location: Location


class HostVariables:
    """What the inventory says of one host.

    :param raw: all variables of the host, with their templates
    :param templar: Ansible's own
    :param inventory: the file of the inventory that names the host, for variables whose line Ansible does not keep
    :param lookups: whether lookups are evaluated, which run what the author of the inventory likes
    """

    def __init__(
        self, raw: Mapping[str, t.Any], templar: t.Any, inventory: str | None = None, lookups: bool = False
    ) -> None:
        self._raw = raw
        self._inventory = inventory
        self._lookups = lookups
        #: How many values are not known because they need a lookup.
        self.refused = 0
        #: How many encrypted values cannot be decrypted here.
        self.undecryptable = 0
        readable = {name: value if name in _SKIPPED else self._readable(value) for name, value in raw.items()}
        self._templar = templar.copy_with_new_env(
            available_variables={**ROLE_DEFAULTS, **readable}, **({} if lookups else environment_options())
        )
        self._values: dict[str, t.Any] = {name: readable[name] for name in raw if name.startswith(_PREFIX)}
        self._address = readable.get("ansible_host")
        # Templates take most of the time.
        self._resolved: dict[str, tuple[t.Any, t.Any, list[Missing]]] = {}

    @property
    def names(self) -> list[str]:
        """The variables with this collection's prefix that somebody has set."""
        return list(self._values)

    def value(self, name: str) -> t.Any:
        """The value of a variable that somebody has set, with stand-ins for the parts that have none."""
        return self._variable(name)[1]

    @property
    def address(self) -> t.Any:
        """The value of `ansible_host`, with stand-ins as in `value`; None without one."""
        return self._resolve("ansible_host", self._address, [])[1]

    def missing(self, name: str) -> list[Missing]:
        """The parts of a variable that have no value, so that a run would stop."""
        return self._variable(name)[2]

    def location(self, name: str, value: t.Any = None) -> Location:
        """Where a variable was written, or better the part of its value that is given."""
        if name not in self._values:
            return Location()
        for part in (value, self._values[name]):
            location = location_of(part)
            if location.file:
                return location
        return self._location_of_name(name) or self._location_in_inventory(name)

    def _location_of_name(self, name: str) -> Location | None:
        """Where a variable was written whose value is no text, for which not every ansible-core keeps the place.

        Where a variable is overridden, Ansible has the value of the last one with the name of the first.
        """
        location = location_of(next(key for key in self._raw if key == name))
        value = self._values[name]
        if not location.file or (isinstance(value, int) and str(value).lower() not in _line(location).lower()):
            return None
        return location

    def _location_in_inventory(self, name: str) -> Location:
        """The line of an inventory file in INI format, which ansible-core 2.18 does not keep."""
        text = self._values[name]
        if self._inventory and isinstance(text, (str, int)) and os.path.isfile(self._inventory):
            desired = re.compile(rf"(?:^|\s){name}\s*=.*{re.escape(str(text))}")
            lines = pathlib.Path(self._inventory).read_text("utf-8", "replace").splitlines()
            for number, line in enumerate(lines, 1):
                if desired.search(line):
                    return Location(relative_path(self._inventory), number)
        return Location()

    def _variable(self, name: str) -> tuple[t.Any, t.Any, list[Missing]]:
        """A variable with stand-ins, before and after its templates are evaluated, and what they stand for."""
        if name not in self._resolved:
            missing: list[Missing] = []
            self._resolved[name] = (*self._resolve(name, self._values[name], missing), missing)
        return self._resolved[name]

    def _resolve(self, name: str, value: t.Any, missing: list[Missing]) -> tuple[t.Any, t.Any]:
        try:
            return value, self._evaluated(value)
        except (LookupRefusedError, UnresolvedTemplateError) as error:
            failure = error
        if isinstance(value, (dict, list)):
            before_parts = self.refused + len(missing)
            parts = [
                self._resolve(name, part, missing) for part in (value.values() if isinstance(value, dict) else value)
            ]
            if self.refused + len(missing) > before_parts:
                before, after = map(list, zip(*parts, strict=True))
                return (
                    (dict(zip(value, before, strict=True)), dict(zip(value, after, strict=True)))
                    if isinstance(value, dict)
                    else (before, after)
                )
        own = hashlib.sha256(str(value).encode("utf-8", "surrogatepass")).hexdigest()[:24]
        if isinstance(failure, LookupRefusedError):
            self.refused += 1
            return _STAND_IN + own, _STAND_IN + own
        missing.append(Missing(str(failure), failure.undefined, self.location(name, value)))
        return _WITHOUT_VALUE + own, _WITHOUT_VALUE + own

    def _evaluated(self, value: t.Any) -> t.Any:
        """As `evaluated`. LookupRefusedError where that takes a lookup and none may run."""
        if self._lookups:
            return evaluated(value, self._templar)
        with without_lookups() as refusals:
            try:
                result = evaluated(value, self._templar)
            except UnresolvedTemplateError:
                if not refusals.count:
                    raise
        if refusals.count:
            raise LookupRefusedError("it needs a lookup")
        return result

    def _readable(self, value: t.Any) -> t.Any:
        """The same value, with stand-ins for what is encrypted and cannot be decrypted here."""
        return _with_encrypted(value, self._itself_or_stand_in)

    def _itself_or_stand_in(self, encrypted: t.Any) -> t.Any:
        try:
            str(encrypted)
        except AnsibleError:
            self.undecryptable += 1
            # Equal only for the same text of the same file.
            return _STAND_IN + hashlib.sha256(str(encrypted._ciphertext).encode("utf-8")).hexdigest()[:24]  # noqa: SLF001
        return encrypted


def evaluated(value: t.Any, templar: t.Any) -> t.Any:
    """A value with its templates evaluated.

    :param templar: Ansible's own, with the variables of the host
    :raises UnresolvedTemplateError: a template refers to something that is not defined, or cannot be evaluated
    """
    try:
        return decrypted(templar.template(value))
    except AnsibleUndefinedVariable as error:
        missing = _UNDEFINED.search(str(error))
        if missing:
            raise UnresolvedTemplateError(f"it refers to {missing[1]}, which is not defined", missing[1]) from None
        raise UnresolvedTemplateError("its template refers to something that is not defined") from None
    # Jinja's own is what ansible-core 2.18 lets through.
    except (AnsibleError, TemplateError):
        raise UnresolvedTemplateError("its template cannot be evaluated") from None


def decrypted(value: t.Any) -> t.Any:
    """The same value, with a text in the place of each that is encrypted by itself (`!vault`).

    Before ansible-core 2.19 those in mappings and lists are objects, which no text is made of on the way.

    :raises AnsibleError: one cannot be decrypted
    """
    return _with_encrypted(value, str)


def _with_encrypted(value: t.Any, replaced: t.Callable[[t.Any], t.Any]) -> t.Any:
    """The same value, with something in the place of each part that is encrypted by itself."""
    if hasattr(value, "_ciphertext"):
        return replaced(value)
    if isinstance(value, dict):
        parts = {key: _with_encrypted(part, replaced) for key, part in value.items()}
        return parts if any(parts[key] is not part for key, part in value.items()) else value
    if isinstance(value, list):
        entries = [_with_encrypted(entry, replaced) for entry in value]
        return entries if any(new is not old for new, old in zip(entries, value, strict=True)) else value
    return value


def is_stand_in(value: t.Any) -> bool:
    """Whether something in a value is not known here, so that nothing can be said of it."""
    return _has(value, _STAND_IN)


def is_incomplete(value: t.Any) -> bool:
    """Whether something in a value is not defined."""
    return _has(value, _WITHOUT_VALUE)


def _has(value: t.Any, stand_in: str) -> bool:
    if isinstance(value, Mapping):
        return any(_has(part, stand_in) for part in value.values())
    if isinstance(value, list):
        return any(_has(part, stand_in) for part in value)
    return isinstance(value, str) and stand_in in value


def location_of(value: t.Any) -> Location:
    """Where a value, or the first part of it that Ansible knows this of, was written."""
    position = getattr(value, "ansible_pos", None)
    if position:
        return Location(relative_path(position[0]), position[1]) if os.path.isfile(position[0]) else Location()
    if Origin is not None:
        tag = Origin.get_tag(value)
        if tag and tag.path:
            return Location(relative_path(tag.path), tag.line_num)
    parts = value.values() if isinstance(value, Mapping) else value if isinstance(value, list) else ()
    return next((location for location in map(location_of, parts) if location.file), Location())


def _line(location: Location) -> str:
    """The text at a place, else the empty text."""
    try:
        lines = pathlib.Path(location.file).read_text("utf-8", "replace").splitlines()
    except OSError:
        return ""
    return lines[location.line - 1] if location.line and location.line <= len(lines) else ""


def relative_path(path: str) -> str:
    """A path as reports show it: from the working directory on, if it lies below."""
    relative = os.path.relpath(path)
    return path if relative.startswith(os.pardir) else relative
