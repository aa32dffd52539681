# Copyright (c) 2026, the pifleet.nodered maintainers
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""How content is compared: by SHA-256."""

from __future__ import annotations

import hashlib


def checksum(content: bytes | None) -> str:
    """SHA-256 of bytes.

    :param content: the bytes; None stands for a file that does not exist
    :returns: lower-case hex, the empty string for None
    """
    return "" if content is None else hashlib.sha256(content).hexdigest()
