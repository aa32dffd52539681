# Copyright (c) 2026, the pifleet.nodered maintainers
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import builtins
import errno
import os
import pathlib
import typing as t

import pytest

from ansible_collections.pifleet.nodered.plugins.module_utils._host.errors import HostError
from ansible_collections.pifleet.nodered.plugins.module_utils._host.store import Store


def locked(store: Store) -> None:
    with store.lock():
        pass


@pytest.mark.parametrize("function", ["makedirs", "chmod", "unlink", "open"])
def test_a_disk_that_cannot_be_written_is_told(
    tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch, function: str
) -> None:
    store = Store("nodered", str(tmp_path))
    store.write("a.json", {})

    def refused(*_arguments: object, **_options: object) -> t.NoReturn:
        raise OSError(errno.EROFS, os.strerror(errno.EROFS))

    monkeypatch.setattr(builtins if function == "open" else os, function, refused)
    with pytest.raises(HostError, match="nodered cannot be changed: Read-only file system"):
        store.discard("a.json") if function == "unlink" else locked(store)
