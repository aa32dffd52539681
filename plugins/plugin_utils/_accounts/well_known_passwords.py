# Copyright (c) 2026, the pifleet.nodered maintainers
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Passwords that everybody knows, found behind a hash: by its text, or by a few guesses that cost little."""

from __future__ import annotations

import functools
import hashlib

from .passwords import PasswordError, check_hash, fits, hash_cost

#: The hash in the commented example of every settings.js since Node-RED 0.10, and in most guides: `password`.
SAMPLE_HASHES = frozenset({"$2b$08$zZWtXTja0fB1pzD4sHCMyOCMYz2Z6dNbM6tl8sJogENOMcxWV9DN."})

#: The most likely first: a hash of the usual cost 8 is tried with the first ones only.
POPULAR = (
    "password",
    "raspberry",
    "nodered",
    "admin",
    "12345678",
    "123456",
    "node-red",
    "1234",
    "12345",
    "123456789",
    "qwerty",
    "letmein",
    "changeme",
    "secret",
    "test",
    "root",
    "pi",
    "raspberrypi",
    "default",
    "welcome",
)
#: Rounds of bcrypt that one hash may cost: four guesses at cost 8, 60 ms on a PC.
_ROUNDS_PER_HASH = 4 << 8
#: And all hashes of one process together, 4 s on a PC. What exceeds it is compared by its text only.
_ROUNDS_PER_PROCESS = 256 << 8

_MD5 = frozenset(hashlib.md5(word.encode("ascii"), usedforsecurity=False).hexdigest() for word in POPULAR)
_spent = 0


def is_well_known_md5(digest: str) -> bool:
    return digest.lower() in _MD5


def is_well_known(text: str) -> bool:
    """Whether a text is one of the popular passwords itself."""
    return text.lower() in POPULAR


@functools.lru_cache(maxsize=1024)
def hides_well_known(hash_text: str, user: str) -> bool:
    """Whether a bcrypt hash belongs to a popular password or to the user's own name; False for all that is no hash."""
    global _spent  # noqa: PLW0603 - guesses are bounded per process
    try:
        normal = check_hash(hash_text)
    except PasswordError:
        return False
    if normal in SAMPLE_HASHES:
        return True
    rounds = 1 << hash_cost(normal)
    guesses = [*POPULAR[:2], *([user] if user not in POPULAR[:2] else []), *POPULAR[2:]]
    for guess in guesses[: _ROUNDS_PER_HASH // rounds]:
        if _spent + rounds > _ROUNDS_PER_PROCESS:
            return False
        _spent += rounds
        try:
            if fits(guess, normal):
                return True
        except PasswordError:
            # A user's name may be no possible password; missing libraries find nothing.
            continue
    return False
