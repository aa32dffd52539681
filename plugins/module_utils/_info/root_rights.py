# Copyright (c) 2026, the pifleet.nodered maintainers
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""By which groups and rules of sudo a user may become root, read from files, without starting sudo.

What cannot be told from the text alone is left out: rules of LDAP, of included files elsewhere, and rules for single
commands.
"""

from __future__ import annotations

import contextlib
import os
import re
import typing as t

from ansible_collections.pifleet.nodered.plugins.module_utils._host import files
from ansible_collections.pifleet.nodered.plugins.module_utils._host.account import group_name
from ansible_collections.pifleet.nodered.plugins.module_utils._host.errors import HostError

if t.TYPE_CHECKING:
    from collections.abc import Collection, Iterator

    from ansible_collections.pifleet.nodered.plugins.module_utils._host.account import Account
    from ansible_collections.pifleet.nodered.plugins.module_utils._shared.host_state import RootRights

#: Sudo by Debian's and other rules, journals with secrets in them, containers with any mount, disks below the files.
_GROUPS = ("sudo", "wheel", "adm", "docker", "lxd", "incus-admin", "disk", "shadow", "root")
_MAXIMUM_SIZE = 64 * 1024
_MAXIMUM_FILES = 100

_ALIAS = re.compile(r"(User|Runas|Cmnd)_Alias\s+(.*)")
#: Whom a rule is for, and the rest of it.
_RULE = re.compile(r"((?:[^\s,=]+\s*,\s*)*[^\s,=]+)\s+([^\s,=].*)")
_RUNAS = re.compile(r"\(([^:)]*)(?::[^)]*)?\)\s*")
#: What stands before a command: NOPASSWD: and CWD=/tmp, for example.
_TAG = re.compile(r"([A-Z_]+)(?::\s*|=\S+\s+)")


def root_rights(account: Account, etc: str = "/etc") -> RootRights:
    """What lets a user become root.

    :param account: the user
    :param etc: the directory of sudoers and sudoers.d
    :returns: the rights, by file
    """
    groups = {gid: group_name(gid) for gid in account.groups}
    texts = {path: list(_lines(content)) for path, content in _sudoers(etc)}
    aliases = [alias for lines in texts.values() for line in lines for alias in _aliases(line)]
    names = {account.name, f"#{account.uid}", "ALL"}
    for gid, name in groups.items():
        names |= {f"%{name}", f"%#{gid}"}
    known = {
        "User": _expanded(names, aliases, "User"),
        "Runas": _expanded({"ALL", "root", "#0"}, aliases, "Runas"),
        "Cmnd": _expanded({"ALL"}, aliases, "Cmnd"),
    }
    passwords = {path: [each for line in lines for each in _rule(line, known)] for path, lines in texts.items()}
    return {
        "groups": [name for name in _GROUPS if name in groups.values()],
        "sudo": [{"file": path, "password": all(found)} for path, found in passwords.items() if found],
    }


def _sudoers(etc: str) -> Iterator[tuple[str, str]]:
    """The files that sudo reads, as far as they are small and not many."""
    paths = [os.path.join(etc, "sudoers")]
    folder = os.path.join(etc, "sudoers.d")
    with contextlib.suppress(OSError):
        # sudo passes over the copies of editors and package managers.
        names = [name for name in sorted(os.listdir(folder)) if "." not in name and not name.endswith("~")]
        paths += [os.path.join(folder, name) for name in names[: _MAXIMUM_FILES - 1]]
    for path in paths:
        with contextlib.suppress(HostError):
            yield path, (files.read(path, None, _MAXIMUM_SIZE) or b"").decode("utf-8", "replace")


def _lines(text: str) -> Iterator[str]:
    """The lines that say something; a number sign before a digit is no comment, but a user id."""
    for line in text.replace("\\\n", "").splitlines():
        said = re.sub(r"#(?!\d).*", "", line).strip()
        if said and not said.startswith(("Defaults", "@include")):
            yield said


def _aliases(line: str) -> Iterator[tuple[str, str, set[str]]]:
    """The kind, the name and the members of each alias that a line defines."""
    found = _ALIAS.fullmatch(line)
    for definition in re.split(r"\s:\s", found[2]) if found else ():
        name, _equals, members = definition.partition("=")
        yield found[1] if found else "", name.strip(), _members(members)


def _members(text: str) -> set[str]:
    return {member.strip() for member in text.split(",")}


def _expanded(names: set[str], aliases: Collection[tuple[str, str, set[str]]], kind: str) -> set[str]:
    """The names, with the aliases that have one of them as a member."""
    while True:
        more = {alias for of_kind, alias, members in aliases if of_kind == kind and members & names} - names
        if not more:
            return names
        names = names | more


def _rule(line: str, known: dict[str, set[str]]) -> Iterator[bool]:
    """Whether a password is asked for, for each part of a rule that lets the user run any command as root."""
    found = None if _ALIAS.fullmatch(line) else _RULE.fullmatch(line)
    who = _members(found[1]) if found else set()
    if found is None or not who & known["User"] or {name[1:] for name in who if name[0] == "!"} & known["User"]:
        return
    for part in re.split(r"\s:\s", found[2]):
        is_root, password = True, True
        for command in re.split(r",(?![^()]*\))", part.partition("=")[2]):
            what = command.strip()
            runas = _RUNAS.match(what)
            if runas:
                is_root, what = bool(_members(runas[1]) & known["Runas"]), what[runas.end() :]
            tag = _TAG.match(what)
            while tag:
                password = {"NOPASSWD": False, "PASSWD": True}.get(tag[1], password)
                what = what[tag.end() :]
                tag = _TAG.match(what)
            if is_root and what in known["Cmnd"]:
                yield password
