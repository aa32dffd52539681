# Copyright (c) 2026, the pifleet.nodered maintainers
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The root of every error whose text is meant for the person who runs a playbook."""

from __future__ import annotations

import typing as t


class UserError(Exception):
    """Why a task fails, in a sentence for the person who runs it; ``details`` go into its result."""

    def __init__(self, message: str, **details: t.Any) -> None:
        super().__init__(message)
        self.details = details
