# Copyright (c) 2026, the pifleet.nodered maintainers
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The look at a host as a program of its own, sent in the place of the module host_info.

It has the modules that the look is made of with it, and not Ansible's library, which the module needs for nothing but its
arguments: on a host that is more than half of what Python has to compile for a visit. So the arguments are checked here.
"""

from __future__ import annotations

import base64
import json
import typing as t
import zlib

from ansible_collections.pifleet.nodered.plugins.plugin_utils._collection.paths import COLLECTION

#: The module that it is sent for.
MODULE = "pifleet.nodered.host_info"
#: The rooms of the host's side that a look may enter.
ROOMS = ("_certificate", "_credentials", "_host", "_info", "_node_red", "_proxy", "_shared")
_PACKAGE = "ansible_collections.pifleet.nodered.plugins.module_utils"
#: Nothing is imported from where the session begins, which is the home of a user. Any Python understands its beginning.
_PROGRAM = """\
# ansible_collections.pifleet.nodered.plugins.modules.host_info, without Ansible's library
import sys
sys.path[:] = [path for path in sys.path if path not in ("", ".")]
if sys.version_info < (3, 9):
    sys.stdout.write({too_old!r} % sys.version.split()[0])
    sys.exit(1)
import base64, json, zlib
sources = json.loads(zlib.decompress(base64.b64decode("{sources}")))
loader = {{"__name__": "sent_modules"}}
exec(compile(sources["{package}._shared.sent_modules"], "sent_modules.py", "exec"), loader)
loader["install"](sources)
from {package}._info.visit import main
main(json.loads({options!r}))
"""
#: What an older Python answers, with its version in the place of %s.
_TOO_OLD = json.dumps(
    {
        "failed": True,
        "msg": "Python %s of this host is too old: 3.9 or newer is needed. Where there is one beside it, set"
        " ansible_python_interpreter to its path.",
    }
)


def _sources() -> str:
    """The sources of the modules by their full names, as JSON, compressed and in Base64."""
    side = COLLECTION / "plugins" / "module_utils"
    sources = {
        f"{_PACKAGE}.{room}.{path.stem}": path.read_text("utf-8")
        for room in ROOMS
        for path in sorted(side.joinpath(room).glob("*.py"))
    }
    return base64.b64encode(zlib.compress(json.dumps(sources).encode("ascii"))).decode("ascii")


#: The same for every host. Made at import, once in the process that those of the tasks are forked from.
_SOURCES = _sources()


def look_program(options: t.Mapping[str, t.Any]) -> bytes:
    """The program that answers what the module would with these options.

    :param options: as Ansible gives them to the module; its own, which begin with an underscore, are left out
    """
    asked = json.dumps({name: value for name, value in options.items() if not name.startswith("_")})
    return _PROGRAM.format(sources=_SOURCES, package=_PACKAGE, options=asked, too_old=_TOO_OLD).encode("ascii")
