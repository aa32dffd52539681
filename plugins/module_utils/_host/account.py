# Copyright (c) 2026, the pifleet.nodered maintainers
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Users and groups of the managed host, and their rights."""

from __future__ import annotations

import contextlib
import ctypes
import grp
import os
import pwd
import typing as t

from .errors import HostError

if t.TYPE_CHECKING:
    from collections.abc import Iterator


class Account:
    """A user of the host, with the groups and the home directory that its processes have.

    :param name: the name of the user
    :raises HostError: there is no such user
    """

    name: str
    uid: int
    gid: int
    home: str
    #: The name of the primary group.
    group: str

    def __init__(self, name: str) -> None:
        try:
            entry = pwd.getpwnam(name)
        except KeyError:
            raise HostError(
                f"The user {name} does not exist on this host. Set nodered_user to the user that runs Node-RED."
            ) from None
        self.name = entry.pw_name
        self.uid = entry.pw_uid
        self.gid = entry.pw_gid
        self.home = entry.pw_dir
        self.group = group_name(entry.pw_gid)

    @classmethod
    def of_uid(cls, uid: int, gid: int) -> Account:
        """The user of an id.

        :param uid: the id of the user
        :param gid: the id of its group, which only counts where the user has no name
        :returns: the user; one without a name, as in a container, has no home and only this group
        """
        try:
            return cls(pwd.getpwuid(uid).pw_name)
        except KeyError:
            account = cls.__new__(cls)
            account.name, account.uid, account.gid = str(uid), uid, gid
            account.home, account.group = "/", group_name(gid)
            return account

    @property
    def groups(self) -> list[int]:
        """The ids of all groups."""
        return os.getgrouplist(self.name, self.gid)

    @contextlib.contextmanager
    def rights(self) -> Iterator[None]:
        """Run the block with the effective rights of this user; does nothing unless we are root."""
        if os.geteuid() != 0 or self.uid == 0:
            yield
            return
        groups = os.getgroups()
        group = os.getegid()
        os.setgroups(self.groups)
        os.setegid(self.gid)
        os.seteuid(self.uid)
        try:
            yield
        finally:
            os.seteuid(0)
            os.setegid(group)
            os.setgroups(groups)

    @contextlib.contextmanager
    def sight(self) -> Iterator[None]:
        """Run the block as one who may look into the processes of this user; does nothing unless we are root.

        In a container root may not look into the processes of others, and this user not into one that has a capability, such
        as that for a port below 1024. Whoever is this user to the file system, and keeps root's capabilities, may.
        """
        if os.geteuid() != 0 or self.uid == 0:
            yield
            return
        library = ctypes.CDLL(None)
        group = os.getegid()
        library.setfsgid(self.gid)
        library.setfsuid(self.uid)
        try:
            yield
        finally:
            library.setfsuid(0)
            library.setfsgid(group)

    @contextlib.contextmanager
    def suspended_rights(self) -> Iterator[None]:
        """Run the block with root's own rights, inside of one with the rights of this user."""
        os.seteuid(0)
        try:
            yield
        finally:
            os.seteuid(self.uid)


def rights_of(account: Account | None) -> contextlib.AbstractContextManager[None]:
    """Run the block with the effective rights of a user.

    :param account: the user; None keeps our own rights
    """
    return account.rights() if account else contextlib.nullcontext()


def user_name(uid: int) -> str:
    """The name of a user id, or the number as a string where it has none."""
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return str(uid)


def group_name(gid: int) -> str:
    """The name of a group id, or the number as a string where it has none."""
    try:
        return grp.getgrgid(gid).gr_name
    except KeyError:
        return str(gid)
