# Copyright (c) 2026, the pifleet.nodered maintainers
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Files of an inventory for the tests."""

from __future__ import annotations

import inspect
import pathlib
import typing as t

from ansible.parsing.dataloader import DataLoader


def loaded(path: pathlib.Path) -> dict[str, t.Any]:
    """The variables of a file, as Ansible has them: with their places and, since ansible-core 2.19, trusted."""
    loader = DataLoader()
    trusted = "trusted_as_template" in inspect.signature(loader.load_from_file).parameters
    return loader.load_from_file(str(path), **({"trusted_as_template": True} if trusted else {}))
