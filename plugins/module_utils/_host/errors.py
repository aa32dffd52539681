# Copyright (c) 2026, the pifleet.nodered maintainers
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The errors of the managed host."""

from __future__ import annotations

import typing as t


class HostError(Exception):
    """What the managed host refused or lacks, in a sentence for the person who runs the playbook.

    :param message: the sentence
    :param details: what goes into the module's result beside the message
    """

    def __init__(self, message: str, **details: t.Any) -> None:
        super().__init__(message)
        self.details = details


class ConflictError(HostError):
    """A file is not what a change of it was computed from: somebody else has changed it meanwhile.

    :param path: the file
    """

    def __init__(self, path: str) -> None:
        super().__init__(f"{path} was changed by somebody else meanwhile.")
