# Copyright (c) 2026, the pifleet.nodered maintainers
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Sphinx's configuration of the documentation site. PIFLEET_SITE_COLLECTION is the installed collection."""

from __future__ import annotations

import json
import os
import pathlib
import re
import typing as t

from docutils import nodes

_COLLECTION = pathlib.Path(os.environ["PIFLEET_SITE_COLLECTION"])
_ABOUT = json.loads((_COLLECTION / "MANIFEST.json").read_text("utf-8"))["collection_info"]

project = f"{_ABOUT['namespace']}.{_ABOUT['name']}"
author = ", ".join(_ABOUT["authors"])
version = release = _ABOUT["version"]
# Furo's page has "Copyright ©" before it.
project_copyright = f"{author}, {', '.join(_ABOUT['license'])}"
html_title = f"{project} {release}"

extensions = ["myst_parser", "sphinx_antsibull_ext"]
# Environment variables of plugins: there are none.
exclude_patterns = ["reference/environment_variables.rst"]
nitpicky = True

# Headings have the anchors that they have on the pages of a repository, and pictures in HTML are pictures.
myst_heading_anchors = 6
myst_enable_extensions = ["html_image"]

# Examples of settings.js, of inventories and of the console are parts of such files, which no lexer likes as a whole.
suppress_warnings = ["misc.highlighting_failure"]

#: What pages of the reference refer to in ansible-core's documentation.
_ANSIBLE = "https://docs.ansible.com/ansible/latest/"
_LABELS = {
    "action_plugins": "plugins/action.html",
    "common_return_values": "reference_appendices/common_return_values.html",
}

# Those of the theme are in site.css.
antsibull_ext_color_scheme = "none"

html_theme = "furo"
html_static_path = ["static"]
html_css_files = ["site.css"]
html_show_sphinx = False
html_copy_source = False
html_theme_options: dict[str, t.Any] = {"top_of_page_buttons": []}


def _without_contents(_app: t.Any, _page: str, source: list[str]) -> None:
    """Take the table of contents out of pages of the reference: the theme has its own beside each page."""
    source[0] = re.sub(r"(?m)^\.\. contents::\n(?: +:.*\n)+", "", source[0])


def _link_variables(app: t.Any, tree: nodes.document, page: str) -> None:
    """Let the name of a variable lead to what the page of variables says of it."""
    variables = app.env.get_domain("std").objects
    for literal in list(tree.findall(nodes.literal)):
        place = variables.get(("confval", literal.astext()))
        if place and not isinstance(literal.parent, nodes.reference):
            target = f"{app.builder.get_relative_uri(page, place[0])}#{place[1]}"
            literal.replace_self(nodes.reference("", "", literal.deepcopy(), internal=True, refuri=target))


def _ansible_label(_app: t.Any, _env: t.Any, node: t.Any, content: t.Any) -> nodes.Node | None:
    if node.get("reftype") != "ref":
        return None
    builtin = re.fullmatch(r"ansible_collections\.ansible\.builtin\.(\w+)", node["reftarget"])
    page = f"collections/ansible/builtin/{builtin[1]}.html" if builtin else _LABELS.get(node["reftarget"])
    return nodes.reference("", "", content, refuri=_ANSIBLE + page) if page else None


def setup(app: t.Any) -> None:
    """Called by Sphinx when it starts."""
    app.connect("source-read", _without_contents)
    app.connect("missing-reference", _ansible_label)
    app.connect("doctree-resolved", _link_variables)
