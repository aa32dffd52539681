# Copyright (c) 2026, the pifleet.nodered maintainers
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What `--diff` shows: what a thing is before and after, and never a secret."""

from __future__ import annotations

import typing as t

import yaml

from ansible_collections.pifleet.nodered.plugins.module_utils._redact import HIDDEN, redact

#: What a person wants to know of a certificate.
_CERTIFICATE_KEYS = ("subject", "issuer", "dns_names", "ip_addresses", "not_before", "not_after", "key_type")


def difference(name: str, before: str, after: str) -> dict[str, str]:
    """The dictionary that Ansible's callbacks turn into a unified diff."""
    return {"before": before, "after": after, "before_header": name, "after_header": name}


def settings_difference(path: str, before: str, after: str) -> dict[str, str]:
    """The difference of two settings files with everything secret hidden.

    A secret that the old text did not have is marked as new, because the difference would not show otherwise.
    """
    return difference(path, redact(before), redact(after, lambda secret: HIDDEN + (" (new)" if secret not in before else "")))


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
