# Copyright (c) 2026, the pifleet.nodered maintainers
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What `--diff` shows: what a thing is before and after, and never a secret."""

from __future__ import annotations

import re
import typing as t

import yaml

from ansible_collections.pifleet.nodered.plugins.module_utils._shared.checksum import checksum
from ansible_collections.pifleet.nodered.plugins.module_utils._shared.layout import LOGIN_DATA
from ansible_collections.pifleet.nodered.plugins.module_utils._shared.redact import HIDDEN, redact
from ansible_collections.pifleet.nodered.plugins.plugin_utils._javascript.parser import refuse_extremes, tree_of
from ansible_collections.pifleet.nodered.plugins.plugin_utils._javascript.values import text_of
from ansible_collections.pifleet.nodered.plugins.plugin_utils._settings.login_data import (
    oidc_of,
    present_data,
    users_of,
)

#: What gives a name a value, and where each has the two.
_SIDES = {
    "pair": ("key", "value"),
    "assignment_expression": ("left", "right"),
    "variable_declarator": ("name", "value"),
    "augmented_assignment_expression": ("left", "right"),
    "method_definition": ("name", "body"),
    "field_definition": ("property", "value"),
}
_LITERALS = ("string", "template_string", "number", "regex")
#: Of what stands before a value this much is looked at: names can be code, which may be nested.
_LONGEST_NAME = 200
#: A name alone, without what it is a member of.
_SECRET_NAME = re.compile(
    r"pass(?:word|phrase|wd|code)|pass\d*$|pwd|^pw\d*$|_pw$|psk|^pin$|_pin$|secret|token|credential|cookie"
    r"|(?:api|private|access|signing|encryption)_?key|^auth$|authorization|bearer",
    re.IGNORECASE,
)
_LAST_NAME = re.compile(r"[^\s.\[\]\"'`?!]+")
_ESCAPED = re.compile(r"\\u\{([0-9a-fA-F]{1,6})\}|\\u([0-9a-fA-F]{4})|\\x([0-9a-fA-F]{2})")
#: In a comment: what a secret is said to be.
_IN_PROSE = re.compile(
    rb"\b(?:(?:pass(?:word|phrase|wd|code)?|pwd|psk|pin|secret|token|key)\b[\"']?\s{0,9}(?:\bis\b|\bwas\b|[:=])|hash\s(?:of|for))"
    rb"\s{0,9}([^\s,;]{4,200})",
    re.IGNORECASE,
)
#: What a person wants to know of a certificate.
_CERTIFICATE_KEYS = ("subject", "issuer", "dns_names", "ip_addresses", "not_before", "not_after", "key_type")
#: What a person wants to know of a login page; a host may have put anything else there.
_LOGIN_KEYS = ("node_root", "cookie_path", "open", "session_expiry", "title", "trusted_proxies")
_OIDC_KEYS = (
    "admin_root",
    "authority",
    "client_id",
    "dashboards",
    "editor",
    "groups_claim",
    "issuer",
    "kind",
    "name",
    "scope",
    "session_expiry",
    "url",
    "username_claim",
)
_USER_KEYS = ("username", "permissions", "paths")
_SECRET_KEY = "client_secret"  # noqa: S105


class _Dumper(yaml.SafeDumper):
    """Also takes Ansible's own kinds of text: before ansible-core 2.19 a value that is made of a fact is one."""


_Dumper.add_multi_representer(str, yaml.SafeDumper.represent_str)


def as_yaml(value: t.Any, sort_keys: bool = False, width: int = 80) -> str:
    """A value as YAML.

    :param sort_keys: whether keys are shown in their alphabetical order
    :param width: where lines are folded
    """
    return yaml.dump(value, Dumper=_Dumper, sort_keys=sort_keys, allow_unicode=True, width=width)


def difference(name: str, before: str, after: str) -> dict[str, str]:
    """The dictionary that Ansible's callbacks turn into a unified diff."""
    return {"before": before, "after": after, "before_header": name, "after_header": name}


def login_difference(
    path: str,
    sums: t.Mapping[str, str],
    data: t.Mapping[str, t.Any],
    new: t.Mapping[str, bytes],
    removed: bool,
    stale: t.Collection[str] = (),
) -> list[dict[str, str]]:
    """The difference of two directories of the login page: their data without a secret, and of the code the checksums.

    :param path: the directory
    :param sums: SHA-256 of the files that it has, by their names
    :param data: what its login.json says
    :param new: the files that are to be written
    :param removed: whether all of it goes
    :param stale: the files that go
    """
    if not (new or removed or stale):
        return []
    changed = {name: checksum(content) for name, content in new.items()}
    after_data = present_data(new[LOGIN_DATA].decode("utf-8")) if LOGIN_DATA in new else data
    before = _login_text(sums, data, None)
    left = {name: text for name, text in {**sums, **changed}.items() if name not in stale}
    after = "" if removed else _login_text(left, after_data, data)
    return [difference(path, before, after)]


def _login_text(sums: t.Mapping[str, str], data: t.Mapping[str, t.Any], former: t.Mapping[str, t.Any] | None) -> str:
    """What stands in a directory of the login page.

    :param former: the data of before, so that a secret that is another one now shows as new; None for before itself
    """
    former_users = users_of(former or {})
    code = {name: f"SHA-256 {text[:16]}" for name, text in sorted(sums.items()) if name != LOGIN_DATA}
    known = {key: data[key] for key in _LOGIN_KEYS if key in data}
    known["users"] = [
        {
            **{key: entry[key] for key in _USER_KEYS if key in entry},
            "password": HIDDEN + (_mark(entry, former_users.get(name), "password") if former_users else ""),
        }
        for name, entry in users_of(data).items()
    ]
    if oidc := oidc_of(data):
        former_oidc = oidc_of(former or {})
        mark = _mark(oidc, former_oidc, _SECRET_KEY) if former_oidc else ""
        known["oidc"] = {**{key: oidc[key] for key in _OIDC_KEYS if key in oidc}, _SECRET_KEY: HIDDEN + mark}
    shown = {**({"code": code} if code else {}), **({LOGIN_DATA: known} if data else {})}
    return as_yaml(shown, sort_keys=True) if shown else ""


def _mark(entry: t.Mapping[str, t.Any], former: t.Mapping[str, t.Any] | None, key: str) -> str:
    return "" if former is not None and former.get(key) == entry.get(key) else " (new)"


def settings_difference(path: str, before: str, after: str) -> dict[str, str]:
    """The difference of two settings files with everything secret hidden, and the rest as it is.

    A secret that the old text did not have is marked as new, because the difference would not show otherwise.

    :raises SettingsError: what the texts hold cannot be told within reasonable time
    """
    known: set[str] = set()

    def hidden(secret: str) -> str:
        known.add(secret)
        return HIDDEN

    def marked(secret: str) -> str:
        return HIDDEN if secret in known else HIDDEN + " (new)"

    return difference(path, _hidden(before, hidden), _hidden(after, marked))


def _hidden(text: str, hide: t.Callable[[str], str]) -> str:
    """The text of a settings file without the secrets of its code and of its comments."""
    source = redact(text, hide).encode("utf-8")
    pieces = []
    position = 0
    for start, end in _secret_ranges(source):
        secret = source[start:end].decode("utf-8")
        if not secret.startswith(HIDDEN):
            pieces += [source[position:start], hide(secret).encode("utf-8")]
            position = end
    return b"".join([*pieces, source[position:]]).decode("utf-8")


def _secret_ranges(source: bytes) -> t.Iterator[tuple[int, int]]:
    """Where the contents of literals stand that a secret's name stands before, in the order of the file."""
    root = tree_of(source)
    refuse_extremes(root)
    stack = [(root, False)]
    while stack:
        node, is_secret = stack.pop()
        if node.type in _LITERALS and is_secret:
            quotes = node.type != "number"
            yield node.start_byte + quotes, node.end_byte - quotes
        elif node.type == "comment":
            for said in _IN_PROSE.finditer(source, node.start_byte, node.end_byte):
                yield said.span(1)
        elif not is_secret or not (node.type == "subscript_expression" or _is_require(node)):
            name, value = map(node.child_by_field_name, _SIDES.get(node.type, ("", "")))
            names_secret = (
                name is not None and _SECRET_NAME.search(_last_name(text_of(name)[-_LONGEST_NAME:])) is not None
            )
            stack += [
                (child, is_secret or (names_secret and child == value)) for child in reversed(node.named_children)
            ]


def _last_name(code: str) -> str:
    """The name that a value goes to, as JavaScript reads it, such as `pass` for `a.b["pass"]`."""
    names = _LAST_NAME.findall(_ESCAPED.sub(lambda each: chr(min(int(each[each.lastindex or 1], 16), 0x10FFFF)), code))
    return names[-1] if names else ""


def _is_require(node: t.Any) -> bool:
    return node.type == "call_expression" and node.child_by_field_name("function").text == b"require"


def certificate_difference(
    path: str, before: dict[str, t.Any] | None, after: dict[str, t.Any] | None, names: t.Any
) -> dict[str, str]:
    """The difference of two certificates as `describe` returns them; ``after`` is None where it is yet to be made."""
    if after is None:
        after = {"dns_names": list(names.dns), "ip_addresses": list(names.ips)}
    return difference(path, _certificate_text(before), _certificate_text(after))


def _certificate_text(certificate: dict[str, t.Any] | None) -> str:
    if certificate is None:
        return ""
    shown = {key: certificate[key] for key in _CERTIFICATE_KEYS if key in certificate}
    return as_yaml(shown)
