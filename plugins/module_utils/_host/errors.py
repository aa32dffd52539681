# Copyright (c) 2026, the pifleet.nodered maintainers
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The errors of the managed host."""

from __future__ import annotations


class HostError(Exception):
    """What the managed host refused or lacks, in a sentence for the person who runs the playbook.

    ``details`` go into the module's result beside the message.
    """

    def __init__(self, message, **details):
        super().__init__(message)
        self.details = details


class ConflictError(HostError):
    """A file is not what a change of it was computed from: somebody else has changed it meanwhile."""

    def __init__(self, path):
        super().__init__("%s was changed by somebody else meanwhile." % path)
