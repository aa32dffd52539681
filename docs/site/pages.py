# Copyright (c) 2026, the pifleet.nodered maintainers
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Writes the pages of the documentation site that come from documents, as Sphinx and MyST read them.

    pages.py COLLECTION SOURCE

COLLECTION is the installed collection, SOURCE the directory of pages. The documents keep their places there, and their
text but for links to what is no page; the README is `index.md`. Every variable is in `variables.md`, made from the
roles' argument_specs and from the tables of variables in the documents.
"""

from __future__ import annotations

import dataclasses
import json
import os
import pathlib
import posixpath
import re
import shutil
import sys
import typing as t

import yaml

#: Documents that tell how the project works, not how the collection is used.
PROJECT = [
    "docs/development.md",
    "docs/decisions/README.md",
    "CONTRIBUTING.md",
    "SECURITY.md",
    "CODE_OF_CONDUCT.md",
    "CHANGELOG.md",
]
GLOSSARY = "docs/glossary.md"
#: The page of variables, which is made here.
VARIABLES = "variables.md"
#: The first row of tables that have variables in each row, or a heading in bold type.
TABLE = "| variable | default | what it does |"

_FENCE = re.compile(r" *(`{3,}|~{3,})")
#: The end of a link, with its text where that is the name of a document.
_LINK = re.compile(r"(\[[\w./-]+\.md)?\]\(([^()\s]+)\)")
_CELLS = re.compile(r"(?<!\\)\|")
_VARIABLE = re.compile(r"`(nodered_\w+)`")
_MARKUP = re.compile(r"\b[CVOMIB]\(([^)]*)\)")


class PagesError(Exception):
    """A document that does not have what the site is made from; the message names it."""


@dataclasses.dataclass(frozen=True)
class Row:
    """A row of a table of variables."""

    #: The heading in bold type above it, or the title of the document.
    section: str
    names: tuple[str, ...]
    default: str
    text: str
    #: Where relative links of the text start: the path of the document.
    document: str


def title(text: str) -> str:
    """The first heading of a document."""
    return next(line[2:].strip() for line in text.splitlines() if line.startswith("# "))


def relinked(text: str, document: str, collection: pathlib.Path, repository: str, page: str = "") -> str:
    """The text with links that fit the site: to the pages of roles, and to the repository for what is no page.

    A link whose text is the name of a document gets that document's title.

    :param text: Markdown
    :param document: the path of the document in the collection that the text is from
    :param repository: the URL under which files are shown that the site does not have
    :param page: the path of the page that gets the text, where that is another one
    """

    def target(match: re.Match[str]) -> str:
        name, link = match.groups()
        path, hash_sign, anchor = link.partition("#")
        if re.match(r"[a-z]+:", path) or not (path or page):
            return match[0]
        place = posixpath.normpath(posixpath.join(posixpath.dirname(document), path)) if path else document
        role = re.fullmatch(r"roles/(\w+)(?:/README\.md)?", place)
        if place == "README.md":
            leads_to = "index.md"
        elif role:
            leads_to = f"reference/{role[1]}_role.rst"
        elif (collection / place).is_file() and (place.startswith("docs/") or place.endswith(".md")):
            leads_to = place
        else:
            kind = "tree" if (collection / place).is_dir() else "blob"
            return f"{name or ''}]({repository}/{kind}/main/{place}{hash_sign}{anchor})"
        start = posixpath.dirname(page or document) or "."
        return f"{'[' if name else ''}]({posixpath.relpath(leads_to, start)}{hash_sign}{anchor})"

    lines, fence = [], ""
    for line in text.splitlines(keepends=True):
        opened = _FENCE.match(line)
        if opened and not fence:
            fence = opened[1]
        elif opened and line.strip() == fence:
            fence = ""
        lines.append(line if fence else _LINK.sub(target, line))
    return "".join(lines)


def toctree(pages: list[str], caption: str = "") -> str:
    """A hidden table of contents, from which the theme makes its menu.

    :param pages: paths of documents, or entries with a title of their own
    """
    options = [":hidden:", *([f":caption: {caption}"] if caption else [])]
    entries = [f"/{page.removesuffix('.md')}" if page.endswith(".md") else page for page in pages]
    return "\n".join(["", "```{toctree}", *options, "", *entries, "```", ""])


def variable_rows(documents: dict[str, str]) -> list[Row]:
    """The rows of all tables of variables, those of the README first.

    :param documents: the text of each document by its path
    :raises PagesError: the README has no such table
    """
    if TABLE not in documents["README.md"]:
        raise PagesError(f"README.md has no table of variables, which begins with {TABLE}")
    return [
        row
        for document in sorted(documents, key=lambda path: (path != "README.md", path))
        for table in documents[document].split(TABLE)[1:]
        for row in _table_rows(table, document, title(documents[document]))
    ]


def _table_rows(table: str, document: str, section: str) -> t.Iterator[Row]:
    for line in table.splitlines()[2:]:
        if not line.startswith("|"):
            return
        first, default, text = (cell.strip() for cell in _CELLS.split(line)[1:-1])
        if first.startswith("**"):
            section = first.strip("*")
        else:
            yield Row(section, tuple(_VARIABLE.findall(first)), default, text, document)


def role_options(collection: pathlib.Path) -> dict[str, dict[str, dict]]:
    """The option that each role has for a variable, by variable and role."""
    found: dict[str, dict[str, dict]] = {}
    for path in sorted(collection.glob("roles/*/meta/argument_specs.yml")):
        for name, option in yaml.safe_load(path.read_text("utf-8"))["argument_specs"]["main"]["options"].items():
            found.setdefault(name, {})[path.parts[-3]] = option
    return found


def markdown(text: str | list[str]) -> str:
    """The description of an option as Markdown, on one line."""
    joined = _MARKUP.sub(r"`\1`", " ".join(" ".join([text] if isinstance(text, str) else text).split()))
    prose_and_code = re.split(r"(`[^`]*`)", joined)
    prose_and_code[::2] = [
        re.sub(r"\bnodered_\w+", r"`\g<0>`", prose.replace("<", r"\<")) for prose in prose_and_code[::2]
    ]
    return "".join(prose_and_code)


def _directive(name: str, fields: dict[str, str], paragraphs: list[str]) -> str:
    options = [f":{field}: {value}" for field, value in fields.items()]
    return "\n".join([f"````{{confval}} {name}", *options, "", "\n\n".join(paragraphs), "````", ""])


def role_variable(name: str, options: dict[str, dict], row: Row | None) -> str:
    """The entry of a variable that roles read."""
    first = next(iter(options.values()))
    kind = first["type"] + (f" of {first['elements']}" if "elements" in first else "")
    if "choices" in first:
        kind += ": " + ", ".join(f"`{choice}`" for choice in first["choices"] if choice != "")
    default = first.get("default")
    shown = default if isinstance(default, str) and default else json.dumps(default)
    fields = {"type": kind, "default": "required" if first.get("required") else f"`{shown}`"}

    # Roles that share a variable say of it what concerns them. The longest of these texts explains it.
    texts: dict[str, list[str]] = {}
    for role, option in options.items():
        texts.setdefault(markdown(option["description"]), []).append(role)
    main = max(texts, key=lambda text: (not text.startswith("As in the role "), len(text)))
    also = [f"Role {', '.join(roles)}: {text}" for text, roles in texts.items() if text != main]
    roles = ", ".join(f"[{role}](reference/{role}_role.rst)" for role in options)
    guides = sorted(set(re.findall(r"\[[^\]]*\]\([^)]+\)", row.text))) if row else []
    see = f" See {', '.join(guides)}." if guides else ""
    return _directive(name, fields, [main, *also, f"Read by: {roles}.{see}"])


def playbook_variable(name: str, row: Row) -> str:
    """The entry of a variable that only playbooks read."""
    return _directive(name, {"default": row.default} if row.default else {}, [row.text])


def variables_page(collection: pathlib.Path, documents: dict[str, str], repository: str) -> str:
    """The page of all variables."""
    options = role_options(collection)
    rows = [
        dataclasses.replace(row, text=relinked(row.text, row.document, collection, repository, VARIABLES))
        for row in variable_rows(documents)
    ]
    # A variable stands where the first table has it.
    first_rows = {name: row for row in reversed(rows) for name in row.names}
    sections: dict[str, list[str]] = {row.section: [] for row in rows}
    for name, row in sorted(first_rows.items(), key=lambda item: rows.index(item[1])):
        entry = role_variable(name, options[name], row) if name in options else playbook_variable(name, row)
        sections[row.section].append(entry)
    for name, of_roles in options.items():
        if name not in first_rows:
            section = f"Others, of the role {', '.join(of_roles)}"
            sections.setdefault(section, []).append(role_variable(name, of_roles, None))
    lines = [
        "# Variables",
        "",
        "Every variable of the roles and playbooks. An overview is in the [README](index.md#variables).",
        "",
    ]
    for section, entries in sections.items():
        if entries:
            lines += [f"## {section}", "", *entries]
    return "\n".join(lines)


def write_pages(collection: pathlib.Path, source: pathlib.Path) -> None:
    """Write all pages that come from documents."""
    about = json.loads((collection / "MANIFEST.json").read_text("utf-8"))["collection_info"]
    shutil.copytree(collection / "docs", source / "docs")
    documents = {
        path.relative_to(collection).as_posix(): path.read_text("utf-8")
        for path in sorted([*collection.glob("*.md"), *(collection / "docs").rglob("*.md")])
    }
    decisions = [path for path in documents if path.startswith("docs/decisions/") and path not in PROJECT]
    guides = [path for path in documents if path.startswith("docs/") and path not in {*PROJECT, GLOSSARY, *decisions}]
    guides.sort(key=lambda path: title(documents[path]).casefold())
    menu = [
        toctree(guides, "Guides"),
        toctree([VARIABLES, "Modules, filters, roles </reference/index>", GLOSSARY], "Reference"),
        toctree(PROJECT, "Project"),
    ]
    for path, text in documents.items():
        page = relinked(text, path, collection, about["repository"])
        if path == "README.md":
            page += "".join(menu)
        elif path == "docs/decisions/README.md":
            page += toctree(decisions)
        place = source / ("index.md" if path == "README.md" else path)
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text(page, "utf-8")
    (source / VARIABLES).write_text(variables_page(collection, documents, about["repository"]), "utf-8")


def main() -> None:
    collection, source = (pathlib.Path(os.path.realpath(argument)) for argument in sys.argv[1:])
    try:
        write_pages(collection, source)
    except PagesError as error:
        sys.exit(f"pages.py: {error}")


if __name__ == "__main__":
    main()
