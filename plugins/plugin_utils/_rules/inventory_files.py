# Copyright (c) 2026, the pifleet.nodered maintainers
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Rules about the files of an inventory: what Ansible passes over or hides, and what should not lie there."""

from __future__ import annotations

import pathlib
import typing as t
from collections.abc import Iterable, Iterator, Mapping

from ansible_collections.pifleet.nodered.plugins.plugin_utils._collection.roles import ROLE_OPTIONS
from ansible_collections.pifleet.nodered.plugins.plugin_utils._findings.model import Finding, Location, Severity
from ansible_collections.pifleet.nodered.plugins.plugin_utils._inventory.host_variables import (
    location_of,
    relative_path,
)
from ansible_collections.pifleet.nodered.plugins.plugin_utils._inventory.vars_files import passed_over, plain_keys
from ansible_collections.pifleet.nodered.plugins.plugin_utils._javascript.values import printable_name

from .base import RuleBook

RULES = RuleBook()

PASSED_OVER = RULES.add(
    "variables-passed-over",
    Severity.HIGH,
    "A file of variables is not read",
    "For each group and each host Ansible reads one directory or one file, without a word about the other.",
    "Move the file into the directory, as group_vars/nodered/main.yml, or put both files into one.",
)
KEY_PLAIN = RULES.add(
    "private-key-plain-text",
    Severity.HIGH,
    "A private key lies beside the inventory",
    "Whoever gets a copy of the repository has the key, also after it was removed from the newest version.",
    "Keep it elsewhere, or in a vault, and make a new one where others could have read it.",
)
KEYS_HIDDEN = RULES.add(
    "variable-hides",
    Severity.LOW,
    "A dictionary hides keys of another one",
    "Ansible does not merge dictionaries: the one of the host, or of the closer group, takes the place of the other.",
    "Write the keys out that are meant for this host too; suppress this where the others are not meant.",
)

#: The rules about a file as a whole, whichever hosts have it.
OF_WHOLE_FILES = frozenset({PASSED_OVER.identifier, KEY_PLAIN.identifier})


def check_files(directories: Iterable[pathlib.Path], subject: str) -> Iterator[Finding]:
    """What is wrong with the files beside an inventory."""
    for directory in directories:
        for path, read in passed_over(directory):
            shown = relative_path(str(path))
            message = f"Ansible does not read this file, because {relative_path(str(read))} is there."
            yield Finding(PASSED_OVER, subject, message, Location(shown), shown)
        for path in plain_keys(directory):
            shown = relative_path(str(path))
            yield Finding(
                KEY_PLAIN, subject, "A private key without a passphrase is in this file.", Location(shown), shown
            )


def check_hidden(
    hidden: Iterable[tuple[str, Mapping[str, t.Any], Mapping[str, t.Any]]], subject: str
) -> Iterator[Finding]:
    """Keys of dictionaries that a host does not have because another dictionary took their place.

    :param hidden: as `Layers.hidden` tells it
    """
    for variable, present, other in hidden:
        # Those whose keys are fixed are one value.
        if variable not in ROLE_OPTIONS or ROLE_OPTIONS[variable].get("type") != "dict":
            continue
        if ROLE_OPTIONS[variable].get("options"):
            continue
        keys = ", ".join(printable_name(key) for key in other if key not in present)
        location = location_of(other)
        of = f" of {location.file}" if location.file else " of a group"
        message = f"{variable} hides {keys}{of}, because Ansible does not merge dictionaries."
        yield Finding(KEYS_HIDDEN, subject, message, location_of(present), f"{variable} {keys}")
