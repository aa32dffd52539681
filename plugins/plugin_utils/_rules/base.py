# Copyright (c) 2026, the pifleet.nodered maintainers
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the modules with rules share: a book that holds rules, a settings.js under examination, names made printable."""

from __future__ import annotations

import typing as t

from ansible_collections.pifleet.nodered.plugins.module_utils._shared.probe import is_loopback
from ansible_collections.pifleet.nodered.plugins.plugin_utils._findings.model import Finding, Location, Rule, Severity
from ansible_collections.pifleet.nodered.plugins.plugin_utils._javascript.parser import Node, line_of
from ansible_collections.pifleet.nodered.plugins.plugin_utils._javascript.values import Expression, may_be_placeholder
from ansible_collections.pifleet.nodered.plugins.plugin_utils._settings.source import MISSING, SettingsSource

#: What puts most faults right.
SECURE = "Run pifleet.nodered.secure."


class RuleBook(dict[str, Rule]):
    """Rules by their identifiers, in the order in which they were written down."""

    def add(
        self, identifier: str, severity: Severity, title: str, rationale: str, remediation: str, variable: str = ""
    ) -> Rule:
        """A new rule; its identifier must be new as well."""
        if identifier in self:
            raise AssertionError(f"two rules are called {identifier}")
        self[identifier] = Rule(identifier, severity, title, rationale, remediation, variable)
        return self[identifier]


class SettingsReview:
    """A settings.js under examination: what it says, and findings about it with their lines."""

    def __init__(self, source: bytes, subject: str, file: str, in_repository: bool) -> None:
        """SettingsError where the file cannot be analysed."""
        self.settings = SettingsSource(source, strict=False)
        self.subject = subject
        self.file = file
        self.in_repository = in_repository

    def get(self, *path: str) -> t.Any:
        return _without_undefined(self.settings.value(path))

    def has(self, *path: str) -> bool:
        """Whether the file gives a setting a value, or may do so."""
        return self.get(*path) is not MISSING

    def writes(self, key: str) -> bool:
        """Whether a top-level setting stands in the file, instead of coming from a spread perhaps."""
        return key in self.settings.lines

    def is_off(self, *path: str) -> bool:
        """Whether a setting is missing, or has a value that counts as false in JavaScript."""
        value = self.get(*path)
        return not isinstance(value, (Expression, dict, list)) and not value

    def is_on_loopback(self) -> bool:
        """Whether only the host itself can connect."""
        return is_loopback(self.get("uiHost"))

    def finding(
        self, rule: Rule, message: str, at: Node | tuple[str, ...] | int | None = None, detail: str = ""
    ) -> Finding:
        """A finding; ``at`` is code of the file, a line, or a setting, which may be missing from the file."""
        if isinstance(at, tuple):
            insertion_target = self.settings.insertion_target
            line = self.settings.line(at) or (line_of(insertion_target) if insertion_target is not None else None)
        else:
            line = at if at is None or isinstance(at, int) else line_of(at)
        return Finding(rule, self.subject, message, Location(self.file, line), detail)


def _without_undefined(value: t.Any) -> t.Any:
    """A value without what is written out to have none, which is as good as missing."""
    if isinstance(value, Expression):
        return MISSING if value.is_undefined else value
    if isinstance(value, dict):
        members = {name: _without_undefined(member) for name, member in value.items()}
        return {name: member for name, member in members.items() if member is not MISSING}
    # A hole keeps its place.
    return list(map(_without_undefined, value)) if isinstance(value, list) else value


def is_code(value: t.Any) -> bool:
    """Whether a value is known only to the one who runs the code."""
    return isinstance(value, Expression)


def judged(value: t.Any) -> t.Any:
    """A value to be judged: of `variable || literal` the literal, which counts wherever the variable is not set.

    What a template has yet to fill in is as unknown as code.
    """
    value = _without_undefined(value.fallback) if isinstance(value, Expression) else value
    return Expression(repr(value)) if may_be_placeholder(value) else value
