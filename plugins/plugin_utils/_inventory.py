# Copyright (c) 2026, the pifleet.nodered maintainers
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The variables of a host as Ansible has them: their values, and the file and the line where each was written."""

from __future__ import annotations

import hashlib
import os
import pathlib
import re
import typing as t

from ansible.errors import AnsibleError, AnsibleUndefinedVariable

from ansible_collections.pifleet.nodered.plugins.plugin_utils._findings import Place
from ansible_collections.pifleet.nodered.plugins.plugin_utils._roles import ROLE_DEFAULTS

try:
    from ansible._internal._datatag._tags import Origin
    from ansible.template import trust_as_template
except ImportError:
    # ansible-core 2.18: what comes from YAML has an attribute, and every text may be a template.
    Origin = None

    def trust_as_template(value: str) -> str:
        return value

_PREFIX = "nodered_"
_UNDEFINED = re.compile(r"'(\w+)' is undefined")
#: Stands for a secret that cannot be decrypted here, with something of its own behind it.
_STAND_IN = "pifleet-cannot-decrypt-"
#: Variables of Ansible's own that have all hosts in them.
_SKIPPED = ("groups", "hostvars", "vars")


class Unresolved(Exception):
    """A variable without a value, and why; never with a part of a template, which may hold a secret."""


class HostVariables:
    """What the inventory says of one host.

    :param raw: all variables of the host, with their templates
    :param templar: Ansible's own
    :param inventory: the file of the inventory that names the host, for variables whose line Ansible does not keep
    """

    def __init__(self, raw: t.Mapping[str, t.Any], templar: t.Any, inventory: str | None = None) -> None:
        self._raw = raw
        self._inventory = inventory
        #: How many encrypted values cannot be decrypted here.
        self.undecryptable = 0
        readable = {name: value if name in _SKIPPED else self._readable(value) for name, value in raw.items()}
        self._templar = templar.copy_with_new_env(available_variables={**ROLE_DEFAULTS, **readable})
        self._values: dict[str, t.Any] = {name: readable[name] for name in raw if name.startswith(_PREFIX)}
        #: Templates take most of the time.
        self._arguments: dict[str, tuple[t.Any, ...]] = {}

    @property
    def names(self) -> list[str]:
        """The variables with this collection's prefix that somebody has set."""
        return list(self._values)

    def value(self, name: str) -> t.Any:
        """The value of a variable that somebody has set. Unresolved."""
        return self._template(self._values[name])

    def argument(self, template: str) -> tuple[t.Any, ...]:
        """What an option of a task becomes, or nothing where it is left out. Unresolved."""
        if template not in self._arguments:
            found = self._template({"value": trust_as_template(template)})
            omitted = "value" not in found or (self._raw.get("omit") is not None and found["value"] == self._raw["omit"])
            self._arguments[template] = () if omitted else (found["value"],)
        return self._arguments[template]

    def place(self, name: str, value: t.Any = None) -> Place:
        """Where a variable was written, or better the part of its value that is given."""
        if name not in self._values:
            return Place()
        for known in (value, self._values[name]):
            place = place_of(known)
            if place.file:
                return place
        return self._place_of_name(name) or self._place_in_inventory(name)

    def _place_of_name(self, name: str) -> Place | None:
        """Where a variable was written whose value is no text, for which not every ansible-core keeps the place.

        Where a variable is overridden, Ansible has the value of the last one with the name of the first.
        """
        place = place_of(next(key for key in self._raw if key == name))
        value = self._values[name]
        if not place.file or isinstance(value, int) and str(value).lower() not in _line(place).lower():
            return None
        return place

    def _place_in_inventory(self, name: str) -> Place:
        """The line of an inventory file in INI format, which ansible-core 2.18 does not keep."""
        text = self._values[name]
        if self._inventory and isinstance(text, (str, int)) and os.path.isfile(self._inventory):
            wanted = re.compile(rf"(?:^|\s){name}\s*=.*{re.escape(str(text))}")
            lines = pathlib.Path(self._inventory).read_text("utf-8", "replace").splitlines()
            for number, line in enumerate(lines, 1):
                if wanted.search(line):
                    return Place(shown_path(self._inventory), number)
        return Place()

    def _template(self, value: t.Any) -> t.Any:
        try:
            return self._templar.template(value)
        except AnsibleUndefinedVariable as error:
            missing = _UNDEFINED.search(str(error))
            raise Unresolved(f"it refers to {missing[1]}, which is not defined" if missing else
                             "its template refers to something that is not defined") from None
        except AnsibleError:
            raise Unresolved("its template cannot be evaluated") from None

    def _readable(self, value: t.Any) -> t.Any:
        """The same value, with stand-ins for what is encrypted and cannot be decrypted here."""
        if hasattr(value, "_ciphertext"):
            try:
                str(value)
            except AnsibleError:
                self.undecryptable += 1
                # Equal only for the same text of the same file.
                return _STAND_IN + hashlib.sha256(str(value._ciphertext).encode("utf-8")).hexdigest()[:24]
        elif isinstance(value, dict):
            parts = {key: self._readable(part) for key, part in value.items()}
            return parts if any(parts[key] is not value[key] for key in parts) else value
        elif isinstance(value, list):
            entries = [self._readable(entry) for entry in value]
            return entries if any(new is not old for new, old in zip(entries, value)) else value
        return value


def is_stand_in(value: t.Any) -> bool:
    """Whether something in a value could not be decrypted, so that nothing can be said of it."""
    if isinstance(value, t.Mapping):
        return any(map(is_stand_in, value.values()))
    if isinstance(value, list):
        return any(map(is_stand_in, value))
    return isinstance(value, str) and _STAND_IN in value


def place_of(value: t.Any) -> Place:
    """Where a value, or the first part of it that Ansible knows this of, was written."""
    position = getattr(value, "ansible_pos", None)
    if position:
        return Place(shown_path(position[0]), position[1]) if os.path.isfile(position[0]) else Place()
    if Origin is not None:
        tag = Origin.get_tag(value)
        if tag and tag.path:
            return Place(shown_path(tag.path), tag.line_num)
    parts = value.values() if isinstance(value, t.Mapping) else value if isinstance(value, list) else ()
    return next((place for place in map(place_of, parts) if place.file), Place())


def _line(place: Place) -> str:
    """The text at a place, else the empty text."""
    try:
        lines = pathlib.Path(place.file).read_text("utf-8", "replace").splitlines()
    except OSError:
        return ""
    return lines[place.line - 1] if place.line and place.line <= len(lines) else ""


def shown_path(path: str) -> str:
    """A path as reports show it: from the working directory on, if it lies below."""
    relative = os.path.relpath(path)
    return path if relative.startswith(os.pardir) else relative
