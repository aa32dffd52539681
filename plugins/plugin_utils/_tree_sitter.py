# Copyright (c) 2026, the pifleet.nodered maintainers
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The parser library, which need not be installed for this collection to be imported."""

from __future__ import annotations

import functools
import pathlib
import sys
import traceback
import typing as t

try:
    import tree_sitter
    import tree_sitter_javascript
    from tree_sitter import Node

    TREE_SITTER_IMPORT_ERROR = None
except ImportError:
    TREE_SITTER_IMPORT_ERROR = traceback.format_exc()
    Node = t.Any

_REQUIREMENTS = pathlib.Path(__file__).parents[2] / "requirements.txt"


def missing() -> str | None:
    """What to tell the user if the library is missing, else None."""
    if TREE_SITTER_IMPORT_ERROR is None:
        return None
    return (
        "The Python libraries tree-sitter and tree-sitter-javascript are missing on the control node: run"
        f" '{sys.executable} -m pip install -r {_REQUIREMENTS}'."
    )


@functools.cache
def _language() -> t.Any:
    return tree_sitter.Language(tree_sitter_javascript.language())


@functools.cache
def _query(text: str) -> t.Any:
    return tree_sitter.Query(_language(), text)


def tree_of(source: bytes) -> Node:
    """The root of the syntax tree, errors and all."""
    return tree_sitter.Parser(_language()).parse(source).root_node


def captures(query: str, node: Node) -> dict[str, list[Node]]:
    """The nodes below a node that a query of tree-sitter captures, by the names it gives them."""
    return tree_sitter.QueryCursor(_query(query)).captures(node)
