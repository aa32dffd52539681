# Copyright (c) 2026, the pifleet.nodered maintainers
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What holds secrets and may be read by more users than the owner has allowed."""

from __future__ import annotations

import os
import pathlib
import pwd

import pytest

from ansible_collections.pifleet.nodered.plugins.module_utils._host.account import Account
from ansible_collections.pifleet.nodered.plugins.module_utils._node_red import exposed_files as exposed_files_module
from ansible_collections.pifleet.nodered.plugins.module_utils._node_red.exposed_files import (
    allowed_modes,
    exposed_files,
    wanted_umask,
)

ME = Account(pwd.getpwuid(os.getuid()).pw_name)


@pytest.mark.parametrize(
    ("umask", "directory", "file", "exposed"),
    [
        (0o077, 0o700, 0o600, ()),
        (0o077, 0o700, 0o640, ("flows.json",)),
        (0o077, 0o755, 0o644, ("", "flows.json")),
        (0o077, 0o700, 0o700, ()),
        # Who cannot enter the directory reads nothing in it.
        (0o027, 0o700, 0o640, ()),
        (0o027, 0o750, 0o640, ("",)),
        (0o027, 0o755, 0o644, ("", "flows.json")),
        (0o022, 0o700, 0o644, ()),
        (0o022, 0o750, 0o644, ("",)),
        (0o022, 0o700, 0o666, ("flows.json",)),
    ],
)
def test_exposed(tmp_path: pathlib.Path, umask: int, directory: int, file: int, exposed: tuple[str, ...]) -> None:
    folder = tmp_path / "user_dir"
    folder.mkdir()
    (folder / "flows.json").write_text("[]")
    (folder / "flows.json").chmod(file)
    folder.chmod(directory)
    found = exposed_files(str(folder), ME, umask)
    assert sorted(found) == sorted(str(folder / name) if name else str(folder) for name in exposed)
    # What a service with this umask writes is as it may be: no run takes away what the next change gives back.
    of_directory, of_files = allowed_modes(umask)
    folder.chmod(of_directory)
    (folder / "flows.json").chmod(0o666 & ~umask)
    assert of_files == 0o666 & ~umask
    assert exposed_files(str(folder), ME, umask) == []


@pytest.mark.parametrize(
    ("content", "umask"),
    [
        ("[Service]\nUMask=0027\n", 0o027),
        ("[Service]\n#UMask=0022\n", 0o077),
        ("[Service]\nUMask=x\n", 0o077),
        (None, 0o077),
    ],
)
def test_the_umask_of_the_drop_in(
    tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch, content: str | None, umask: int
) -> None:
    monkeypatch.setattr(exposed_files_module, "DROP_IN", f"{tmp_path}/%s.conf")
    if content is not None:
        (tmp_path / "nodered.service.conf").write_text(content)
    assert wanted_umask("nodered.service") == umask
