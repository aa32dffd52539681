# Copyright (c) 2026, the pifleet.nodered maintainers
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What `--diff` shows: what a thing is before and after, and never a secret."""

from __future__ import annotations

import re
import typing as t

import yaml

from ansible_collections.pifleet.nodered.plugins.module_utils._shared.redact import HIDDEN, redact
from ansible_collections.pifleet.nodered.plugins.plugin_utils._javascript.parser import captures, tree_of
from ansible_collections.pifleet.nodered.plugins.plugin_utils._javascript.values import text_of

#: Whatever gives a name a value, and where each of them has the two.
_ASSIGNMENTS = "[(pair) (assignment_expression) (variable_declarator value: (_))] @assignment"
_SIDES = {
    "pair": ("key", "value"),
    "assignment_expression": ("left", "right"),
    "variable_declarator": ("name", "value"),
}
_SECRET_NAME = re.compile(
    r"pass(?:word|phrase|wd)|pass\d*$|secret|token|credential|(?:api|private|access)_?key|authorization", re.IGNORECASE
)
#: What a person wants to know of a certificate.
_CERTIFICATE_KEYS = ("subject", "issuer", "dns_names", "ip_addresses", "not_before", "not_after", "key_type")


def difference(name: str, before: str, after: str) -> dict[str, str]:
    """The dictionary that Ansible's callbacks turn into a unified diff."""
    return {"before": before, "after": after, "before_header": name, "after_header": name}


def settings_difference(path: str, before: str, after: str) -> dict[str, str]:
    """The difference of two settings files with everything secret hidden, and the rest as it is.

    A secret that the old text did not have is marked as new, because the difference would not show otherwise.
    """

    def marked(secret: str) -> str:
        return HIDDEN if secret in before else HIDDEN + " (new)"

    return difference(path, _hidden(before, lambda _secret: HIDDEN), _hidden(after, marked))


def _hidden(text: str, hide: t.Callable[[str], str]) -> str:
    """The text of a settings file without the secrets of its code and of its comments."""
    source = redact(text, hide).encode("utf-8")
    ranges = set()
    for assignment in captures(_ASSIGNMENTS, tree_of(source)).get("assignment", ()):
        name, value = map(assignment.child_by_field_name, _SIDES[assignment.type])
        if name and _SECRET_NAME.search(text_of(name).strip("\"'`]")):
            ranges |= {(node.start_byte + 1, node.end_byte - 1) for node in _texts(value)}
    for start, end in sorted(ranges, reverse=True):
        secret = source[start:end].decode("utf-8")
        if not secret.startswith(HIDDEN):
            source = source[:start] + hide(secret).encode("utf-8") + source[end:]
    return source.decode("utf-8")


def _texts(node: t.Any) -> t.Iterator[t.Any]:
    """The literals of a value, but for the names of modules and of variables."""
    if node.type in ("string", "template_string"):
        yield node
    elif node.type != "subscript_expression" and not _is_require(node):
        for child in node.named_children:
            yield from _texts(child)


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
    return yaml.safe_dump(shown, sort_keys=False, allow_unicode=True)
