# Copyright (c) 2026, the pifleet.nodered maintainers
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The one gate for the Python libraries that the control node needs beside ansible-core: see requirements.txt.

Nothing fails at import where one is missing, so that documentation can be read and other modules be used; what needs a
library asks here first.
"""

from __future__ import annotations

import functools
import importlib
import sys

from ansible_collections.pifleet.nodered.plugins.plugin_utils._errors import UserError

from .paths import COLLECTION

#: The modules that must be importable for a library to be there, and what pip calls them.
_LIBRARIES = {
    "cryptography": (("cryptography",), "The Python library cryptography is"),
    "passlib": (("passlib.hash", "bcrypt"), "The Python libraries libpass and bcrypt are"),
    "tree_sitter": (
        ("tree_sitter", "tree_sitter_javascript"),
        "The Python libraries tree-sitter and tree-sitter-javascript are",
    ),
}
#: The oldest major version of a library that works, where an older one can be imported too.
_OLDEST = {"cryptography": 43}


class MissingLibraryError(UserError):
    """A library that is missing on the control node, or too old, with the command that installs it."""


@functools.cache
def _failure(library: str) -> str:
    """Why a library cannot be used; empty where it can."""
    modules, subject = _LIBRARIES[library]
    install = f"run '{sys.executable} -m pip install -r {COLLECTION / 'requirements.txt'}'"
    try:
        first, *_others = [importlib.import_module(module) for module in modules]
    except ImportError:
        return f"{subject} missing on the control node: {install}."
    oldest = _OLDEST.get(library, 0)
    if oldest and int(first.__version__.split(".")[0]) < oldest:
        return f"{library} {first.__version__} on the control node is older than {oldest}: {install}."
    return ""


def is_usable(library: str) -> bool:
    """Whether a library is there and new enough.

    :param library: cryptography, passlib or tree_sitter
    """
    return not _failure(library)


def require(library: str) -> None:
    """Refuse to go on without a library.

    :param library: cryptography, passlib or tree_sitter
    :raises MissingLibraryError: it is missing, or too old
    """
    if failure := _failure(library):
        raise MissingLibraryError(failure)
