# Copyright (c) 2026, the pifleet.nodered maintainers
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Rules about password hashes in a settings.js."""

from __future__ import annotations

import re
import typing as t
from collections.abc import Iterator

from ansible_collections.pifleet.nodered.plugins.plugin_utils._accounts.passwords import (
    PasswordError,
    check_hash,
    hash_cost,
)
from ansible_collections.pifleet.nodered.plugins.plugin_utils._accounts.well_known_passwords import (
    hides_well_known,
    is_well_known,
    is_well_known_md5,
)
from ansible_collections.pifleet.nodered.plugins.plugin_utils._findings.model import Finding, Severity
from ansible_collections.pifleet.nodered.plugins.plugin_utils._javascript.parser import Node, captures
from ansible_collections.pifleet.nodered.plugins.plugin_utils._javascript.values import (
    Expression,
    may_be_placeholder,
    text_of,
)

from .base import RuleBook, SettingsReview, is_code, judged

RULES = RuleBook()

_MD5 = re.compile(r"[0-9A-Fa-f]{32}")

#: What `node-red admin hash-pw` writes. A lower cost makes guessing cheaper, and saves nothing that anybody notices.
_LOWEST_COST = 8

#: One wrong password then holds a Raspberry Pi up for seconds.
_HIGHEST_COST = 12

PASSWORD_WELL_KNOWN = RULES.add(
    "password-well-known",
    Severity.CRITICAL,
    "A password is one that everybody knows",
    "It is that of Node-RED's own example, one of the most popular ones, or the name of its user. A few guesses per hash"
    " are made, so that no finding does not mean that a password is good.",
    "Set another password in nodered_admin_users, nodered_node_auth or nodered_static_auth.",
    "nodered_admin_users",
)

PASSWORD_PLAIN = RULES.add(
    "password-plain-text",
    Severity.HIGH,
    "A password stands in plain text",
    "Node-RED wants a hash: nobody can log in with it, and everybody who reads the file has the password.",
    "Set the password in nodered_admin_users, nodered_node_auth or nodered_static_auth: only its hash gets to the host.",
    "nodered_admin_users",
)

PASSWORD_IN_COMMENT = RULES.add(
    "password-in-comment",
    Severity.MEDIUM,
    "A password stands in a comment",
    "Its hash hides nothing then: everybody who reads the file has the password.",
    "Remove the comment, and set another password in nodered_admin_users, nodered_node_auth or nodered_static_auth.",
    "nodered_admin_users",
)

PASSWORD_MALFORMED = RULES.add(
    "password-hash-malformed",
    Severity.MEDIUM,
    "A password hash is none that Node-RED knows",
    "No password fits it, so that this user cannot log in.",
    "Set the password in nodered_admin_users, nodered_node_auth or nodered_static_auth.",
    "nodered_admin_users",
)

PASSWORD_2Y = RULES.add(
    "password-hash-2y",
    Severity.LOW,
    "A password hash begins with $2y$",
    "Node-RED 4 and 5 take it, while 2 and 3 with their native bcrypt refuse every password. $2b$ means the same and fits"
    " all.",
    "Run pifleet.nodered.secure with the password in nodered_admin_users, nodered_node_auth or nodered_static_auth.",
    "nodered_admin_users",
)

PASSWORD_MD5 = RULES.add(
    "password-hash-md5",
    Severity.HIGH,
    "A password is kept as MD5",
    "Node-RED takes MD5 for httpNodeAuth and httpStaticAuth; whoever reads the file has the password within seconds.",
    "Set the password in nodered_node_auth or nodered_static_auth and run pifleet.nodered.secure.",
    "nodered_node_auth",
)

PASSWORD_WEAK = RULES.add(
    "password-hash-weak",
    Severity.MEDIUM,
    "A password hash is quick to guess",
    "Its bcrypt cost is below 8, what Node-RED's own tool writes; each step down halves the time that a guess takes.",
    "Remove the hash and run pifleet.nodered.secure with the password in nodered_admin_users, nodered_node_auth or"
    " nodered_static_auth.",
    "nodered_admin_users",
)

PASSWORD_SLOW = RULES.add(
    "password-hash-slow",
    Severity.LOW,
    "A password hash keeps Node-RED busy",
    "Its bcrypt cost is above 12. Node-RED computes httpNodeAuth and httpStaticAuth on its only thread: every wrong"
    " password of a stranger stops all flows, for seconds on a Raspberry Pi.",
    "Remove the hash and run pifleet.nodered.secure with the password in nodered_node_auth or nodered_static_auth.",
    "nodered_node_auth",
)

# ----------------------------------------------------------------------------------------------------------------------
# Comments

#: What a comment says a password to be.
_SAID = re.compile(
    r"\b(?:pass(?:word|wort|phrase|wd)?|pwd?|kennwort)\b[\"']?\s{0,9}(?:\bis\b|\bwas\b|[:=])[\s*]{0,9}([^\s,;]{4,200})"
    r"|\bhash\s(?:of|for)\s{1,9}([^\s,;\"'`]{4,200})",
    re.IGNORECASE,
)
_QUOTED = re.compile(r"[\"'`]([^\"'`]{4,})[\"'`]")
#: Not a word of prose: a letter and a digit, or a capital within.
_MIXED = re.compile(r"(?=.*[A-Za-z])(?=.*[0-9]).{6,}|(?=.*[a-z][A-Z])[A-Za-z]{6,}")
#: Words that look like that, and what is no password but says where one is.
_PROSE = re.compile(r"base\W?64|sha\W?\d|md5|bcrypt|argon|aes|utf\W?\d|process\.|://|[<>/]|[0-9a-f]{32}", re.IGNORECASE)


def check_comments(review: SettingsReview) -> Iterator[Finding]:
    """Passwords in the comments beside logins, and on the line above them."""
    logins = [review.settings.node((key,)) for key in ("adminAuth", "httpNodeAuth", "httpStaticAuth")]
    rows = {row for node in logins if node for row in range(node.start_point.row, node.end_point.row + 1)}
    above = {node.start_point.row - 1 for node in logins if node}
    if not rows:
        return
    for comment in captures("(comment) @comment", review.settings.root).get("comment", []):
        before = comment.prev_sibling
        has_own_line = before is None or before.end_point.row < comment.start_point.row
        beside = comment.end_point.row in rows or (has_own_line and comment.end_point.row in above)
        if beside and any(map(_is_password, _SAID.findall(text_of(comment)))):
            yield review.finding(PASSWORD_IN_COMMENT, "A comment beside a login says its password.", comment)


def _is_password(said: tuple[str, str]) -> bool:
    word = "".join(said).rstrip(".)]}*/!?")
    quoted = _QUOTED.fullmatch(word)
    bare = quoted[1] if quoted else word
    if may_be_placeholder(bare) or "$2" in bare or _PROSE.search(bare):
        return False
    return quoted is not None or _MIXED.fullmatch(bare) is not None


# ----------------------------------------------------------------------------------------------------------------------
# Hashes


def check_password_hash(
    review: SettingsReview, value: t.Any, whose: str, user: str, at: Node | None, detail: str, md5: bool
) -> Iterator[Finding]:
    """What is wrong with what should be a hash; ``md5`` tells whether Node-RED takes MD5 there."""
    if isinstance(value, Expression) and isinstance(value.hashed, str) and not may_be_placeholder(value.hashed):
        yield review.finding(PASSWORD_PLAIN, f"{whose} stands in the call that hashes it.", at, detail)
        if is_well_known(value.hashed):
            yield review.finding(PASSWORD_WELL_KNOWN, f"{whose} is one that everybody knows.", at, detail)
    value = judged(value)
    if is_code(value):
        return
    try:
        normal = check_hash(value)
    except PasswordError:
        yield from _no_bcrypt(review, value, whose, at, detail, md5)
        return
    cost = hash_cost(normal)
    if hides_well_known(value, user):
        yield review.finding(PASSWORD_WELL_KNOWN, f"{whose} is one that everybody knows.", at, detail)
    if value.startswith("$2y$"):
        yield review.finding(PASSWORD_2Y, f"{whose} has a hash that begins with $2y$.", at, detail)
    if cost < _LOWEST_COST:
        yield review.finding(PASSWORD_WEAK, f"{whose} has a hash of cost {cost}.", at, detail)
    elif cost > _HIGHEST_COST:
        yield review.finding(PASSWORD_SLOW, f"{whose} has a hash of cost {cost}.", at, detail)


def _no_bcrypt(
    review: SettingsReview, value: t.Any, whose: str, at: Node | None, detail: str, md5: bool
) -> Iterator[Finding]:
    text = value if isinstance(value, str) else ""
    if md5 and _MD5.fullmatch(text):
        yield review.finding(PASSWORD_MD5, f"{whose} is kept as MD5.", at, detail)
        if is_well_known_md5(text):
            yield review.finding(PASSWORD_WELL_KNOWN, f"{whose} is one that everybody knows.", at, detail)
    elif not text or text.startswith("$") or _MD5.fullmatch(text) or text.strip() != text:
        yield review.finding(PASSWORD_MALFORMED, f"{whose} has no hash that Node-RED knows.", at, detail)
    else:
        yield review.finding(PASSWORD_PLAIN, f"{whose} is no hash.", at, detail)
