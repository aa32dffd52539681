# Copyright (c) 2026, the pifleet.nodered maintainers
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import contextlib
import datetime
import pathlib
import re
import typing as t

with contextlib.suppress(ImportError):  # _pki tells
    from cryptography import x509

from ansible_collections.pifleet.nodered.plugins.module_utils._shared.host_state import TrustResult
from ansible_collections.pifleet.nodered.plugins.plugin_utils._action.base import HostAction
from ansible_collections.pifleet.nodered.plugins.plugin_utils._action.diff import as_yaml, difference
from ansible_collections.pifleet.nodered.plugins.plugin_utils._collection.argument_specs import argument_spec
from ansible_collections.pifleet.nodered.plugins.plugin_utils._errors import UserError
from ansible_collections.pifleet.nodered.plugins.plugin_utils._pki import certificates
from ansible_collections.pifleet.nodered.plugins.plugin_utils._pki.x509 import certificates_of, extension, pem_of


class ActionModule(HostAction):
    """Finds the roots of the fleet's authority, has the host trust them, and tells what that changed."""

    spec = argument_spec("trust")

    def execute(self, options: dict[str, t.Any]) -> dict[str, t.Any]:
        given = {"state": options["state"], "users": options["users"]}
        if options["state"] == "absent":
            return self._for_people(self.run_module("host_trust", given, TrustResult), {})
        pem, origin = self._authority(options)
        described = roots(pem, origin, datetime.datetime.now(datetime.UTC))
        authorities = [{"pem": root, "nickname": nickname(description)} for root, description in described.items()]
        result = self._for_people(
            self.run_module("host_trust", {**given, "authorities": authorities}, TrustResult), described
        )
        return {**result, "authorities": [_summary(description) for description in described.values()]}

    @staticmethod
    def _authority(options: dict[str, t.Any]) -> tuple[bytes, str]:
        """The certificates of the authority, and how to call where they are from."""
        if options["ca_certificate"]:
            return options["ca_certificate"].encode("utf-8"), "nodered_ca_certificate"
        path = pathlib.Path(options["ca_dir"]).expanduser() / "ca.pem"
        try:
            return path.read_bytes(), str(path)
        except FileNotFoundError:
            raise UserError(
                f"There is no {path}. pifleet.nodered.secure makes it in its first run. If your fleet's authority is"
                " somewhere else, set nodered_ca_dir or nodered_ca_certificate."
            ) from None
        except OSError as error:
            raise UserError(f"{path} cannot be read: {error.strerror}.") from None

    @staticmethod
    def _for_people(result: t.Mapping[str, t.Any], described: dict[str, dict[str, t.Any]]) -> dict[str, t.Any]:
        """The result of the host for a person: what was changed as a difference, and no PEM."""
        descriptions = {description["fingerprint"]: description for description in described.values()}
        for fingerprint, pem in result["certificates"].items():
            descriptions[fingerprint] = certificates.describe(pem)
        shown: dict[str, t.Any] = {key: result[key] for key in ("changed", "stores")}
        # Not called so by the module: Ansible makes objects of a module's own warnings.
        shown["warnings"] = list(result.get("remarks", ()))
        return {**shown, "diff": trust_difference(result["differences"], descriptions)}


def roots(pem: bytes, origin: str, now: datetime.datetime) -> dict[str, dict[str, t.Any]]:
    """The roots that hosts can trust now, as PEM with its description; without the authority's key.

    Beside them there may be intermediate and cross certificates, which are verified with a root, and expired roots.
    """
    found = {}
    for certificate in certificates_of(pem, origin):
        text = pem_of(certificate).decode("ascii")
        description = certificates.describe(text)
        if description["self_signed"] and _may_issue(certificate) and now <= certificate.not_valid_after_utc:
            found[text] = description
    if not found:
        raise UserError(
            f"{origin} has no root certificate that hosts could trust: one that is self-signed, may issue others"
            " and has not expired."
        )
    return found


def _may_issue(certificate: x509.Certificate) -> bool:
    constraints = extension(certificate.extensions, x509.BasicConstraints)
    return constraints is not None and constraints.ca


def nickname(description: dict[str, t.Any]) -> str:
    """What a browser calls an authority: its common name, and the mark by which this collection finds it again."""
    common_name = re.search(r"(?:^|,)CN=((?:\\.|[^,\\])+)", description["subject"])
    # NSS takes what is before a colon for the name of a token.
    name = re.sub(r"[^A-Za-z0-9 ._-]+", " ", common_name.group(1) if common_name else description["subject"])
    return f"{' '.join(name.split())[:64]} (pifleet-nodered-{description['fingerprint'][:16]})".strip()


def trust_difference(differences: list[dict[str, t.Any]], known: dict[str, dict[str, t.Any]]) -> dict[str, str]:
    """Which authorities are trusted where, before and after; only what differs."""
    return difference(
        "trusted certificate authorities",
        *(_shown([each for each in differences if each["after"] is after], known) for after in (False, True)),
    )


def _shown(trusted: list[dict[str, t.Any]], known: dict[str, dict[str, t.Any]]) -> str:
    shown: dict[str, dict[str, t.Any]] = {}
    for each in trusted:
        summary = _summary(known[each["fingerprint"]])
        summary["fingerprint"] = certificates.fingerprint_for_people(summary["fingerprint"])
        store = f"{each['store']} (user {each['user']})" if each["user"] else each["store"]
        shown.setdefault(each["fingerprint"], {**summary, "stores": []})["stores"].append(store)
    return as_yaml([*shown.values()], width=200) if shown else ""


def _summary(description: dict[str, t.Any]) -> dict[str, t.Any]:
    return {key: description[key] for key in ("subject", "fingerprint", "not_after")}
