# Copyright (c) 2026, the pifleet.nodered maintainers
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Files that an inventory or a repository names, which nobody has looked at yet."""

from __future__ import annotations

import os
import stat

from ansible_collections.pifleet.nodered.plugins.plugin_utils._errors import UserError

#: As on a host.
MAXIMUM_SIZE = 1 << 20


def read_file(path: str | os.PathLike[str]) -> bytes:
    """Read a regular file, also where a link leads to it.

    :raises UserError: it cannot be read, is not a regular file, or is larger than `MAXIMUM_SIZE`
    """
    try:
        # Without O_NONBLOCK, a FIFO would wait for its writer.
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK | os.O_NOCTTY)
    except (OSError, ValueError) as error:
        raise UserError(f"{path} cannot be read: {getattr(error, 'strerror', error)}.") from None
    try:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            raise UserError(f"{path} is not a regular file.")
        with os.fdopen(descriptor, "rb", closefd=False) as stream:
            content = stream.read(MAXIMUM_SIZE + 1)
    except OSError as error:
        raise UserError(f"{path} cannot be read: {error.strerror}.") from None
    finally:
        os.close(descriptor)
    if len(content) > MAXIMUM_SIZE:
        raise UserError(f"{path} is larger than {MAXIMUM_SIZE >> 20} MiB.")
    return content
