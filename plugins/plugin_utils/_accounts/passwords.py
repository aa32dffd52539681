# Copyright (c) 2026, the pifleet.nodered maintainers
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""bcrypt as every Node-RED release accepts it, computed on the control node.

Node-RED's bcrypt libraries agree on `$2a$` and `$2b$` only: native bcrypt (Node-RED 2 and 3) rejects the `$2y$` that
`node-red admin hash-pw` of 4.x and 5.x prints. `$2b$` is therefore the only prefix written here.
All of them silently ignore what follows the 72nd byte of a password, so longer passwords are refused.

Private to this collection. No exception raised here contains a password or a hash.
"""

from __future__ import annotations

import contextlib
import re
import sys
import typing as t

from ansible_collections.pifleet.nodered.plugins.plugin_utils._collection.requirements import require
from ansible_collections.pifleet.nodered.plugins.plugin_utils._errors import UserError

with contextlib.suppress(ImportError):  # require tells
    from passlib.hash import bcrypt as _bcrypt

# What `node-red admin hash-pw` uses; a wrong password costs Node-RED one computation on its only thread.
DEFAULT_COST = 8
MIN_COST = 4
# Seconds on a PC, minutes on a Raspberry Pi Zero, during which Node-RED answers nobody.
MAX_COST = 16
# bcrypt's key is 72 bytes long.
MAX_PASSWORD_BYTES = 72

_HASH_LENGTH = 60
_ALPHABET = "./ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"
_BCRYPT = re.compile(r"\$2[aby]\$(?:0[4-9]|[12][0-9]|3[01])\$[./A-Za-z0-9]{53}")
_MD5 = re.compile(r"[0-9A-Fa-f]{32}")


class PasswordError(UserError):
    """A password, hash or cost that Node-RED or bcrypt cannot work with, in a sentence that says what to do."""


def preload() -> None:
    """Load and try the libraries before they are needed, as far as they are there.

    For a process that others are forked from: the trial takes longer than a computation, and each of these would else do
    it again.
    """
    with contextlib.suppress(UserError):
        _library()


def check_password(password: object) -> str:
    """The password as plain text, if Node-RED can work with it.

    :param password: a str; a value that ansible-core 2.18 has not decrypted yet (inline `!vault`) is accepted too
    :raises PasswordError: it is not text, is empty, is longer than 72 bytes in UTF-8, or has characters that no login
        form can send (NUL, line breaks, half a surrogate pair)
    """
    if isinstance(password, str) or getattr(password, "__ENCRYPTED__", False):
        text = str(password)
    else:
        raise PasswordError(
            f"The password is not text but {_type_name(password)}: put it in quotes, so that YAML keeps it as text."
        )
    if not text:
        raise PasswordError("The password is empty: set one, or check the vault variable it comes from.")
    if "\0" in text:
        raise PasswordError("The password contains a NUL character, at which some bcrypt libraries stop: remove it.")
    if "\n" in text or "\r" in text:
        raise PasswordError(
            "The password contains a line break, which no login form can send: remove it"
            " (YAML adds one with '|', use '|-' or quotes; a file often ends with one)."
        )
    if any("\ud800" <= character <= "\udfff" for character in text):
        raise PasswordError("The password contains half a surrogate pair, which UTF-8 cannot express: remove it.")
    length = len(text.encode("utf-8"))
    if length > MAX_PASSWORD_BYTES:
        raise PasswordError(
            f"The password is {length} bytes long in UTF-8; bcrypt ignores what follows byte {MAX_PASSWORD_BYTES}:"
            f" choose one of at most {MAX_PASSWORD_BYTES} bytes."
        )
    return text


def check_cost(cost: object) -> int:
    """The cost for a new hash: log2 of the rounds, 4 to 16.

    :raises PasswordError: it is not a whole number, or out of range
    """
    if isinstance(cost, bool) or not isinstance(cost, int):
        raise PasswordError(f"The bcrypt cost must be a whole number, not {_type_name(cost)}.")
    if not MIN_COST <= cost <= MAX_COST:
        raise PasswordError(
            f"The bcrypt cost {cost} is out of range: choose {MIN_COST} to {MAX_COST}, where each step doubles the time"
            f" that Node-RED stands still for a login; {DEFAULT_COST} to 10 suit a Raspberry Pi."
        )
    return int(cost)


def check_hash(hash: object) -> str:
    """The hash with the prefix `$2b$`, if it is bcrypt.

    `$2a$`, `$2b$` and `$2y$` name the same computation for passwords of at most 72 bytes. Four bits of the salt's
    last character and two of the checksum's carry nothing; bcrypt libraries write zeros there and compare text, so
    that a hash with other bits would never match: they are set to zero, which does not change what the hash means.

    :raises PasswordError: it is anything else, with the reason
    """
    if not isinstance(hash, str):
        raise PasswordError(f"The password hash is not text but {_type_name(hash)}.")
    text = str(hash)
    if not _BCRYPT.fullmatch(text):
        raise PasswordError(_why_not_bcrypt(text))
    salt_end, checksum_end = 28, 59
    return "".join(
        (
            "$2b$",
            text[4:salt_end],
            _ALPHABET[_ALPHABET.index(text[salt_end]) & 0b110000],
            text[salt_end + 1 : checksum_end],
            _ALPHABET[_ALPHABET.index(text[checksum_end]) & 0b111100],
        )
    )


def hash_password(password: str, cost: int = DEFAULT_COST) -> str:
    """A new bcrypt hash with a random salt, 60 ASCII characters that start with `$2b$`.

    :param cost: log2 of the rounds, 4 to 16; 8 takes about 15 ms on a PC core, each step doubles it
    :raises PasswordError: see `check_password` and `check_cost`; or the libraries are missing or broken
    """
    password, cost = check_password(password), check_cost(cost)
    return _library().using(rounds=cost, ident="2b", truncate_error=True).hash(password)


def fits(password: str, hash: object) -> bool:
    """Whether the password is the one the hash was made from; False for whatever is not a bcrypt hash.

    :raises PasswordError: the password itself is unusable, see `check_password`; the hash costs more than 16, which
        would take minutes to hours; or the libraries are missing or broken
    """
    password = check_password(password)
    try:
        normalised = check_hash(hash)
    except PasswordError:
        return False
    if hash_cost(normalised) > MAX_COST:
        raise PasswordError(
            f"The password hash has the bcrypt cost {hash_cost(normalised)}, too slow to compute; at most {MAX_COST} is"
            " supported: make a new hash."
        )
    return _library().verify(password, normalised)


def desired_hash(
    password: object, existing: object = None, cost: int = DEFAULT_COST, compare_cost: bool = False
) -> str:
    """The hash to store for a password: the existing one if it fits, so that nothing changes, else a new one.

    :param existing: what is stored now, or None; anything that is not a bcrypt hash of this password is replaced
    :param cost: for a new hash; an existing hash that fits is kept whatever its cost, since nobody asked for another
    :param compare_cost: True when the user did ask for this cost: an existing hash of another cost is then replaced
    :returns: a hash with the prefix `$2b$`, even if the existing one had `$2a$` or `$2y$`
    :raises PasswordError: see `hash_password`
    """
    password, cost = check_password(password), check_cost(cost)
    try:
        kept = check_hash(existing)
    except PasswordError:
        kept = ""
    # A hash read from a host may claim any cost: one that would keep the control node busy for hours is not computed.
    if kept and hash_cost(kept) <= MAX_COST and (hash_cost(kept) == cost or not compare_cost) and fits(password, kept):
        return kept
    return hash_password(password, cost)


def hash_cost(hash: str) -> int:
    """The cost of a hash that `check_hash` returned."""
    return int(hash[4:6])


def _why_not_bcrypt(text: str) -> str:
    """One sentence about a text that is not a bcrypt hash, without quoting it."""
    if not text:
        return "The password hash is empty."
    if text != text.strip() or "\n" in text:
        return (
            "The password hash has a space or a line break around it, with which it never matches: remove it"
            " (YAML adds a line break with '|', use '|-' or quotes)."
        )
    if text.startswith("$2x$"):
        return (
            "The password hash has the prefix $2x$, which marks a bcrypt bug of 2011 and which Node-RED does not"
            " accept: make a new hash."
        )
    if text.startswith(("$2a$", "$2b$", "$2y$")):
        if len(text) != _HASH_LENGTH:
            return (
                f"The password hash has {len(text)} characters; a bcrypt hash has {_HASH_LENGTH}: copy it again, in"
                " single quotes, since a shell replaces what follows a '$'."
            )
        if not re.match(r".{4}(?:0[4-9]|[12][0-9]|3[01])\$", text):
            return "The password hash has a cost that bcrypt does not know (two digits, 04 to 31): make a new hash."
        return (
            "The password hash has characters that bcrypt does not use (it uses ./A-Za-z0-9): copy it again or make a"
            " new one."
        )
    if _MD5.fullmatch(text):
        return "The password hash is an MD5 checksum, which is guessed within seconds: give a bcrypt hash ($2b$...)."
    if text.startswith("$6$"):
        return (
            "The password hash is a sha512-crypt hash ($6$...) as in /etc/shadow; Node-RED knows bcrypt only: give a"
            " bcrypt hash ($2b$...)."
        )
    if text.startswith("$"):
        return "The password hash is of a kind that Node-RED does not know: give a bcrypt hash ($2b$...)."
    return "The password hash is not a hash, perhaps a password in plain text: give a bcrypt hash ($2b$...)."


def _library() -> t.Any:
    """Passlib's bcrypt with a backend that works.

    passlib 1.7.4, unmaintained, probes its backend with a long password, at which bcrypt 5 raises; so does libpass,
    its maintained fork, before 1.9.3.

    :raises MissingLibraryError: a library is missing
    :raises PasswordError: the two do not work together
    """
    require("passlib")
    try:
        _bcrypt.set_backend("bcrypt")
    # Which exception a broken pair of libraries raises depends on both versions.
    except Exception as error:
        import passlib

        pip = f"{sys.executable} -m pip"
        raise PasswordError(
            f"passlib {passlib.__version__} on the control node does not work with the bcrypt library there"
            f" ({type(error).__name__}). passlib 1.7.4 is no longer maintained and fails with bcrypt 5, as libpass does"
            f" before 1.9.3: run '{pip} uninstall -y passlib', then '{pip} install --force-reinstall libpass bcrypt'."
        ) from None
    return _bcrypt


def _type_name(value: object) -> str:
    """What a value is, in YAML's words, without the value."""
    if value is None:
        return "null"
    names = {bool: "a boolean", int: "a number", float: "a number", list: "a list", dict: "a mapping", bytes: "bytes"}
    for kind, name in names.items():
        if isinstance(value, kind):
            return name
    return f"of the type {type(value).__name__}"
