# Copyright (c) 2026, the pifleet.nodered maintainers
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Files of the managed host: read, compared by checksum and replaced in one rename.

Modules run as root, but the directories they write to belong to the service's user, who could plant a symbolic link
there. So every access takes the rights of that user: a link leads no further than the user could go anyway.

Each function takes that user as ``account``; None keeps our own rights.
"""

from __future__ import annotations

import collections
import contextlib
import ctypes
import errno
import os
import re
import stat
import time
import typing as t

from ansible_collections.pifleet.nodered.plugins.module_utils._shared.checksum import checksum

from .account import Account, group_name, rights_of, user_name
from .errors import ConflictError, HostError

if t.TYPE_CHECKING:
    from ansible_collections.pifleet.nodered.plugins.module_utils._shared.host_state import FileStatus

#: Read no more than this of a file that is meant to be small (bytes): flows and their credentials may be large.
MAXIMUM_SIZE = 16 << 20
#: The same for what a person writes or a package brings along: settings.js, an environment file, package.json.
MAXIMUM_OF_TEXT = 1 << 20
#: The same for a key with its certificates.
MAXIMUM_OF_PEM = 64 << 10

#: Components of a path with all its links: what Linux follows, at most.
_MOST_STEPS = 4096

#: renameat2(2), linux/fs.h and fcntl.h.
_RENAME_NOREPLACE = 1

_RENAME_EXCHANGE = 2

_AT_FDCWD = -100


def read(path: str, account: Account | None = None, limit: int = MAXIMUM_SIZE) -> bytes | None:
    """Read a regular file.

    :param path: the file
    :param account: the user with whose rights it is opened
    :param limit: the most bytes that it may have
    :returns: its content, or None where there is none
    :raises HostError: it cannot be read, is not a regular file, or is larger than that
    """
    return read_with_status(path, account, limit)[0]


def read_as_root_or_user(path: str, account: Account) -> bytes | None:
    """Read a file that systemd or root's own configuration names, but that need not be root's.

    With root's rights only where nobody else could have put another file, or a link, in its place.

    :param path: the file
    :param account: the user whose rights are taken for any other
    :returns: its content, or None where there is none
    :raises HostError: it cannot be read, is not a regular file, or is larger than `MAXIMUM_OF_TEXT`
    """
    real = path_of_root(path)
    return read(real or path, None if real else account, MAXIMUM_OF_TEXT)


def path_of_root(path: str) -> str | None:
    """Where a path leads to, if nobody but root can make it lead elsewhere; None if others can.

    Looks at every directory and every link on the way. In a directory such as /tmp, what is root's stays where it is.

    :param path: an absolute path
    """
    current = "/"
    others_may_add = False
    parts = collections.deque(path.split("/"))
    for _step in range(_MOST_STEPS):
        if not parts:
            return current
        part = parts.popleft()
        if part in ("", "."):
            continue
        if part == "..":
            current = os.path.dirname(current)
            continue
        following = os.path.join(current, part)
        try:
            result = os.lstat(following)
        except OSError:
            return None if others_may_add else os.path.join(following, *parts)
        # The mode of a link means nothing.
        is_link = stat.S_ISLNK(result.st_mode)
        others_may_add = not is_link and bool(result.st_mode & 0o022)
        if result.st_uid != 0 or (others_may_add and not result.st_mode & stat.S_ISVTX):
            return None
        if is_link:
            parts.extendleft(reversed(os.readlink(following).split("/")))
            following = "/" if os.readlink(following).startswith("/") else current
        current = following
    return None


def read_with_status(
    path: str, account: Account | None = None, limit: int = MAXIMUM_SIZE
) -> tuple[bytes | None, FileStatus | None]:
    """Read a regular file and the status of that very file.

    A second look at the path could be led to another file by whoever owns the directory.

    :param path: the file
    :param account: the user with whose rights it is opened
    :param limit: the most bytes that it may have
    :returns: its content and its status, or None twice where there is none
    :raises HostError: it cannot be read, is not a regular file, or is larger than that
    """
    with rights_of(account):
        try:
            descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
        except (FileNotFoundError, NotADirectoryError):
            return None, None
        except OSError as exc:
            raise HostError(f"{path} cannot be read: {reason(exc)}.") from exc
    result = os.fstat(descriptor)
    if not stat.S_ISREG(result.st_mode):
        os.close(descriptor)
        raise HostError(f"{path} is not a regular file.")
    with os.fdopen(descriptor, "rb") as stream:
        content = stream.read(limit + 1)
    if len(content) > limit:
        raise HostError(f"{path} is larger than {limit >> 10} KiB.")
    return content, _described(result)


def status(path: str) -> FileStatus | None:
    """Mode, owner and group of what a path leads to, or None where there is nothing."""
    try:
        return _described(os.stat(path))
    except OSError:
        return None


def reason(error: OSError) -> str:
    """The operating system's words for an error."""
    return os.strerror(error.errno) if error.errno else str(error)


def mode_of(status: FileStatus) -> int:
    """The mode of a status as a number, without the bits that give a program the rights of its owner."""
    return int(status["mode"], 8) & 0o777


def _described(result: os.stat_result) -> FileStatus:
    return {
        # Never the bits that give a program the rights of its owner.
        "mode": f"{result.st_mode & 0o777:04o}",
        "uid": result.st_uid,
        "gid": result.st_gid,
        "owner": user_name(result.st_uid),
        "group": group_name(result.st_gid),
    }


def synchronize_directory(path: str) -> None:
    """Make a rename in this directory survive a power failure."""
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def temporary_path(path: str) -> str:
    """Where the new content of a file waits for its rename: each process has a name of its own."""
    return os.path.join(os.path.dirname(path), f".{os.path.basename(path)}.pifleet-{os.getpid()}")


def remove_left(path: str, account: Account | None = None) -> None:
    """Remove what killed runs have left of their replacements of a file; what cannot be removed stays.

    :param path: the file
    :param account: the user with whose rights that is done
    """
    with rights_of(account), contextlib.suppress(OSError):
        directory, name = os.path.split(os.path.realpath(path))
        for left in os.listdir(directory):
            # Two services may share a userDir, and another run may be writing.
            process = re.fullmatch(rf"\.{re.escape(name)}\.pifleet-(\d+)", left)
            if process and not (process[1] != str(os.getpid()) and os.path.exists(f"/proc/{process[1]}")):
                os.unlink(os.path.join(directory, left))


def second_name(path: str) -> str:
    """Where the former file stays until its replacement was proved, so that going back is a rename and needs no room.

    What reads whole directories passes over such a name: systemd, certbot, Node-RED.
    """
    return os.path.join(os.path.dirname(path), f".{os.path.basename(path)}.pifleet~")


def keep_beside(path: str, content: bytes, status: FileStatus, account: Account | None = None) -> None:
    """Give a file its second name, or where it can have none a copy under it.

    :param path: the file
    :param content: its content
    :param status: its status
    :param account: the user with whose rights that is done
    :raises HostError: neither can be made
    """
    with rights_of(account):
        path = os.path.realpath(path)
        second = second_name(path)
        try:
            # One that a killed run has left.
            with contextlib.suppress(FileNotFoundError):
                os.unlink(second)
            os.link(path, second, follow_symlinks=False)
            return
        except OSError:
            # A file system without links, or a file of somebody else's (fs.protected_hardlinks).
            pass
    replace(second, content, mode_of(status), status["uid"], status["gid"], account)


def put_back(path: str, content: bytes, status: FileStatus, account: Account | None = None) -> bool:
    """Rename the second name of a file back, if that still is the file that it was.

    :param path: the file
    :param content: what it was
    :param status: the status that it had
    :param account: the user with whose rights that is done
    :returns: whether it is back; nothing was changed otherwise
    """
    with rights_of(account):
        path = os.path.realpath(path)
        second = second_name(path)
        try:
            if os.path.islink(second) or read(second) != content:
                return False
            os.rename(second, path)
            synchronize_directory(os.path.dirname(path))
        except (OSError, HostError):
            return False
        # Rights may have been taken away under the other name; where that cannot be undone, all the rest is.
        with contextlib.suppress(OSError):
            descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
            try:
                os.fchmod(descriptor, mode_of(status))
            finally:
                os.close(descriptor)
    return True


def replace(
    path: str,
    content: bytes,
    mode: int,
    uid: int,
    gid: int,
    account: Account | None = None,
    expected: str | None = None,
) -> None:
    """Replace a file in one rename: readers see the old file or the new one, never a part of either.

    A symbolic link stays one: the file that it leads to is replaced.

    :param path: the file
    :param content: its new content
    :param mode: the mode that it ends with
    :param uid: the owner that it ends with
    :param gid: the group that it ends with
    :param account: the user with whose rights it is made and renamed
    :param expected: the checksum of the file to be replaced, empty where there must be none; None takes whatever is there
    :raises ConflictError: there is another file than the expected one; it stays
    :raises HostError: it cannot be written
    """
    if account and uid not in (0, account.uid):
        # A link may have led to a file of anybody.
        uid, gid = account.uid, account.gid
    remove_left(path, account)
    with rights_of(account):
        path = os.path.realpath(path)
        directory = os.path.dirname(path)
        temporary = temporary_path(path)
        try:
            descriptor = _open_new(temporary, account if account and uid != account.uid else None)
        except OSError as exc:
            raise HostError(f"Nothing can be written to {directory}: {reason(exc)}.") from exc
    try:
        with os.fdopen(descriptor, "wb") as stream:
            stream.write(content)
            stream.flush()
            own = os.fstat(stream.fileno())
            if (own.st_uid, own.st_gid) != (uid, gid):
                os.fchown(stream.fileno(), uid, gid)
            os.fchmod(stream.fileno(), mode)
            os.fsync(stream.fileno())
        with rights_of(account):
            _rename(temporary, path, expected)
            synchronize_directory(directory)
    except (OSError, HostError) as exc:
        with rights_of(account), contextlib.suppress(OSError):
            os.unlink(temporary)
        if isinstance(exc, HostError):
            raise
        raise HostError(f"{path} cannot be replaced: {reason(exc)}.") from exc


def _open_new(path: str, never_of: Account | None) -> int:
    """A new file that only its owner can open; runs with the rights of a user.

    :param never_of: that user, where the file is to be root's: had it been the user's, it could be kept open and written to
        later
    """
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
    if never_of is None or os.geteuid() == 0:
        return os.open(path, flags, 0o600)
    # The directory as the user reaches it, and only where the user may write.
    directory = os.open(os.path.dirname(path), os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        if not os.access(f"/proc/self/fd/{directory}", os.W_OK | os.X_OK, effective_ids=True):
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), path)
        with never_of.suspended_rights():
            return os.open(os.path.basename(path), flags, 0o600, dir_fd=directory)
    finally:
        os.close(directory)


def _rename(temporary: str, path: str, expected: str | None) -> None:
    """Rename over ``path`` if what is there has this checksum (None: whatever is there), else ConflictError."""
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


def _renameat2(source: str, target: str, flags: int) -> bool:
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


def backup(path: str, content: bytes, status: FileStatus, account: Account | None = None) -> str:
    """Keep a copy of a file beside it, which only its owner can read, because a settings file holds hashes.

    :param path: the file
    :param content: its content
    :param status: its status
    :param account: the user with whose rights the copy is made
    :returns: the path of the copy, with a name as Ansible's own modules give it
    :raises HostError: it cannot be written
    """
    copy = f"{path}.{os.getpid()}.{time.strftime('%Y-%m-%d@%H:%M:%S~')}"
    replace(copy, content, 0o600, status["uid"], status["gid"], account)
    return copy


def remove(path: str, account: Account | None = None) -> None:
    """Remove a file; one that is not there is fine.

    :param path: the file
    :param account: the user with whose rights it is removed
    :raises HostError: it cannot be removed
    """
    with rights_of(account):
        try:
            os.unlink(path)
        except FileNotFoundError:
            pass
        except OSError as exc:
            raise HostError(f"{path} cannot be removed: {reason(exc)}.") from exc


def make_directory(path: str, mode: int, account: Account) -> bool:
    """Make a directory of a user, or take away the rights that its mode should not give.

    :param path: the directory
    :param mode: its mode
    :param account: the user
    :returns: whether something changed
    :raises HostError: it cannot be made
    """
    with account.rights():
        try:
            os.mkdir(path, mode)
            os.chmod(path, mode)
            return True
        except FileExistsError:
            pass
        except OSError as exc:
            raise HostError(f"The directory {path} cannot be made: {reason(exc)}.") from exc
    return restrict(path, mode, account)


def restrict(path: str, mode: int, account: Account | None = None) -> bool:
    """Take away the rights that a mode does not give.

    Gives no right: a file that its owner made stricter stays so. Does not follow a symbolic link.

    :param path: the file or directory
    :param mode: the most that it may keep
    :param account: only what belongs to this user is changed, with no more than that user's rights: another owner's file
        may need its group or others
    :returns: whether something changed
    :raises HostError: the mode cannot be set
    """
    with rights_of(account):
        return _restrict(path, mode, account)


def _restrict(path: str, mode: int, account: Account | None) -> bool:
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError as exc:
        if exc.errno in (errno.ENOENT, errno.ELOOP) or (account and exc.errno == errno.EACCES):
            return False
        raise HostError(f"The mode of {path} cannot be set: {reason(exc)}.") from exc
    try:
        result = os.fstat(descriptor)
        present = stat.S_IMODE(result.st_mode)
        if present & mode == present or (account and result.st_uid != account.uid):
            return False
        try:
            os.fchmod(descriptor, present & mode)
        except OSError as exc:
            raise HostError(f"The mode of {path} cannot be set: {reason(exc)}.") from exc
        return True
    finally:
        os.close(descriptor)


def give_rights(path: str, mode: int, account: Account) -> bool:
    """Give a file or a directory of a user a mode. Does not follow a symbolic link.

    :param path: the file or directory
    :param mode: its mode
    :param account: its owner, with whose rights it is changed; what belongs to others is left alone
    :returns: whether it was there and belongs to the user
    :raises HostError: the mode cannot be set
    """
    with account.rights():
        try:
            descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
        except OSError as exc:
            if exc.errno in (errno.ENOENT, errno.ELOOP, errno.EACCES):
                return False
            raise HostError(f"The mode of {path} cannot be set: {reason(exc)}.") from exc
        try:
            if os.fstat(descriptor).st_uid != account.uid:
                return False
            os.fchmod(descriptor, mode)
            return True
        except OSError as exc:
            raise HostError(f"The mode of {path} cannot be set: {reason(exc)}.") from exc
        finally:
            os.close(descriptor)
