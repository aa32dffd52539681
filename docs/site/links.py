# Copyright (c) 2026, the pifleet.nodered maintainers
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Checks links, without the network.

    links.py DOCUMENT.md...    each relative link of the documents leads to a file, each anchor to a heading
    links.py DIRECTORY         each relative link of the HTML pages leads to a file, each anchor to an element;
                               and no page loads anything from elsewhere

Links to other sites are not followed. They have to be well-formed.
"""

from __future__ import annotations

import dataclasses
import functools
import html.parser
import pathlib
import re
import sys
import urllib.parse

_HOST_LABEL = re.compile(r"(?!-)[a-z0-9-]{1,63}(?<!-)", re.IGNORECASE)
#: Attributes that lead elsewhere, and those by which a page loads something.
_LEADS = {("a", "href"), ("area", "href")}
_LOADS = {("img", "src"), ("script", "src"), ("link", "href"), ("iframe", "src"), ("source", "src"), ("video", "src")}


@dataclasses.dataclass(frozen=True)
class Link:
    line: int
    target: str
    #: Whether the page loads it, as a picture, script or style.
    loaded: bool


@dataclasses.dataclass(frozen=True)
class Page:
    links: tuple[Link, ...]
    anchors: frozenset[str]


class _HtmlLinks(html.parser.HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.links: list[Link] = []
        self.anchors: set[str] = set()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        for name, value in attrs:
            if name == "id" or (tag, name) == ("a", "name"):
                self.anchors.add(value or "")
            elif (tag, name) in _LEADS | _LOADS:
                self.links.append(Link(self.getpos()[0], value or "", (tag, name) in _LOADS))


def read_html(text: str) -> Page:
    """The links and anchors of an HTML page."""
    reader = _HtmlLinks()
    reader.feed(text)
    return Page(tuple(reader.links), frozenset(reader.anchors))


def heading_anchor(heading: str) -> str:
    """The anchor that a repository's site gives a heading, without the number of a second one of its name."""
    return re.sub(r"[^\w\- ]", "", heading.strip().lower()).replace(" ", "-")


def read_markdown(text: str) -> Page:
    """The links and anchors of a Markdown document."""
    # Not needed for HTML, and not there where only the site is made.
    from markdown_it import MarkdownIt

    tokens = MarkdownIt("commonmark").enable(["table", "strikethrough"]).parse(text)
    links: list[Link] = []
    anchors: set[str] = set()
    line = 0
    for index, token in enumerate(tokens):
        line = token.map[0] + 1 if token.map else line
        pieces = [token, *(token.children or [])]
        for piece in pieces:
            if piece.type in {"html_block", "html_inline"}:
                page = read_html(piece.content)
                links += [Link(line, link.target, link.loaded) for link in page.links]
                anchors |= page.anchors
            elif piece.type in {"link_open", "image"}:
                target = piece.attrGet("href" if piece.type == "link_open" else "src")
                links.append(Link(line, str(target or ""), piece.type == "image"))
        if token.type == "heading_open":
            content = tokens[index + 1].children or []
            anchor = heading_anchor(
                "".join(piece.content for piece in content if piece.type in {"text", "code_inline"})
            )
            number = 1
            unique = anchor
            while unique in anchors:
                unique = f"{anchor}-{number}"
                number += 1
            anchors.add(unique)
    return Page(tuple(links), frozenset(anchors))


@functools.cache
def read(path: pathlib.Path) -> Page:
    """The links and anchors of a file; none where it is neither HTML nor Markdown."""
    if path.suffix == ".html":
        return read_html(path.read_text("utf-8"))
    if path.suffix == ".md":
        return read_markdown(path.read_text("utf-8"))
    return Page((), frozenset())


def malformed(url: str) -> str:
    """What is wrong with the address of another site; nothing where it is well-formed."""
    try:
        parts = urllib.parse.urlsplit(url)
        port = parts.port
    except ValueError as error:
        return str(error)
    if re.search(r"[\s<>\"{}|\\^`]", url):
        return "it has a character that an address may not have"
    if parts.scheme == "mailto":
        return "" if re.fullmatch(r"[^@\s]+@[^@\s]+\.[^@\s]+", parts.path) else "it is no address of mail"
    if parts.scheme not in {"http", "https"}:
        return f"{parts.scheme}: leads nowhere that is known"
    host = parts.hostname or ""
    labels = host.split(".")
    if host != "localhost" and not (len(labels) > 1 and all(map(_HOST_LABEL.fullmatch, labels))):
        return f"{host!r} is no host name"
    return "" if port is None or port else "port 0 is none"


def faults(path: pathlib.Path, root: pathlib.Path) -> list[str]:
    """What is wrong with the links of a file, each as a sentence with its line.

    :param root: the directory that links must not leave
    """
    found = []

    def fault(link: Link, what: str) -> None:
        found.append(f"{path.relative_to(root)}:{link.line}: {link.target}: {what}")

    for link in read(path).links:
        if re.match(r"[a-z][a-z0-9+.-]*:|//", link.target, re.IGNORECASE):
            if link.loaded and not link.target.startswith("data:"):
                fault(link, "is loaded from elsewhere")
            elif not link.loaded and (what := malformed(link.target)):
                fault(link, what)
            continue
        parts = urllib.parse.urlsplit(link.target)
        target = (path.parent / urllib.parse.unquote(parts.path)).resolve() if parts.path else path
        anchor = urllib.parse.unquote(parts.fragment)
        if not target.is_relative_to(root):
            fault(link, "leads out of the project")
        elif not target.exists():
            fault(link, "is not there")
        elif target.is_dir() and path.suffix == ".html":
            fault(link, "is a directory")
        elif anchor and anchor not in read(target).anchors:
            fault(link, "the page has no such anchor")
    return found


def main(arguments: list[str]) -> int:
    if len(arguments) == 1 and pathlib.Path(arguments[0]).is_dir():
        root = pathlib.Path(arguments[0]).resolve()
        files = sorted(root.rglob("*.html"))
    else:
        root = pathlib.Path(__file__).resolve().parents[2]
        files = [pathlib.Path(argument).resolve() for argument in arguments]
    found = [sentence for file in files for sentence in faults(file, root)]
    count = sum(len(read(file).links) for file in files)
    print("\n".join(found) or f"{count} links of {len(files)} pages lead somewhere")
    return 1 if found or not count else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
