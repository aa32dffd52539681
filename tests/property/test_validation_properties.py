# Copyright (c) 2026, the pifleet.nodered maintainers
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Whatever somebody writes into an inventory: findings and no exception, and no finding with a secret."""

from __future__ import annotations

import datetime
import typing as t

from ansible.parsing.dataloader import DataLoader
from ansible.template import Templar
from hypothesis import given, settings
from hypothesis import strategies as st

from ansible_collections.pifleet.nodered.plugins.plugin_utils._collection.roles import ROLE_OPTIONS
from ansible_collections.pifleet.nodered.plugins.plugin_utils._findings.model import Kind, Subject
from ansible_collections.pifleet.nodered.plugins.plugin_utils._inventory.host_variables import HostVariables
from ansible_collections.pifleet.nodered.plugins.plugin_utils._validation.host_checks import check_host
from ansible_collections.pifleet.nodered.plugins.plugin_utils._validation.results import (
    merge_shared_findings,
    result_data,
)

TODAY = datetime.date(2026, 11, 23)
SECRET = "secret-only-for-tests"

WORDS = st.sampled_from(
    [
        "",
        "admin",
        "*",
        "read",
        "flows.read",
        "user",
        "username",
        "password",
        "password_hash",
        "permissions",
        "path",
        "root",
        "ca",
        "file",
        "acme",
        "host",
        "none",
        "uiPort",
        "adminAuth",
        "https",
        "httpNodeRoot",
        "editorTheme.projects",
        "é",
        "\0",
        "{",
        "{{",
        "function() {}",
        "-----BEGIN CERTIFICATE-----",
        "192.168.0.0/16",
        "pi.local",
    ]
) | st.text(max_size=5)
SCALARS = st.none() | st.booleans() | st.integers(-2, 2000) | st.floats(allow_nan=False) | WORDS
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(WORDS | st.integers(0, 3), inner, max_size=4),
    max_leaves=8,
)
#: Where a password belongs, there is one that must not be told.
USERS = st.lists(
    st.fixed_dictionaries(
        {"username": WORDS, "password": st.just(SECRET)}, optional={"permissions": VALUES, "other": VALUES}
    ),
    max_size=2,
)
VARIABLES = st.dictionaries(st.sampled_from(sorted(ROLE_OPTIONS)), VALUES, max_size=5) | st.builds(
    lambda rest, users: {**rest, "nodered_admin_users": users},
    st.dictionaries(st.sampled_from(sorted(ROLE_OPTIONS)), VALUES, max_size=3),
    USERS,
)


@settings(deadline=None, max_examples=300)
@given(VARIABLES)
def test_any_value(variables: dict[str, t.Any]) -> None:
    # The authority of whoever runs this is none of it.
    raw = {"omit": "__omit_place_holder__", "nodered_ca_dir": "/nonexistent", **variables}
    host = HostVariables(raw, Templar(loader=DataLoader()))
    findings = check_host("kitchen", host, None, TODAY)
    for finding in findings:
        assert SECRET not in finding.message + finding.detail
    result = result_data(Subject("kitchen", Kind.HOST), findings, None)
    assert merge_shared_findings([result]) == [result]
