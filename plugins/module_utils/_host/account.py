# Copyright (c) 2026, the pifleet.nodered maintainers
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Users and groups of the managed host, and their rights."""

from __future__ import annotations

import contextlib
import grp
import os
import pwd

from .errors import HostError


class Account:
    """A user of the host, with the groups and the home folder that its processes have."""

    def __init__(self, name):
        try:
            entry = pwd.getpwnam(name)
        except KeyError:
            raise HostError(
                "The user %s does not exist on this host. Set nodered_user to the user that runs Node-RED." % name
            ) from None
        self.name = entry.pw_name
        self.uid = entry.pw_uid
        self.gid = entry.pw_gid
        self.home = entry.pw_dir
        self.group = group_name(entry.pw_gid)

    @classmethod
    def of_uid(cls, uid, gid):
        """The user of an id. One without a name, as in a container, has no home and only this group."""
        try:
            return cls(pwd.getpwuid(uid).pw_name)
        except KeyError:
            account = cls.__new__(cls)
            account.name, account.uid, account.gid = str(uid), uid, gid
            account.home, account.group = "/", group_name(gid)
            return account

    @property
    def groups(self):
        return os.getgrouplist(self.name, self.gid)

    @contextlib.contextmanager
    def rights(self):
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


def user_name(uid):
    """The name of a user id, or the number as text where it has none."""
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return str(uid)


def group_name(gid):
    """The name of a group id, or the number as text where it has none."""
    try:
        return grp.getgrgid(gid).gr_name
    except KeyError:
        return str(gid)
