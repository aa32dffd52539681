# Copyright (c) 2026, the pifleet.nodered maintainers
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Links that lead nowhere are found, with their line; others are not."""

from __future__ import annotations

import pathlib

import pytest
from links import faults, heading_anchor, main, malformed, read_html, read_markdown


@pytest.fixture
def project(tmp_path: pathlib.Path) -> pathlib.Path:
    (tmp_path / "docs").mkdir()
    (tmp_path / "docs/guide.md").write_text("# Guide\n\n## Who may do what?\n\n## Who may do what?\n", "utf-8")
    return tmp_path


def found(project: pathlib.Path, name: str, text: str) -> list[str]:
    (project / name).write_text(text, "utf-8")
    return faults(project / name, project)


@pytest.mark.parametrize(
    "text",
    [
        "[a guide](docs/guide.md)",
        "[its heading](docs/guide.md#who-may-do-what)",
        "[its second heading](docs/guide.md#who-may-do-what-1)",
        "[a directory](docs)",
        "# Top\n\n[up](#top)",
        "[elsewhere](https://example.com/a?b=c#d) and <https://example.com>, [mail](mailto:a@example.com)",
        "`[in code](nowhere.md)`\n\n```\n[in a block](nowhere.md)\n```",
        '<img src="docs/guide.md" alt="a file">',
        '<a id="of-html"></a>[there](#of-html)',
    ],
)
def test_a_good_link_of_a_document(project: pathlib.Path, text: str) -> None:
    assert found(project, "README.md", text) == []


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("\n\n[gone](docs/gone.md)", "README.md:3: docs/gone.md: is not there"),
        ("[text](docs/guide.md#gone)", "README.md:1: docs/guide.md#gone: the page has no such anchor"),
        ("[text](#gone)", "README.md:1: #gone: the page has no such anchor"),
        ("[text](../secret.md)", "README.md:1: ../secret.md: leads out of the project"),
        ("![picture](gone.png)", "README.md:1: gone.png: is not there"),
        ('text\n\n<img src="gone.png">', "README.md:3: gone.png: is not there"),
        ("| a |\n|---|\n| b |\n| [c](gone.md) |", "README.md:4: gone.md: is not there"),
        ("[text][name]\n\n[name]: gone.md", "README.md:1: gone.md: is not there"),
        ("[text](https://)", "README.md:1: https://: '' is no host name"),
        ("![a badge](https://example.com/a.svg)", "README.md:1: https://example.com/a.svg: is loaded from elsewhere"),
    ],
)
def test_a_bad_link_of_a_document(project: pathlib.Path, text: str, expected: str) -> None:
    assert found(project, "README.md", text) == [expected]


def test_links_of_pages(project: pathlib.Path) -> None:
    (project / "b.html").write_text('<h1 id="top">B</h1><a name="old"></a>', "utf-8")
    (project / "style.css").write_text("", "utf-8")
    good = '<link href="style.css?v=1"><a href="b.html#top">x</a><a href="b.html#old">x</a><img src="data:image/png,">'
    assert found(project, "a.html", good) == []
    bad = '<script src="//example.com/x.js"></script>\n<a href="b.html#gone">x</a><a href="docs">x</a>'
    assert found(project, "c.html", bad) == [
        "c.html:1: //example.com/x.js: is loaded from elsewhere",
        "c.html:2: b.html#gone: the page has no such anchor",
        "c.html:2: docs: is a directory",
    ]


@pytest.mark.parametrize(
    ("heading", "anchor"),
    [
        ("Who may do what?", "who-may-do-what"),
        ("settings.js, edited", "settingsjs-edited"),
        ("A `nodered_oidc` of yours", "a-nodered_oidc-of-yours"),
        ("Node-RED & co.", "node-red--co"),
    ],
)
def test_anchor_of_a_heading(heading: str, anchor: str) -> None:
    assert heading_anchor(heading.replace("`", "")) == anchor
    assert read_markdown(f"# {heading}").anchors == {anchor}


@pytest.mark.parametrize(
    "url",
    [
        "https://exa mple.com",
        "https://example",
        "https://-a.com",
        "https://a.com:0",
        "https://a.com:x",
        "ftp://a.com",
        "mailto:a",
    ],
)
def test_malformed_address(url: str) -> None:
    assert malformed(url)


def test_all_pages_of_a_directory(project: pathlib.Path, capsys: pytest.CaptureFixture[str]) -> None:
    (project / "docs/a.html").write_text('<a href="gone.html">x</a>', "utf-8")
    assert main([str(project)]) == 1
    assert capsys.readouterr().out == "docs/a.html:1: gone.html: is not there\n"


def test_no_link_at_all_is_a_fault(project: pathlib.Path) -> None:
    assert main([str(project)]) == 1


def test_lines_of_pages() -> None:
    assert [(link.line, link.target) for link in read_html('<p>\n\n<a href="x">').links] == [(3, "x")]
