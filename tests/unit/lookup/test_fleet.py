# Copyright (c) 2026, the pifleet.nodered maintainers
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A play without hosts is told from one that has some, with what to write instead."""

from __future__ import annotations

import typing as t

import pytest
from ansible.parsing.dataloader import DataLoader

from ansible_collections.pifleet.nodered.plugins.lookup.fleet import LookupModule

GROUPS = {"all": ["pi1", "pi2", "nas"], "ungrouped": [], "nodered": ["pi1", "pi2"], "cellar": ["pi2"], "home": ["nas"]}


def asked(pattern: t.Any, groups: dict[str, list[str]] | None = None, limit: str | None = None) -> dict[str, str]:
    variables = {"groups": GROUPS if groups is None else groups, **({"ansible_limit": limit} if limit else {})}
    return LookupModule(loader=DataLoader()).run([pattern], variables)[0]


@pytest.mark.parametrize(
    ("pattern", "limit"),
    [
        ("nodered", None),
        ("pi1", None),
        ("nodered:!cellar", None),
        ("pi*", None),
        ("nodered", "cellar"),
        ("nodered", "pi2,nas"),
        ("nodered", "!cellar"),
        ("nodered", "@failed.txt"),
    ],
)
def test_nothing_is_said_of_a_play_with_hosts(pattern: str, limit: str | None) -> None:
    assert asked(pattern, limit=limit) == {"hosts": "localhost:!localhost", "message": ""}


@pytest.mark.parametrize(
    ("pattern", "limit", "message"),
    [
        ("kitchn", None, "no host for nodered_hosts=kitchn. Its groups are cellar, home, nodered. Put your"),
        ("nodered:!nodered", None, "no host for nodered_hosts=nodered:!nodered."),
        ("nodered", "home", "No host of nodered is left by the limit home."),
        ("", None, "nodered_hosts must be the name"),
        (["pi1"], None, "nodered_hosts must be the name"),
    ],
)
def test_a_play_without_hosts_is_an_error(pattern: t.Any, limit: str | None, message: str) -> None:
    answer = asked(pattern, limit=limit)
    # There the play finds one with every limit that Ansible itself lets through.
    assert answer["hosts"] == "all"
    assert message in answer["message"]


def test_an_inventory_without_hosts_is_an_error() -> None:
    answer = asked("nodered", groups={"all": [], "ungrouped": []})
    assert answer == {
        "hosts": "localhost",
        "message": "The inventory has no hosts. Name the file with your hosts: -i inventory.yml",
    }


def test_this_machine_needs_no_inventory() -> None:
    assert asked("localhost", groups={"all": [], "ungrouped": []})["message"] == ""
    assert "limit pi1" in asked("localhost", limit="pi1")["message"]


def test_another_variable_is_named() -> None:
    loaded = LookupModule(loader=DataLoader())
    answer = loaded.run(["desks"], {"groups": GROUPS}, variable="nodered_trust_hosts")[0]
    assert (
        "no host for nodered_trust_hosts=desks. Its groups are cellar, home, nodered. Name one: -e nodered_trust_hosts=GROUP"
        in (answer["message"])
    )


def test_only_some_of_many_groups_are_named() -> None:
    groups = {"all": ["pi1"], **{f"g{number:02}": [] for number in range(30)}}
    assert "g18, g19 and 10 more. Put" in asked("nodered", groups=groups)["message"]
