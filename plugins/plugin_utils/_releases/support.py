# Copyright (c) 2026, the pifleet.nodered maintainers
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which releases of Node-RED and Node.js are supported, and which have published faults: the data of `_releases.yml`."""

from __future__ import annotations

import datetime
import functools
import pathlib
import re
import typing as t

import yaml


class Advisory(t.NamedTuple):
    """A published fault of Node-RED."""

    identifier: str
    title: str
    fixed: str


def end_of_support(product: str, version: str) -> datetime.date | None:
    """The last day on which a release gets corrections; None where that is not known.

    :param product: `node_red` or `node`
    """
    numbers = _numbers(version)
    return _data()[product].get(numbers[0]) if numbers else None


def advisories(version: str) -> list[Advisory]:
    """The published faults of a release of Node-RED."""
    numbers = _numbers(version)
    return [
        Advisory(entry["id"] + (f" ({entry['alias']})" if entry["alias"] else ""), entry["title"], entry["fixed"])
        for entry in _data()["advisories"]
        if numbers and _numbers(entry["first"]) <= numbers < _numbers(entry["fixed"])
    ]


def data_date() -> datetime.date:
    """The day of which the data are."""
    return _data()["date"]


@functools.cache
def _data() -> dict[str, t.Any]:
    return yaml.safe_load(pathlib.Path(__file__).with_name("releases.yml").read_text("utf-8"))


def _numbers(version: str) -> list[int]:
    match = re.match(r"v?(\d+)\.(\d+)\.(\d+)", version)
    return [int(number) for number in match.groups()] if match else []
