# Copyright (c) 2026, the pifleet.nodered maintainers
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Nothing secret in what a person is shown of a log or a file, and the rest as it is."""

from __future__ import annotations

import typing as t

import pytest
from stopwatch import times_as_long

from ansible_collections.pifleet.nodered.plugins.module_utils._shared.redact import HIDDEN, redact

HASH = "$2b$08$" + "a" * 53


@pytest.mark.parametrize(
    ("text", "secret"),
    [
        (f'password: "{HASH}"', HASH),
        (f"// old one: {HASH}, kept for later", HASH),
        (f"$2y$08${'b' * 53}", "b" * 53),
        ("credentialSecret: 'hunter2',", "hunter2"),
        ('"credentialSecret" : "hun\\"ter2"', 'hun\\"ter2'),
        ("        pass : `hunter2`", "hunter2"),
        ('{token:"t0ken-value",user:"ci"}', "t0ken-value"),
        ('passphrase: "several words here', "several words here"),
        ('apiKey = "k3y-value"', "k3y-value"),
        ("https://fred:hunter2@proxy.example.com:3128/", "hunter2"),
        ("-----BEGIN EC PRIVATE KEY-----\nAAAA\n-----END EC PRIVATE KEY-----", "AAAA"),
        ("-----BEGIN PRIVATE KEY-----\nBBBB (cut off)", "BBBB"),
    ],
)
def test_a_secret_is_hidden(text: str, secret: str) -> None:
    shown = redact(text)
    assert secret not in shown
    assert HIDDEN in shown


@pytest.mark.parametrize(
    "text",
    [
        "username: 'admin',",
        "uiPort: 1880,",
        "// See https://nodered.org/docs/security.html",
        'permissions: "*"',
        "credentialSecret: process.env.NODE_RED_CREDENTIAL_SECRET,",
        "httpNodeAuth: {user: 'fred'}",
    ],
)
def test_the_rest_is_exact(text: str) -> None:
    assert redact(text) == text


@pytest.mark.slow
@pytest.mark.parametrize(
    "piece",
    [
        "a",
        "secret",
        "a.a.a.",
        'key:"',
        "key:",
        "-----BEGIN ",
        "-----BEGIN PRIVATE KEY-----",
        "\\",
        '"',
        "0123abcd",
        "x://",
    ],
)
@pytest.mark.parametrize("head", ["", 'key: "', "x://"])
def test_time_is_in_proportion_to_the_text(head: str, piece: str) -> None:
    def redacted(length: int) -> t.Callable[[], str]:
        return lambda: redact(head + piece * (length // len(piece)))

    assert times_as_long(redacted(80_000), redacted(10_000)) < 32
