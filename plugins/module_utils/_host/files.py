# Copyright (c) 2026, the pifleet.nodered maintainers
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Files of the managed host: read, compared by checksum and replaced in one rename.

Modules run as root, but the folders they write to belong to the service's user, who could plant a symbolic link
there. So every access takes the rights of that user: a link leads no further than the user could go anyway.
"""

from __future__ import annotations

import contextlib
import ctypes
import errno
import os
import stat
import time

from ansible_collections.pifleet.nodered.plugins.module_utils._shared.checksum import checksum
from .account import group_name, user_name
from .errors import ConflictError, HostError

#: Read no more than this of a file that is meant to be small (bytes).
MAXIMUM_SIZE = 16 * 1024 * 1024

#: renameat2(2), linux/fs.h and fcntl.h.
_RENAME_NOREPLACE = 1

_RENAME_EXCHANGE = 2

_AT_FDCWD = -100


def read(path, account=None):
    """The bytes of a regular file, or None where there is none."""
    return read_with_status(path, account)[0]


def read_with_status(path, account=None):
    """The bytes of a regular file and the status of that very file, or None twice where there is none.

    A second look at the path could be led to another file by whoever owns the folder.
    """
    with account.rights() if account else contextlib.nullcontext():
        try:
            descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
        except (FileNotFoundError, NotADirectoryError):
            return None, None
        except OSError as exc:
            raise HostError("%s cannot be read: %s." % (path, os.strerror(exc.errno))) from exc
    found = os.fstat(descriptor)
    if not stat.S_ISREG(found.st_mode):
        os.close(descriptor)
        raise HostError("%s is not a regular file." % path)
    with os.fdopen(descriptor, "rb") as stream:
        content = stream.read(MAXIMUM_SIZE + 1)
    if len(content) > MAXIMUM_SIZE:
        raise HostError("%s is larger than %d MiB." % (path, MAXIMUM_SIZE >> 20))
    return content, _described(found)


def status(path):
    """Mode, owner and group of a path as a dictionary, or None where there is none."""
    try:
        found = os.stat(path)
    except OSError:
        return None
    return _described(found)


def _described(found):
    return {
        # Never the bits that give a program the rights of its owner.
        "mode": "%04o" % (found.st_mode & 0o777),
        "uid": found.st_uid,
        "gid": found.st_gid,
        "owner": user_name(found.st_uid),
        "group": group_name(found.st_gid),
    }


def synchronize_folder(path):
    """Make a rename in this folder survive a power failure."""
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def temporary_path(path):
    """Where the new content of a file waits for its rename. One name is enough: the store's lock lets one run write."""
    return os.path.join(os.path.dirname(path), ".%s.pifleet" % os.path.basename(path))


def replace(path, content, mode, uid, gid, account=None, expected=None):
    """Put ``content`` at ``path`` in one rename: readers see the old file or the new one, never a part of either.

    ``mode`` is an integer; the file ends with that mode, owner and group. A symbolic link stays one: the file that it
    leads to is replaced. ``expected`` is the checksum of the file to be replaced; with another one Conflict is raised
    and the file stays.
    """
    with account.rights() if account else contextlib.nullcontext():
        path = os.path.realpath(path)
        folder = os.path.dirname(path)
        temporary = temporary_path(path)
        try:
            # One that a killed run has left.
            with contextlib.suppress(FileNotFoundError):
                os.unlink(temporary)
            descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
        except OSError as exc:
            raise HostError("Nothing can be written to %s: %s." % (folder, os.strerror(exc.errno))) from exc
    try:
        with os.fdopen(descriptor, "wb") as stream:
            stream.write(content)
            stream.flush()
            own = os.fstat(stream.fileno())
            if (own.st_uid, own.st_gid) != (uid, gid):
                os.fchown(stream.fileno(), uid, gid)
            os.fchmod(stream.fileno(), mode)
            os.fsync(stream.fileno())
        with account.rights() if account else contextlib.nullcontext():
            _rename(temporary, path, expected)
            synchronize_folder(folder)
    except (OSError, HostError) as exc:
        with account.rights() if account else contextlib.nullcontext(), contextlib.suppress(OSError):
            os.unlink(temporary)
        if isinstance(exc, HostError):
            raise
        raise HostError("%s cannot be replaced: %s." % (path, os.strerror(exc.errno))) from exc


def _rename(temporary, path, expected):
    """Rename over ``path`` if what is there has this checksum (None: whatever is there), else Conflict."""
    if expected is None:
        os.rename(temporary, path)
        return
    if checksum(read(path)) != expected:
        raise ConflictError(path)
    try:
        special = _renameat2(temporary, path, _RENAME_EXCHANGE if expected else _RENAME_NOREPLACE)
    except (FileNotFoundError, FileExistsError):
        raise ConflictError(path) from None
    if not special:
        os.rename(temporary, path)
    elif expected:
        # The two have changed places, so that what was replaced can be looked at once more.
        if checksum(read(temporary)) != expected:
            _renameat2(temporary, path, _RENAME_EXCHANGE)
            raise ConflictError(path)
        os.unlink(temporary)


def _renameat2(source, target, flags):
    """A system call that Python lacks; False where the kernel or the file system does not know these flags."""
    try:
        call = ctypes.CDLL(None, use_errno=True).renameat2
    except AttributeError:
        return False
    if call(_AT_FDCWD, os.fsencode(source), _AT_FDCWD, os.fsencode(target), flags) == 0:
        return True
    number = ctypes.get_errno()
    if number in (errno.ENOSYS, errno.EINVAL):
        return False
    raise OSError(number, os.strerror(number), target)


def backup(path, content, status, account=None):
    """Keep a copy of a file beside it, under a name as Ansible's own modules give it, and return that name.

    Only its owner can read it, because a settings file holds hashes. ``status`` is the file's.
    """
    kept = "%s.%d.%s" % (path, os.getpid(), time.strftime("%Y-%m-%d@%H:%M:%S~"))
    replace(kept, content, 0o600, status["uid"], status["gid"], account)
    return kept


def remove(path, account=None):
    """Remove a file; one that is not there is fine."""
    with account.rights() if account else contextlib.nullcontext():
        try:
            os.unlink(path)
        except FileNotFoundError:
            pass
        except OSError as exc:
            raise HostError("%s cannot be removed: %s." % (path, os.strerror(exc.errno))) from exc


def make_folder(path, mode, account):
    """Make a folder of the user with this mode; returns whether something changed."""
    with account.rights():
        try:
            os.mkdir(path, mode)
            os.chmod(path, mode)
            return True
        except FileExistsError:
            pass
        except OSError as exc:
            raise HostError("The folder %s cannot be made: %s." % (path, os.strerror(exc.errno))) from exc
    return restrict(path, mode)


def restrict(path, mode, account=None):
    """Take away the rights that ``mode`` does not give; returns whether something changed.

    Gives no right: a file that its owner made stricter stays so. Does not follow a symbolic link. With ``account`` only
    what belongs to that user, with no more than that user's rights: another owner's file may need its group or others.
    """
    with account.rights() if account else contextlib.nullcontext():
        return _restrict(path, mode, account)


def _restrict(path, mode, account):
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError as exc:
        if exc.errno in (errno.ENOENT, errno.ELOOP) or (account and exc.errno == errno.EACCES):
            return False
        raise HostError("The mode of %s cannot be set: %s." % (path, os.strerror(exc.errno))) from exc
    try:
        found = os.fstat(descriptor)
        present = stat.S_IMODE(found.st_mode)
        if present & mode == present or (account and found.st_uid != account.uid):
            return False
        try:
            os.fchmod(descriptor, present & mode)
        except OSError as exc:
            raise HostError("The mode of %s cannot be set: %s." % (path, os.strerror(exc.errno))) from exc
        return True
    finally:
        os.close(descriptor)
