# Copyright (c) 2026, the pifleet.nodered maintainers
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Whether a host has a Node-RED that can be managed; where not, what is there in its place and what to do."""

from __future__ import annotations

import typing as t

from ansible_collections.pifleet.nodered.plugins.module_utils._shared.printable import one_line
from ansible_collections.pifleet.nodered.plugins.plugin_utils._errors import UserError

if t.TYPE_CHECKING:
    from ansible_collections.pifleet.nodered.plugins.module_utils._shared.host_state import HostState, OtherNodeRed

_INSTALL = (
    "Install Node-RED first (ansible-playbook -i INVENTORY pifleet.nodered.install), or set nodered_service to the service"
    " that runs it."
)
_README = 'See "What it is for, and what not" in the README.'
#: By what runs Node-RED: what that is, and what to do.
_MANAGERS = {
    "docker": (
        "Docker",
        "Node-RED is in a container, whose files and ports belong to Docker: secure it with a settings.js of your own,"
        " which the playbook pifleet.nodered.validate checks, or run Node-RED as a service of systemd",
    ),
    "podman": (
        "podman",
        "Node-RED is in a container, whose files and ports belong to podman: secure it with a settings.js of your own,"
        " which the playbook pifleet.nodered.validate checks, or run Node-RED as a service of systemd",
    ),
    "container": (
        "an engine for containers",
        "Node-RED is in a container, whose files and ports belong to that engine: secure it with a settings.js of your own,"
        " which the playbook pifleet.nodered.validate checks, or run Node-RED as a service of systemd",
    ),
    "another user": (
        "Node-RED as another user (sudo, su, runuser or the like)",
        "the home and the rights of Node-RED are not those of the service. Set User= in the unit to that user, and let"
        " ExecStart= start Node-RED without it",
    ),
    "pm2": (
        "pm2",
        "which restarts all of its programs together and gives them an environment of its own. Take Node-RED out of pm2"
        " (pm2 delete, pm2 save), and give it a service of its own: playbook pifleet.nodered.install",
    ),
    "snap": (
        "a snap",
        "whose files only snapd may change. Remove it (its flows are in its own data directory), and install Node-RED with"
        " the playbook pifleet.nodered.install",
    ),
}


def require_node_red(state: HostState | t.Mapping[str, t.Any]) -> None:
    """UserError unless the host has a service that starts a Node-RED of a supported version itself."""
    service, node_red = state["service"]["name"], state["node_red"]
    if not state["service"]["exists"]:
        raise UserError(f"This host has no service {service}. {_elsewhere(state['elsewhere']) or _INSTALL}")
    if node_red["manager"]:
        name, cure = _MANAGERS[node_red["manager"]]
        raise UserError(f"{service} starts {name}: {cure}. {_README}")
    version = node_red["version"]
    if version is None:
        active = state["service"]["active"]
        raise UserError(
            f"The service {service} is there, but no Node-RED was found that it could start. "
            + (
                _elsewhere(state["elsewhere"])
                or (
                    "Name its program in ExecStart= with its whole path, or install it (playbook pifleet.nodered.install)."
                    if active
                    else "If a script starts it, start the service first, so that it can be found while it runs; else"
                    " install it (playbook pifleet.nodered.install)."
                )
            )
        )
    if state["settings"]["guessed"]:
        raise UserError(
            f"{service} runs a script of its own, which hides what settings file Node-RED loads. Set nodered_settings_path to"
            f' that file; its path stands in the line "Settings file" of: journalctl -u {service}'
        )
    if int(version.split(".")[0]) < 3 or version.startswith("3.0."):
        raise UserError(
            f"Node-RED {version} is too old: this collection supports 3.1 and newer. Update Node-RED first."
        )


def require_lasting_disks(state: HostState | t.Mapping[str, t.Any]) -> None:
    """UserError where a change could not be kept, or a secret not be kept from others."""
    for disk in state["disks"]:
        path, filesystem = one_line(disk["path"]), one_line(disk["filesystem"])
        if disk["problem"] == "temporary":
            raise UserError(
                f"{path} is on a file system in memory ({filesystem}): what a run writes there is gone after the next start"
                " of this host, which would be as open as before. Switch the overlay off (raspi-config, Performance"
                " Options, Overlay File System) and restart, secure the host, and switch it on again."
            )
        if disk["problem"] == "read-only":
            raise UserError(
                f"{path} is on a file system that is mounted read-only ({filesystem}). Make it writable, secure the host,"
                " and make it read-only again: mount -o remount,rw and remount,ro."
            )
        if disk["problem"] == "full":
            raise UserError(
                f"There is no room where {path} is ({filesystem}): a run needs 1 MiB and 16 files. Make room, and look what"
                f" fills it: df -h {path}; df -i {path}"
            )
        if disk["problem"] == "unchangeable":
            raise UserError(
                f"{path} cannot be changed, not even by root, because somebody has made it so: chattr -i -a {path} takes"
                " that back."
            )
        raise UserError(
            f"{path} is on {filesystem}, which keeps neither owners nor rights of files: every user of this host could read"
            " the private key and the logins there. Move the directory to a disk with ext4."
        )


def _elsewhere(others: t.Sequence[OtherNodeRed]) -> str:
    """What to do about a Node-RED that runs elsewhere on the host; empty where none does."""
    for other in sorted(others, key=lambda each: each["by"] != "service"):
        name, user = one_line(other["name"]), one_line(other["user"])
        if other["by"] == "service":
            return f"{name} runs a Node-RED: set nodered_service: {name.removesuffix('.service')}."
        if other["by"] == "user":
            return (
                f"Node-RED runs as {name}, a service of the user {user} alone (systemctl --user), which root cannot restart"
                f" and prove. Give it a service of the system with User={user}. {_README}"
            )
        if other["by"] == "hand":
            return (
                f"{user} has started a Node-RED by hand, which ends with the next restart of this host. Give it a service"
                " of the system: playbook pifleet.nodered.install."
            )
        what, cure = _MANAGERS[other["by"]]
        return f"Node-RED runs by {what} here: {cure}. {_README}"
    return ""
