# Copyright (c) 2026, the pifleet.nodered maintainers
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from ansible_collections.pifleet.nodered.plugins.plugin_utils._inventory.host_variables import decrypted


class Encrypted:
    """What Ansible makes of `!vault` before 2.19, as far as it is asked."""

    _ciphertext = b"$ANSIBLE_VAULT;1.1;AES256"

    def __str__(self) -> str:
        return "a secret"


def test_what_is_encrypted_by_itself_becomes_a_text() -> None:
    value = {"TOKEN": Encrypted(), "others": [1, {"deep": Encrypted()}], "text": "as it is"}
    assert decrypted(value) == {"TOKEN": "a secret", "others": [1, {"deep": "a secret"}], "text": "as it is"}
    assert decrypted(Encrypted()) == "a secret"


def test_all_else_stays_the_same_object() -> None:
    value = {"a": [1, {"b": None}], "c": "text"}
    assert decrypted(value) is value
