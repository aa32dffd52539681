# Copyright (c) 2026, the pifleet.nodered maintainers
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Modules that a program brings with it, imported from memory: nothing of them lies on the disk of a host."""

from __future__ import annotations

import importlib.abc
import importlib.machinery
import sys
import typing as t


class SentModules(importlib.abc.MetaPathFinder, importlib.abc.InspectLoader):
    """Finds and loads modules whose sources are known.

    :param sources: the sources by the full names of the modules; whatever stands before a dot is a package
    """

    def __init__(self, sources: dict[str, str]) -> None:
        self.sources = sources
        names = [name.split(".") for name in sources]
        self.packages = {".".join(parts[:end]) for parts in names for end in range(1, len(parts))}

    def find_spec(
        self, fullname: str, path: t.Any = None, target: t.Any = None
    ) -> importlib.machinery.ModuleSpec | None:
        if fullname not in self.sources and fullname not in self.packages:
            return None
        spec = importlib.machinery.ModuleSpec(fullname, self, is_package=self.is_package(fullname))
        # With the name of a file, also where there is none, Python finds the source again.
        spec.origin = f"{fullname.replace('.', '/')}.py"
        spec.has_location = True
        return spec

    def is_package(self, fullname: str) -> bool:
        return fullname in self.packages

    def get_source(self, fullname: str) -> str:
        return self.sources.get(fullname, "")

    def get_code(self, fullname: str) -> t.Any:
        return self.source_to_code(self.get_source(fullname), f"{fullname.replace('.', '/')}.py")


def install(sources: dict[str, str]) -> None:
    """Let these modules be imported from now on, before those of the same names that the host has."""
    sys.meta_path.insert(0, SentModules(sources))
