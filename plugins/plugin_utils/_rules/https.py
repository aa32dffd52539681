# Copyright (c) 2026, the pifleet.nodered maintainers
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Rules about `https` and `requireHttps` of a settings.js."""

from __future__ import annotations

import datetime
import functools
import typing as t
from collections.abc import Iterator

from ansible_collections.pifleet.nodered.plugins.plugin_utils._findings.model import Finding, Severity
from ansible_collections.pifleet.nodered.plugins.plugin_utils._javascript.parser import Node
from ansible_collections.pifleet.nodered.plugins.plugin_utils._javascript.scopes import FUNCTIONS
from ansible_collections.pifleet.nodered.plugins.plugin_utils._javascript.values import (
    code_children,
    members_of,
    text_of,
    unwrapped,
    value_of,
)
from ansible_collections.pifleet.nodered.plugins.plugin_utils._settings.https import https_literals

from .base import SECURE, RuleBook, SettingsReview, is_code
from .certificates import check_certificate

RULES = RuleBook()

_PEM = "-----BEGIN"
_OLD_PROTOCOLS = ("TLSv1", "TLSv1.1", "TLSv1_method", "TLSv1_1_method")

HTTPS_MISSING = RULES.add(
    "https-missing",
    Severity.HIGH,
    "Node-RED serves no TLS",
    "Passwords, tokens and flows cross the network in the clear. Not said where uiHost is this host alone, for a proxy.",
    SECURE,
    "nodered_certificate_provider",
)

HTTPS_MALFORMED = RULES.add(
    "https-malformed",
    Severity.HIGH,
    "https cannot work",
    "Without key and certificate no handshake succeeds, or Node-RED ends at its start with status 0, so that systemd does"
    " not start it again.",
    SECURE,
    "nodered_certificate_provider",
)

HTTPS_PATH = RULES.add(
    "https-path",
    Severity.HIGH,
    "https has a path where the content of a file belongs",
    "Node-RED ends at its start with status 0, so that systemd does not start it again.",
    'Read the file: require("fs").readFileSync(...), or run pifleet.nodered.secure.',
    "nodered_certificate_provider",
)

HTTPS_RETURNS_NOTHING = RULES.add(
    "https-function-returns-nothing",
    Severity.CRITICAL,
    "The https function returns nothing",
    "Node-RED then serves plain HTTP, while its log says https.",
    SECURE,
    "nodered_certificate_provider",
)

HTTPS_OLD = RULES.add(
    "https-old-protocol",
    Severity.MEDIUM,
    "https admits TLS 1.0 or 1.1",
    "Both have been deprecated since 2021 (RFC 8996), and every browser of the last ten years speaks a newer one.",
    "Set minVersion: TLSv1.2 in nodered_https_options and run pifleet.nodered.secure, or remove it from the file: what"
    " stands there is kept.",
    "nodered_https_options",
)

REFRESH_IGNORED = RULES.add(
    "https-refresh-ignored",
    Severity.LOW,
    "A renewed certificate would not be served",
    "httpsRefreshInterval needs https to be a function; with an object Node-RED goes on with the old certificate until it"
    " is restarted.",
    SECURE,
    "nodered_certificate_provider",
)

KEY_IN_REPOSITORY = RULES.add(
    "private-key-in-file",
    Severity.HIGH,
    "A private key stands in settings.js",
    "Whoever reads the file, or any copy or backup of it, can pretend to be this server.",
    SECURE,
    "nodered_certificate_provider",
)

REQUIRE_HTTPS = RULES.add(
    "require-https-misunderstood",
    Severity.MEDIUM,
    "requireHttps does not do what it seems to",
    "It enables no TLS. Beside https it does nothing; without https it leaves the login itself in the clear, and whoever"
    " sends X-Forwarded-Proto: https is let through. It is of use only behind a proxy on the same host.",
    "Set requireHttps in nodered_settings_absent and run pifleet.nodered.secure; behind a proxy set uiHost to 127.0.0.1"
    " in nodered_settings.",
    "nodered_settings_absent",
)

# ----------------------------------------------------------------------------------------------------------------------
# TLS


def check_https(review: SettingsReview, today: datetime.date) -> Iterator[Finding]:
    value, node = review.get("https"), review.settings.node(("https",))
    if review.is_off("https"):
        if not review.is_on_loopback():
            yield review.finding(HTTPS_MISSING, "https is not set.", ("https",))
    elif is_code(value):
        if node is not None and _returns_nothing(unwrapped(node)):
            yield review.finding(HTTPS_RETURNS_NOTHING, "The https function has no return with a value.", node)
    elif not isinstance(value, dict):
        yield review.finding(HTTPS_MALFORMED, "https is neither an object nor a function.", node)
    else:
        yield from _https_object(review, value, today)
    for literal in https_literals(review.settings):
        yield from _old_protocols(review, literal)
    if isinstance(value, dict) and not review.is_off("httpsRefreshInterval"):
        yield review.finding(
            REFRESH_IGNORED, "httpsRefreshInterval is set, and https is no function.", ("httpsRefreshInterval",)
        )


def _https_object(review: SettingsReview, value: dict[str, t.Any], today: datetime.date) -> Iterator[Finding]:
    parts = ("pfx",) if "pfx" in value else ("key", "cert")
    missing = [part for part in parts if review.is_off("https", part)]
    if missing and "SNICallback" not in value:
        yield review.finding(HTTPS_MALFORMED, f"https has no {' and no '.join(missing)}.", ("https",))
    for part in ("key", "cert"):
        text = value.get(part)
        path = ("https", part)
        if isinstance(text, str) and text and _PEM not in text:
            yield review.finding(HTTPS_PATH, f"{part} of https is no content of a PEM file.", path, part)
        elif isinstance(text, str) and "PRIVATE KEY" in text:
            yield review.finding(KEY_IN_REPOSITORY, f"{part} of https is the key itself.", path)
        elif isinstance(text, str) and text and part == "cert":
            yield from check_certificate(text, today, functools.partial(review.finding, at=path))


def _old_protocols(review: SettingsReview, literal: Node) -> Iterator[Finding]:
    for member in members_of(literal):
        version = value_of(member.value) if member.value is not None else None
        if member.name in ("minVersion", "secureProtocol") and version in _OLD_PROTOCOLS:
            yield review.finding(HTTPS_OLD, f"{member.name} of https is {version}.", member.node)


def _returns_nothing(node: Node) -> bool:
    """Whether a function certainly returns no object: it has no `return` of its own with more than null behind it."""
    if node.type not in FUNCTIONS or any(child.type == "async" for child in node.children):
        return False
    body = node.child_by_field_name("body")
    if body is None:
        return False
    if body.type != "statement_block":
        return _is_nothing(unwrapped(body))
    stack = list(body.named_children)
    while stack:
        inner = stack.pop()
        if inner.type == "return_statement":
            value = code_children(inner)
            # A line break behind the word ends the statement.
            ends = bool(value) and value[0].start_point.row > inner.start_point.row
            if value and not ends and not _is_nothing(unwrapped(value[0])):
                return False
        elif inner.type not in FUNCTIONS:
            stack.extend(inner.named_children)
    return True


def _is_nothing(value: Node) -> bool:
    return value.type in ("null", "undefined", "false") or text_of(value) in ("void 0", "undefined")


def check_require_https(review: SettingsReview, _today: datetime.date) -> Iterator[Finding]:
    value = review.get("requireHttps")
    if review.is_off("requireHttps") or is_code(value):
        return
    if value is not True:
        message = "requireHttps is not exactly true, and Node-RED ignores it."
    elif not review.is_off("https"):
        message = "requireHttps does nothing beside https."
    elif not review.is_on_loopback():
        message = "requireHttps without https and with an open port leaves the login in the clear."
    else:
        return
    yield review.finding(REQUIRE_HTTPS, message, ("requireHttps",))
