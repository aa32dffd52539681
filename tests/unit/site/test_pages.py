# Copyright (c) 2026, the pifleet.nodered maintainers
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The pages of the site have what documents and argument_specs say."""

from __future__ import annotations

import pathlib
import re

import pytest
import yaml
from pages import TABLE, PagesError, markdown, relinked, toctree, variable_rows, variables_page

PROJECT = pathlib.Path(__file__).parents[3]
REPOSITORY = "https://example.com/repository"
DOCUMENTS = {
    path.relative_to(PROJECT).as_posix(): path.read_text("utf-8")
    for path in [*PROJECT.glob("*.md"), *PROJECT.glob("docs/**/*.md")]
}


@pytest.mark.parametrize(
    ("document", "text", "expected"),
    [
        ("README.md", "[trust](docs/trust.md#by-hand)", "[trust](docs/trust.md#by-hand)"),
        ("README.md", "[docs/trust.md](docs/trust.md)", "[](docs/trust.md)"),
        ("README.md", "[install](roles/install/README.md)", "[install](reference/install_role.rst)"),
        ("README.md", "[licence](LICENSE)", f"[licence]({REPOSITORY}/blob/main/LICENSE)"),
        ("README.md", "[fragments](changelogs/fragments)", f"[fragments]({REPOSITORY}/tree/main/changelogs/fragments)"),
        ("README.md", "[up](#up) [out](https://example.com)", "[up](#up) [out](https://example.com)"),
        ("docs/trust.md", "[a](../README.md#parts), [b](reports.md)", "[a](../index.md#parts), [b](reports.md)"),
        ("docs/trust.md", "[schema](report.schema.json)", "[schema](report.schema.json)"),
        ("docs/decisions/proxy.md", "[README.md](../../README.md)", "[](../../index.md)"),
        (
            "README.md",
            "```\n[x](LICENSE)\n```\n[y](LICENSE)",
            f"```\n[x](LICENSE)\n```\n[y]({REPOSITORY}/blob/main/LICENSE)",
        ),
    ],
)
def test_links(document: str, text: str, expected: str) -> None:
    assert relinked(text, document, PROJECT, REPOSITORY) == expected


def test_links_of_a_text_that_stands_on_another_page() -> None:
    text = "[a](trust.md) [b](#b) [c](../README.md#c)"
    expected = "[a](docs/trust.md) [b](docs/validate.md#b) [c](index.md#c)"
    assert relinked(text, "docs/validate.md", PROJECT, REPOSITORY, "variables.md") == expected


def test_a_menu() -> None:
    menu = toctree(["docs/trust.md", "Modules </reference/index>"], "Guides")
    assert menu == "\n```{toctree}\n:hidden:\n:caption: Guides\n\n/docs/trust\nModules </reference/index>\n```\n"


def test_rows_of_tables() -> None:
    other = f"# Trust\n\n{TABLE}\n|---|---|---|\n| `nodered_c` | none | See. |\n\n| `nodered_d` | no | no |\n"
    readme = f"# A\n{TABLE}\n|---|---|---|\n| **Who** | | |\n| `nodered_a`, `nodered_b` (`-e`) | `1` | A \\| b. |\n"
    rows = variable_rows({"docs/trust.md": other, "README.md": readme})
    assert [(row.section, row.names, row.default, row.text, row.document) for row in rows] == [
        ("Who", ("nodered_a", "nodered_b"), "`1`", r"A \| b.", "README.md"),
        ("Trust", ("nodered_c",), "none", "See.", "docs/trust.md"),
    ]


def test_a_readme_without_variables_is_refused() -> None:
    with pytest.raises(PagesError, match=r"README\.md has no table"):
        variable_rows({"README.md": "# A\n"})


def test_markup() -> None:
    assert markdown(["C(keep) of nodered_a, <b>,", "as I(x)  and C(-e nodered_b=1)."]) == (
        r"`keep` of `nodered_a`, \<b>, as `x` and `-e nodered_b=1`."
    )


def test_every_variable_is_there_once() -> None:
    page = variables_page(PROJECT, DOCUMENTS, REPOSITORY)
    entries = re.findall(r"^````\{confval\} (\w+)$", page, re.MULTILINE)
    assert len(entries) == len(set(entries))
    of_roles = {
        name
        for path in PROJECT.glob("roles/*/meta/argument_specs.yml")
        for name in yaml.safe_load(path.read_text("utf-8"))["argument_specs"]["main"]["options"]
    }
    of_readme = set(re.findall(r"^\| .*?`(nodered_\w+)`(?=.*\|.*\|.*\|$)", DOCUMENTS["README.md"], re.MULTILINE))
    assert of_roles | of_readme <= set(entries)
    assert {"nodered_restore", "nodered_trust_hosts", "nodered_validate_files", "nodered_rotate"} <= set(entries)


def test_every_variable_of_a_playbook_has_an_entry() -> None:
    # Set by plays for each other.
    handed_on = {"nodered_info", "nodered_meant"}
    read = {
        name
        for path in PROJECT.glob("playbooks/**/*.yml")
        for name in re.findall(r"\b(nodered_\w+) \| default\b", path.read_text("utf-8"))
    }
    page = variables_page(PROJECT, DOCUMENTS, REPOSITORY)
    assert sorted(name for name in read - handed_on if f"{{confval}} {name}\n" not in page) == []


def test_what_an_entry_says() -> None:
    page = variables_page(PROJECT, DOCUMENTS, REPOSITORY)
    entry = page.split("````{confval} nodered_proxy\n")[1].split("````")[0]
    assert ":type: str: `none`, `nginx`\n:default: `none`\n" in entry
    assert "[certificate](reference/certificate_role.rst)" in entry
    assert "[](docs/nginx.md)" in entry
