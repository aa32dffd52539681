# Copyright (c) 2026, the pifleet.nodered maintainers
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A site on trial: a copy of the whole configuration, and what nginx says of it with and without the site.

In nginx's place is a program that says what its files tell it to; the scenario proxy has the real one.
"""

from __future__ import annotations

import pathlib

import pytest

from ansible_collections.pifleet.nodered.plugins.module_utils._host.errors import HostError
from ansible_collections.pifleet.nodered.plugins.module_utils._proxy import candidate

#: In nginx's place.
NGINX = pathlib.Path(__file__).parents[2] / "helpers" / "nginx.sh"


@pytest.fixture
def nginx(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> pathlib.Path:
    """The directory of a configuration that includes its sites."""
    directory = tmp_path / "etc" / "nginx"
    (directory / "sites-enabled").mkdir(parents=True)
    (directory / "sites-available").mkdir()
    (directory / "sites-available" / "default").write_text("# the default site\n", "utf-8")
    (directory / "sites-enabled" / "default").symlink_to(directory / "sites-available" / "default")
    (directory / "sites-enabled" / "dangling").symlink_to(directory / "nowhere")
    monkeypatch.setattr(candidate, "NGINX_DIRECTORY", str(directory))
    monkeypatch.setattr(candidate, "_INCLUDE", candidate.re.compile(rb"(include )" + bytes(directory) + b"/"))
    monkeypatch.setattr(candidate, "_PROGRAM", str(NGINX))
    monkeypatch.setattr(candidate, "_MEMORY", str(tmp_path))
    monkeypatch.setattr(candidate, "nginx_site", lambda _service: str(directory / "sites-enabled" / "site"))
    (directory / "nginx.conf").write_text(f"include {directory}/sites-enabled/*;\n", "utf-8")
    return directory


def refusal(nginx: pathlib.Path, content: str | None) -> str | None:
    return candidate.refusal(str(nginx / "sites-enabled" / "site"), None if content is None else content.encode())


def test_a_good_site_is_taken_and_nothing_is_left(nginx: pathlib.Path) -> None:
    before = sorted(nginx.parents[1].rglob("*"))
    assert refusal(nginx, "# good\n") is None
    assert refusal(nginx, None) is None
    assert sorted(nginx.parents[1].rglob("*")) == before


def test_the_copy_is_what_is_tried(nginx: pathlib.Path) -> None:
    configuration = candidate.trial(str(nginx / "sites-enabled" / "site"), b"# good\n").configuration
    assert "# good" in configuration
    assert "# the default site" in configuration
    assert f"# configuration file {nginx}/sites-enabled/site:" in configuration


@pytest.mark.parametrize("line", ["# says: [emerg] bad word in HERE:3", "# logs: [emerg] 1#1: bad word in HERE:3"])
def test_a_refusal_is_told_in_its_words(nginx: pathlib.Path, line: str) -> None:
    said = refusal(nginx, f"{line}\n# refuses\n")
    assert said == f"nginx refuses {nginx}/sites-enabled/site: bad word in {nginx}/sites-enabled/site:3."


@pytest.mark.parametrize("line", ["# says: [warn] a name is ignored", "# logs: [warn] 12#12: a name is ignored"])
def test_a_warning_is_a_refusal(nginx: pathlib.Path, line: str) -> None:
    assert "a name is ignored." in (refusal(nginx, f"{line}\n") or "")


def test_warnings_of_others_are_not(nginx: pathlib.Path) -> None:
    (nginx / "sites-enabled" / "another").write_text("# says: [warn] a name is ignored\n", "utf-8")
    assert refusal(nginx, "# good\n") is None
    # The same words once more are about the site.
    assert "a name is ignored." in (refusal(nginx, "# says: [warn] a name is ignored\n") or "")


def test_what_means_nothing_is_not(nginx: pathlib.Path) -> None:
    assert refusal(nginx, "# says: [warn] protocol options redefined for 0.0.0.0:443 in HERE:1\n") is None


def test_a_configuration_that_was_broken_before(nginx: pathlib.Path) -> None:
    (nginx / "sites-enabled" / "another").write_text("# says: [emerg] broken\n# refuses\n", "utf-8")
    for content in ("# good\n", None):
        with pytest.raises(HostError, match=r"refuses its own configuration as it is.*broken\."):
            refusal(nginx, content)


def test_the_site_that_is_there_does_not_count_before(nginx: pathlib.Path) -> None:
    (nginx / "sites-enabled" / "site").write_text("# says: [emerg] broken\n# refuses\n", "utf-8")
    assert refusal(nginx, "# good\n") is None


def test_sites_that_nobody_reads(nginx: pathlib.Path) -> None:
    (nginx / "nginx.conf").write_text("# no include\n", "utf-8")
    assert "does not include sites-enabled" in (refusal(nginx, "# good\n") or "")


def test_complaints_about_the_site_that_is_there(nginx: pathlib.Path) -> None:
    assert candidate.complaints("nodered") == []
    site = nginx / "sites-enabled" / "site"
    site.write_text("# good\n", "utf-8")
    assert candidate.complaints("nodered") == []
    site.write_text("# says: [warn] a name is ignored\n", "utf-8")
    assert candidate.complaints("nodered") == ["a name is ignored"]
    site.write_text("# says: [emerg] broken\n# refuses\n", "utf-8")
    assert candidate.complaints("nodered") == ["broken"]


def test_a_host_without_nginx(nginx: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(candidate, "_PROGRAM", "/nonexistent")
    with pytest.raises(HostError, match="has no nginx"):
        refusal(nginx, "# good\n")
    monkeypatch.setattr(candidate, "NGINX_DIRECTORY", "/nonexistent")
    with pytest.raises(HostError, match="cannot be copied"):
        refusal(nginx, "# good\n")
