# Copyright (c) 2026, the pifleet.nodered maintainers
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Templates of an inventory that nobody has read yet, evaluated without letting them run a lookup or Python.

A template has many ways to a lookup: aliases, `map`, imported files, variables of other hosts. All of them end at the
loader of the plugins, so that it is the loader which refuses.
"""

from __future__ import annotations

import contextlib
import typing as t
from collections.abc import Iterator

from ansible import template
from ansible.errors import AnsibleError
from ansible.plugins.loader import lookup_loader
from jinja2.sandbox import SandboxedEnvironment


class Refusals:
    """How many lookups were refused, also such as a template goes on without (`errors='ignore'`, `default`)."""

    def __init__(self) -> None:
        self.count = 0

    def refuse(self, *_args: t.Any, **_kwargs: t.Any) -> t.NoReturn:
        self.count += 1
        raise AnsibleError("lookups are not evaluated here")


@contextlib.contextmanager
def without_lookups() -> Iterator[Refusals]:
    """No template that is evaluated meanwhile runs a lookup."""
    refusals = Refusals()
    with contextlib.ExitStack() as stack:
        for name in ("get", "get_with_context"):
            stack.enter_context(_replaced(lookup_loader, name, refusals.refuse))
        for name, sandboxed in _SANDBOXED.items():
            stack.enter_context(_replaced(template, name, sandboxed))
        yield refusals


@contextlib.contextmanager
def _replaced(owner: t.Any, name: str, value: t.Any) -> Iterator[None]:
    before = getattr(owner, name)
    setattr(owner, name, value)
    try:
        yield
    finally:
        setattr(owner, name, before)


def environment_options() -> dict[str, t.Any]:
    """What `copy_with_new_env` takes for a templar that keeps templates from Python's internals."""
    return {"environment_class": _SANDBOXED["AnsibleEnvironment"]} if _SANDBOXED else {}


def _sandboxed_environments() -> dict[str, type]:
    """For ansible-core 2.18, whose templates reach every function of Python by attributes; the later ones are sandboxed."""
    names = ("AnsibleEnvironment", "AnsibleNativeEnvironment")
    return {
        name: type(name, (SandboxedEnvironment, getattr(template, name)), {})
        for name in names
        if hasattr(template, name) and not issubclass(getattr(template, name), SandboxedEnvironment)
    }


_SANDBOXED = _sandboxed_environments()
