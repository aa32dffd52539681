# Copyright (c) 2026, the pifleet.nodered maintainers
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""How lost credentials become readable again: with which secret, from which copy."""

from __future__ import annotations

import json
import typing as t

import pytest
from flow_credentials import EMPTY, FLOWS, GONE, MADE, A, B, analysis_of, encrypted, plain

from ansible_collections.pifleet.nodered.plugins.module_utils._credentials import files as on_host
from ansible_collections.pifleet.nodered.plugins.plugin_utils._credentials.analysis import (
    CredentialsError,
)
from ansible_collections.pifleet.nodered.plugins.plugin_utils._credentials.recovery import recovery

# How they come back


def evidence(
    literals: t.Sequence[str] = (), secrets: t.Sequence[str] = (), copies: t.Sequence[bytes] = ()
) -> dict[str, t.Any]:
    return {
        "literals": [
            {"literal": json.dumps(secret), "origin": f"/copies/settings.js.{number}"}
            for number, secret in enumerate(literals)
        ],
        "secrets": [{"secret": secret, "origin": "/copies/.config.runtime.json"} for secret in secrets],
        "copies": [
            {
                "path": f"/copies/{number}",
                "in_store": True,
                "name": FLOWS,
                "modified": 1e9 - number,
                **on_host.described(content),
            }
            for number, content in enumerate(copies)
        ],
    }


@pytest.mark.parametrize(
    ("secret", "content", "generated", "there", "desired", "to_file", "source"),
    [
        # The line was lost, and Node-RED made a key.
        (None, encrypted(A), MADE, evidence([GONE, A]), None, A, None),
        (None, encrypted(A), MADE, evidence(), A, A, None),
        (None, encrypted(A), MADE, evidence([A]), B, B, None),
        # The line is back, but that key is in the way.
        (f'"{A}"', encrypted(A), MADE, evidence(), None, None, None),
        # A wrong one by hand.
        (f'"{GONE}"', encrypted(A), None, evidence([A]), None, A, None),
        ("false", encrypted(A), None, evidence([A]), None, A, None),
        (f'"{GONE}"', encrypted(MADE), None, evidence([], [MADE]), None, MADE, None),
        # And a deploy.
        (
            f'"{GONE}"',
            encrypted(GONE, EMPTY),
            None,
            evidence([A], copies=[encrypted(GONE, EMPTY), encrypted(B), encrypted(A)]),
            None,
            A,
            "/copies/2",
        ),
        (
            None,
            encrypted(MADE, EMPTY),
            MADE,
            evidence([A, B], copies=[encrypted(B), encrypted(A)]),
            None,
            B,
            "/copies/0",
        ),
        (f'"{A}"', b"cut off", None, evidence(copies=[encrypted(A)]), None, None, "/copies/0"),
        ("false", b"cut off", None, evidence(copies=[plain()]), None, None, "/copies/0"),
        (f'"{A}"', None, None, evidence(copies=[encrypted(A)]), None, None, "/copies/0"),
        # What is there and holds something stays, although an older one is there too.
        (f'"{GONE}"', encrypted(B, {"n": {}}), None, evidence([A, B], copies=[encrypted(A)]), None, B, None),
    ],
)
def test_recovery(
    secret: str | None,
    content: bytes | None,
    generated: str | None,
    there: dict[str, t.Any],
    desired: str | None,
    to_file: str | None,
    source: str | None,
) -> None:
    plan = recovery(analysis_of(secret, content, generated), there, desired)
    assert plan is not None
    assert plan.secret == to_file
    assert plan.host_plan["sources"] == ({FLOWS: {"path": source, "in_store": True}} if source else {})
    messages = " ".join(plan.messages)
    assert ("settings.js gets" in messages) is (to_file is not None)
    assert messages
    assert not any(key in messages + repr(plan) for key in (A, B, MADE, GONE))


@pytest.mark.parametrize(
    ("secret", "content", "generated"),
    [
        (f'"{A}"', encrypted(A), None),
        (None, encrypted(MADE), MADE),
        ("false", plain(), None),
        (None, None, None),
        (f'"{A}"', encrypted(A, EMPTY), None),
    ],
)
def test_nothing_is_wrong(secret: str | None, content: bytes | None, generated: str | None) -> None:
    assert recovery(analysis_of(secret, content, generated), evidence([B], [GONE], [encrypted("nobody's")]), B) is None


@pytest.mark.parametrize("desired", [None, B])
def test_nothing_fits(desired: str | None) -> None:
    with pytest.raises(
        CredentialsError, match="No secret was found .*/copies/settings.js.0.*Nothing was changed"
    ) as error:
        recovery(analysis_of(f'"{A}"', encrypted(GONE)), evidence([A, B], copies=[encrypted("nobody's")]), desired)
    assert ("nodered_credential_secret does not fit" in str(error.value)) is (desired is not None)
    assert not any(key in str(error.value) for key in (A, B, GONE))
