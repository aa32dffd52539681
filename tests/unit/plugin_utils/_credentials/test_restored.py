# Copyright (c) 2026, the pifleet.nodered maintainers
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A former settings.js never takes the credentials of the flows away."""

from __future__ import annotations

import pytest
from flow_credentials import FLOWS, document, encrypted, state_of

from ansible_collections.pifleet.nodered.plugins.plugin_utils._credentials.analysis import CredentialsError
from ansible_collections.pifleet.nodered.plugins.plugin_utils._credentials.restored import restored_settings

A, B = "secret-a", "secret-b"


def settings(secret: str | None, more: str = "") -> bytes:
    return document(secret, more=more).source


def test_the_same_secret_keeps_every_byte() -> None:
    state, former = state_of({FLOWS: encrypted(A)}), settings(f'"{A}"', "    uiPort: 1,")
    restored = restored_settings(state, settings(f'"{A}"'), former, False)
    assert (restored.content, restored.keeps_secret) == (former, False)


@pytest.mark.parametrize("former", [f'"{A}"', None, "process.env.SECRET"])
def test_the_secret_of_today_stays(former: str | None) -> None:
    state = state_of({FLOWS: encrypted(B)})
    restored = restored_settings(state, settings(f'"{B}"'), settings(former, "    uiPort: 1,"), False)
    assert f'credentialSecret: "{B}"'.encode() in restored.content
    assert b"uiPort: 1," in restored.content
    assert restored.keeps_secret


def test_without_credentials_any_secret_will_do() -> None:
    former = settings(f'"{A}"')
    for state in (state_of({}), state_of({FLOWS: b"{}"})):
        assert restored_settings(state, settings(f'"{B}"'), former, False).content == former


def test_the_key_of_node_red_wins_over_any() -> None:
    state, former = state_of({FLOWS: encrypted(B)}, generated=B), settings(f'"{A}"')
    assert restored_settings(state, settings(None), former, False).content == former


@pytest.mark.parametrize("present", [b"module.exports = {", None])
def test_where_the_present_file_is_broken_that_of_then_has_to_fit(present: bytes | None) -> None:
    former = settings(f'"{A}"')
    assert restored_settings(state_of({FLOWS: encrypted(A)}), present, former, False).content == former
    with pytest.raises(CredentialsError, match="could not decrypt the credentials"):
        restored_settings(state_of({FLOWS: encrypted(B)}), present, former, False)


def test_code_of_today_cannot_be_judged() -> None:
    state = state_of({FLOWS: encrypted(B)})
    with pytest.raises(CredentialsError, match="nodered_credential_secret"):
        restored_settings(state, settings("process.env.SECRET"), settings(f'"{A}"'), False)


def test_code_with_other_variables_cannot_be_judged() -> None:
    state, both = state_of({FLOWS: encrypted(B)}), settings("process.env.SECRET")
    assert restored_settings(state, both, both, False).content == both
    with pytest.raises(CredentialsError):
        restored_settings(state, both, both, True)


def test_no_text_has_a_secret() -> None:
    restored = restored_settings(state_of({FLOWS: encrypted(B)}), settings(f'"{B}"'), settings(f'"{A}"'), False)
    assert B not in repr(restored)
