# Copyright (c) 2026, the pifleet.nodered maintainers
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Passwords and hashes; the hashes called known were made by other programs."""

from __future__ import annotations

import os
import pathlib
import subprocess
import sys
import textwrap
import traceback
import typing as t

import pytest

from ansible_collections.pifleet.nodered.plugins.plugin_utils._accounts import passwords

PASSWORD = "correct horse"

# From the test vectors of crypt_blowfish (Openwall) and of jBCrypt, whose prefix is $2a$.
KNOWN = [
    ("U*U", "$2a$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW"),
    ("U*U*", "$2a$05$CCCCCCCCCCCCCCCCCCCCC.VGOzA784oUp/Z0DY336zx7pLYAy0lwK"),
    ("abc", "$2a$06$If6bvum7DFjUnE9p2uDeDu0YHzrHM6tf.iqN8.yx.jNN1ILEf7h0i"),
]
TEXT = "$2b$08$" + 53 * "a"


@pytest.fixture(scope="module")
def hash_of_password() -> str:
    return passwords.hash_password(PASSWORD, cost=4)


@pytest.mark.parametrize("prefix", ["$2a$", "$2b$", "$2y$"])
@pytest.mark.parametrize(("password", "known"), KNOWN)
def test_fits_known_hashes_under_every_prefix(password: str, known: str, prefix: str) -> None:
    hash = prefix + known[4:]
    assert passwords.fits(password, hash)
    assert not passwords.fits(password + "x", hash)
    assert passwords.check_hash(hash) == "$2b$" + known[4:]


def test_new_hashes_are_2b_with_the_cost_and_a_salt_of_their_own() -> None:
    hashes = {passwords.hash_password(PASSWORD, cost=5) for _attempt in range(3)}
    assert len(hashes) == 3
    assert all(hash.startswith("$2b$05$") and len(hash) == 60 for hash in hashes)
    assert all(passwords.check_hash(hash) == hash for hash in hashes)


def test_default_cost_is_that_of_node_red() -> None:
    assert passwords.hash_cost(passwords.hash_password(PASSWORD)) == 8


@pytest.mark.parametrize("password", ["a", 72 * "x", 36 * "ü", 18 * "🔒", "mit Leerzeichen ", "$2b$08$ {{ x }}"])
def test_usable_passwords(password: str) -> None:
    assert passwords.check_password(password) == password
    assert passwords.fits(password, passwords.hash_password(password, cost=4))


@pytest.mark.parametrize(
    ("password", "reason"),
    [
        (None, "null"),
        (12345, "a number"),
        (True, "a boolean"),
        (b"secret-value", "bytes"),
        (["secret-value"], "a list"),
        ({"secret-value": 1}, "a mapping"),
        (object(), "of the type object"),
        ("", "is empty"),
        ("secret-value" * 6 + "x", "73 bytes"),
        (36 * "ü" + "x", "73 bytes"),
        ("secret-value\0", "NUL"),
        ("secret-value\n", "line break"),
        ("secret-value\r", "line break"),
        ("secret-value\ud800", "surrogate"),
    ],
)
def test_unusable_passwords(password: t.Any, reason: str, hash_of_password: str) -> None:
    for call in (
        lambda: passwords.check_password(password),
        lambda: passwords.hash_password(password),
        lambda: passwords.fits(password, hash_of_password),
        lambda: passwords.fits(password, "not a hash"),
        lambda: passwords.desired_hash(password, hash_of_password),
    ):
        with pytest.raises(passwords.PasswordError, match=reason) as caught:
            call()
        assert "secret-value" not in "".join(traceback.format_exception(caught.value))
        assert "secret-value" not in repr(caught.value)
        assert caught.value.__context__ is None


def test_values_that_ansible_has_not_decrypted_yet_are_accepted() -> None:
    class Encrypted:
        """As AnsibleVaultEncryptedUnicode of ansible-core 2.18: not a str, but one when asked."""

        __ENCRYPTED__ = True

        def __str__(self) -> str:
            return PASSWORD

    assert passwords.check_password(Encrypted()) == PASSWORD


def test_subclasses_of_str_lose_what_ansible_attached_to_them() -> None:
    class Tagged(str):
        pass

    assert not isinstance(passwords.check_password(Tagged(PASSWORD)), Tagged)
    assert not isinstance(passwords.check_hash(Tagged(TEXT)), Tagged)


@pytest.mark.parametrize("cost", [3, 17, -1, 31])
def test_costs_out_of_range(cost: int) -> None:
    with pytest.raises(passwords.PasswordError, match="4 to 16"):
        passwords.hash_password(PASSWORD, cost)


@pytest.mark.parametrize("cost", [None, "8", 8.0, True])
def test_costs_that_are_no_numbers(cost: t.Any) -> None:
    with pytest.raises(passwords.PasswordError, match="whole number"):
        passwords.hash_password(PASSWORD, cost)


@pytest.mark.parametrize(
    ("hash", "reason"),
    [
        (None, "null"),
        (5, "a number"),
        ("", "is empty"),
        (TEXT + "\n", "line break"),
        (" " + TEXT, "space"),
        (TEXT[:30] + "\n" + TEXT[31:], "line break"),
        ("$2x$" + TEXT[4:], "2011"),
        ("5ebe2294ecd0e0f08eab7690d2a6ee69", "MD5"),
        ("5EBE2294ECD0E0F08EAB7690D2A6EE69", "MD5"),
        ("$6$saltstring$" + 86 * "a", "sha512"),
        ("$argon2id$v=19$m=65536,t=3,p=4$c29tZXNhbHQ$RdescudvJCsgt3ub+b", "kind"),
        ("$2$08$" + 54 * "a", "kind"),
        (TEXT[:-1], "59 characters"),
        (TEXT + "a", "61 characters"),
        ("$2b$", "4 characters"),
        (TEXT.replace("$08$", "$03$"), "cost"),
        (TEXT.replace("$08$", "$32$"), "cost"),
        (TEXT.replace("$08$", "$8a$"), "cost"),
        (TEXT.replace("$08$", "$٠٨$"), "cost"),
        (TEXT[:-1] + "!", "characters that bcrypt does not use"),
        (TEXT[:-1] + "é", "characters that bcrypt does not use"),
        ("secret-value", "plain text"),
    ],
)
def test_what_is_not_a_bcrypt_hash_is_refused_with_its_reason(hash: object, reason: str) -> None:
    with pytest.raises(passwords.PasswordError, match=reason) as caught:
        passwords.check_hash(hash)
    if isinstance(hash, str) and len(hash) > 4:
        assert hash.strip()[7:] not in str(caught.value)
    assert not passwords.fits(PASSWORD, hash)


@pytest.mark.parametrize("cost", ["04", "10", "31"])
def test_every_cost_is_accepted_in_a_hash_that_is_only_checked(cost: str) -> None:
    assert passwords.check_hash(TEXT.replace("08", cost))[4:6] == cost


@pytest.mark.parametrize(("position", "bits"), [(28, 4), (59, 2)])
def test_bits_that_carry_nothing_become_zero(hash_of_password: str, position: int, bits: int) -> None:
    alphabet = "./ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"
    value = alphabet.index(hash_of_password[position])
    for other in range(value, value + 2**bits):
        odd = hash_of_password[:position] + alphabet[other] + hash_of_password[position + 1 :]
        assert passwords.check_hash(odd) == hash_of_password
        assert passwords.fits(PASSWORD, odd)
    beyond = hash_of_password[:position] + alphabet[(value + 2**bits) % 64] + hash_of_password[position + 1 :]
    assert passwords.check_hash(beyond) != hash_of_password


def test_a_hash_that_fits_is_kept(hash_of_password: str) -> None:
    assert passwords.desired_hash(PASSWORD, hash_of_password) == hash_of_password
    assert passwords.desired_hash(PASSWORD, "$2y$" + hash_of_password[4:]) == hash_of_password


@pytest.mark.parametrize("existing", [None, "", "plain text", "5ebe2294ecd0e0f08eab7690d2a6ee69", 5, TEXT])
def test_whatever_does_not_fit_is_replaced(existing: object) -> None:
    new = passwords.desired_hash(PASSWORD, existing, cost=4)
    assert new != existing
    assert passwords.fits(PASSWORD, new)


def test_the_cost_is_compared_only_on_request(hash_of_password: str) -> None:
    assert passwords.desired_hash(PASSWORD, hash_of_password, cost=5) == hash_of_password
    assert passwords.desired_hash(PASSWORD, hash_of_password, cost=4, compare_cost=True) == hash_of_password
    replaced = passwords.desired_hash(PASSWORD, hash_of_password, cost=5, compare_cost=True)
    assert replaced.startswith("$2b$05$")
    assert passwords.fits(PASSWORD, replaced)


@pytest.mark.parametrize("cost", ["17", "31"])
def test_a_hash_that_claims_a_huge_cost_is_not_computed(cost: str) -> None:
    huge = TEXT.replace("08", cost)
    assert passwords.desired_hash(PASSWORD, huge, cost=4).startswith("$2b$04$")
    with pytest.raises(passwords.PasswordError, match=cost):
        passwords.fits(PASSWORD, huge)


def _in_a_process_with(libraries: dict[str, str], tmp_path: pathlib.Path) -> str:
    """What hash_password raises where these modules (name: source) come before the installed ones."""
    for name, source in libraries.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(textwrap.dedent(source), encoding="utf-8")
    script = textwrap.dedent("""
        from ansible_collections.pifleet.nodered.plugins.plugin_utils import _errors
        from ansible_collections.pifleet.nodered.plugins.plugin_utils._accounts import passwords
        try:
            passwords.hash_password("secret-value")
        except _errors.UserError as error:
            print(error)
    """)
    run = subprocess.run(
        [sys.executable, "-c", script],
        env={**os.environ, "PYTHONPATH": os.pathsep.join([str(tmp_path), *sys.path]), "PYTHONDONTWRITEBYTECODE": "1"},
        capture_output=True,
        text=True,
        check=True,
    )
    return run.stdout


def test_missing_libraries_are_named(tmp_path: pathlib.Path) -> None:
    message = _in_a_process_with({"passlib/__init__.py": "raise ImportError('no passlib')"}, tmp_path)
    assert "libpass" in message
    assert "requirements.txt" in message
    named = pathlib.Path(message.rpartition("-r ")[2].split("'")[0])
    assert "libpass" in named.read_text(encoding="utf-8")


def test_libraries_that_do_not_work_together_are_named(tmp_path: pathlib.Path) -> None:
    # How passlib 1.7.4 and bcrypt 5 fail, and libpass before 1.9.3.
    hash_module = """
        class bcrypt:
            @staticmethod
            def set_backend(name):
                raise ValueError("password cannot be longer than 72 bytes, truncate manually if necessary")
    """
    message = _in_a_process_with(
        {"passlib/__init__.py": "__version__ = '1.7.4'", "passlib/hash.py": hash_module}, tmp_path
    )
    assert "passlib 1.7.4" in message
    assert "libpass" in message
    assert "secret-value" not in message
