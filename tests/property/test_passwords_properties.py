# Copyright (c) 2026, the pifleet.nodered maintainers
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What holds for every password and for every text that may be a hash."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from ansible_collections.pifleet.nodered.plugins.plugin_utils._accounts import passwords

# bcrypt's lowest cost takes a millisecond.
few = settings(max_examples=60, deadline=None)
usable = st.text(st.characters(codec="utf-8", exclude_characters="\0\r\n"), min_size=1).filter(
    lambda text: len(text.encode()) <= 72
)
alphabet = "./ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"


@few
@given(usable, usable)
def test_a_hash_fits_its_password_only(password: str, other: str) -> None:
    hash = passwords.hash_password(password, cost=4)
    assert passwords.fits(password, hash)
    assert passwords.fits(other, hash) == (other == password)
    assert passwords.desired_hash(password, hash) == hash


@few
@given(st.text())
def test_a_password_is_usable_or_refused_without_being_named(password: str) -> None:
    try:
        assert passwords.check_password(password) == password
    except passwords.PasswordError as error:
        assert len(password) < 5 or password not in str(error)
    else:
        assert 1 <= len(password.encode()) <= 72


@given(st.one_of(st.text(), st.from_regex(r"\A\$2.\$\d\d\$.{50,56}\Z")))
def test_any_text_is_normalised_or_refused(text: str) -> None:
    try:
        normalised = passwords.check_hash(text)
    except passwords.PasswordError:
        return
    assert len(normalised) == len(text) == 60
    assert normalised.startswith("$2b$")


@given(st.sampled_from(["$2a$", "$2b$", "$2y$"]), st.integers(4, 31), st.text(alphabet, min_size=53, max_size=53))
def test_normalising_keeps_what_matters_and_settles(prefix: str, cost: int, rest: str) -> None:
    text = f"{prefix}{cost:02}${rest}"
    normalised = passwords.check_hash(text)
    assert passwords.check_hash(normalised) == normalised
    assert [i for i in range(4, 60) if text[i] != normalised[i]] in ([], [28], [59], [28, 59])
