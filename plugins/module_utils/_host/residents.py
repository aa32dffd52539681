# Copyright (c) 2026, the pifleet.nodered maintainers
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What stays on a host between two visits, while there is something to go back to: a program and the unit that starts it.

The program is an archive of these very modules, so that there is no second way back. Only root can read it, systemd starts
it with Debian's Python, and both are gone as soon as there is nothing to go back to.
"""

from __future__ import annotations

import contextlib
import importlib
import io
import os
import re
import sys
import typing as t
import zipfile

from ansible_collections.pifleet.nodered.plugins.module_utils._shared import layout

from . import files

if t.TYPE_CHECKING:
    from collections.abc import Iterable

    from .store import Store

#: Where these modules are, in what the host was sent as in the archive.
_PACKAGE = "ansible_collections.pifleet.nodered.plugins.module_utils"

#: What starts both with the host. Whoever starts it otherwise is asked for it.
_WANTS = "multi-user.target.wants"

#: What can stand between quotes in a unit: some of it has been chosen by a user of the host.
_IN_QUOTES = re.compile(r'[^"\\\x00-\x1f\x7f\ud800-\udfff]+')

_MAIN = """\
import sys

from {package}.{module} import {function}

raise SystemExit({function}(sys.argv[1]))
"""
_HEAD = "# Written by the Ansible collection pifleet.nodered, and gone again when the last change has lasted.\n"
_UNIT = """\
{head}[Unit]
Description={description} {service}
{order}={service}
After=local-fs.target remote-fs.target nss-user-lookup.target
RequiresMountsFor={directories}
ConditionPathExists={record}

[Service]
{options}
UMask=0077
ExecStart={python} -I "{program}" "{service}"
"""


class Resident(t.NamedTuple):
    """A program of ours on a host, and when systemd starts it."""

    #: Part of the names of the program and the unit.
    name: str
    #: The function that it runs, which is given the name of the service, and the module that this is in.
    module: str
    function: str
    description: str
    #: The file of the store without which it has nothing to do.
    record: str
    #: Before= or After= the service. Nothing more: whether the service starts must not depend on it.
    order: str
    #: Lines of the section [Service] of the unit.
    options: str

    def unit_name(self, service: str) -> str:
        """The name of its unit."""
        return f"{layout.lineage_name(service)}-{self.name}.service"

    def install(self, store: Store, directories: Iterable[str] = ()) -> None:
        """Put it on the host, to be started when the host is, unless it is there.

        systemd reads a unit that it does not know when it is first asked for.

        :param store: the store of the service
        :param directories: as in `write_unit`
        """
        store.keep(f"{self.name}.pyz", _archive(self.module, self.function))
        self.write_unit(store, directories)
        wanted = os.path.join(layout.UNIT_DIRECTORY, _WANTS)
        os.makedirs(wanted, mode=0o755, exist_ok=True)
        name = self.unit_name(store.service)
        with contextlib.suppress(FileExistsError):
            os.symlink(os.path.join(layout.UNIT_DIRECTORY, name), os.path.join(wanted, name))

    def write_unit(self, store: Store, directories: Iterable[str]) -> None:
        """Write its unit.

        :param store: the store of the service
        :param directories: where it writes, without links: on a disk that comes late, or not at all, it would put files
            below the place of that disk, and believe that all is as it was
        """
        unit = os.path.join(layout.UNIT_DIRECTORY, self.unit_name(store.service))
        places = sorted({store.directory, *filter(_IN_QUOTES.fullmatch, directories)})
        text = _UNIT.format(
            head=_HEAD,
            description=self.description,
            service=layout.in_unit_file(store.service),
            order=self.order,
            record=layout.in_unit_file(store.path(self.record)),
            options=self.options,
            python=layout.PYTHON,
            program=layout.in_unit_file(store.path(f"{self.name}.pyz")),
            directories=" ".join(f'"{layout.in_unit_file(place)}"' for place in places),
        )
        files.replace(unit, text.encode(), 0o644, os.geteuid(), os.getegid())

    def remove(self, store: Store) -> bool:
        """Take it away; what runs may go on to its end.

        :param store: the store of the service
        :returns: whether anything of it was there
        """
        there = False
        name = self.unit_name(store.service)
        for path in (
            os.path.join(layout.UNIT_DIRECTORY, _WANTS, name),
            os.path.join(layout.UNIT_DIRECTORY, name),
            store.path(f"{self.name}.pyz"),
        ):
            with contextlib.suppress(FileNotFoundError):
                os.unlink(path)
                there = True
        return there


def _archive(module: str, function: str) -> bytes:
    """An archive for Python that runs a function of one of these modules, with all of them that are loaded here."""
    importlib.import_module(f"{_PACKAGE}.{module}")
    sources = {"__main__.py": _MAIN.format(package=_PACKAGE, module=module, function=function)}
    for name, loaded in sorted(sys.modules.items()):
        # A list: what reads the module may load others.
        if not name.startswith(f"{_PACKAGE}.") or not loaded.__spec__ or loaded.__spec__.submodule_search_locations:
            continue
        loader: t.Any = loaded.__spec__.loader
        sources[f"{name.replace('.', '/')}.py"] = loader.get_source(name)
        parts = name.split(".")[:-1]
        # Old Pythons take no directory of an archive for a package without it.
        sources.update({"/".join([*parts[: end + 1], "__init__.py"]): "" for end in range(len(parts))})
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for path, source in sources.items():
            archive.writestr(path, source)
    return buffer.getvalue()
