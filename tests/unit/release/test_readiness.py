# Copyright (c) 2026, the pifleet.nodered maintainers
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What is not committed, not tagged or not in the changelog is not released."""

from __future__ import annotations

import pathlib
import subprocess

import pytest
from readiness import main, reasons

GIT = ["git", "-c", "user.name=x", "-c", "user.email=x@example.com", "-c", "commit.gpgsign=false"]


def git(checkout: pathlib.Path, *arguments: str) -> None:
    subprocess.run([*GIT, *arguments], cwd=checkout, check=True, capture_output=True)


@pytest.fixture
def checkout(tmp_path: pathlib.Path) -> pathlib.Path:
    """A checkout that is ready to be released as 1.2.3."""
    (tmp_path / "changelogs/fragments").mkdir(parents=True)
    (tmp_path / "galaxy.yml").write_text("version: 1.2.3\n", "utf-8")
    (tmp_path / "changelogs/changelog.yaml").write_text("releases:\n  1.2.3:\n    changes: {}\n", "utf-8")
    git(tmp_path, "init", "--quiet")
    git(tmp_path, "add", "--all")
    git(tmp_path, "commit", "--quiet", "--message=x")
    git(tmp_path, "tag", "1.2.3")
    return tmp_path


def test_a_checkout_that_is_ready(checkout: pathlib.Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert reasons(checkout) == []
    main([str(checkout)])
    assert capsys.readouterr().out == "1.2.3\n"


@pytest.mark.parametrize("name", ["galaxy.yml", "new-file"])
def test_a_dirty_tree(checkout: pathlib.Path, name: str) -> None:
    with (checkout / name).open("a", encoding="utf-8") as file:
        file.write("# Changed.\n")
    assert reasons(checkout) == [f"Files are changed or not committed: {name}. Commit them."]


def test_no_tag(checkout: pathlib.Path) -> None:
    git(checkout, "tag", "--delete", "1.2.3")
    (reason,) = reasons(checkout)
    assert reason.startswith("The commit has no tag, and galaxy.yml says 1.2.3. Tag it 1.2.3")


def test_the_tag_of_another_version(checkout: pathlib.Path) -> None:
    git(checkout, "tag", "--delete", "1.2.3")
    git(checkout, "tag", "1.2.4")
    (reason,) = reasons(checkout)
    assert reason.startswith("The commit has the tag 1.2.4, and galaxy.yml says 1.2.3.")


def test_a_tag_on_another_commit(checkout: pathlib.Path) -> None:
    git(checkout, "commit", "--quiet", "--allow-empty", "--message=y")
    assert len(reasons(checkout)) == 1


def test_a_version_without_a_changelog(checkout: pathlib.Path) -> None:
    (checkout / "changelogs/changelog.yaml").write_text("releases: {}\n", "utf-8")
    git(checkout, "commit", "--quiet", "--all", "--message=y")
    git(checkout, "tag", "--force", "1.2.3")
    assert reasons(checkout) == ["changelogs/changelog.yaml has no release 1.2.3. Run `antsibull-changelog release`."]


def test_changes_that_no_release_has(checkout: pathlib.Path) -> None:
    (checkout / "changelogs/fragments/new.yml").write_text("bugfixes: [a - b.]\n", "utf-8")
    git(checkout, "add", "--all")
    git(checkout, "commit", "--quiet", "--message=y")
    git(checkout, "tag", "--force", "1.2.3")
    with pytest.raises(SystemExit, match=r"The changelog of 1\.2\.3 has not what .* says: new\.yml"):
        main([str(checkout)])
