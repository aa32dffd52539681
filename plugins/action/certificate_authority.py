# Copyright (c) 2026, the pifleet.nodered maintainers
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import typing as t

from ansible_collections.pifleet.nodered.plugins.plugin_utils._action.base import HostAction
from ansible_collections.pifleet.nodered.plugins.plugin_utils._action.certificate_providers import present_authority
from ansible_collections.pifleet.nodered.plugins.plugin_utils._action.diff import certificate_difference
from ansible_collections.pifleet.nodered.plugins.plugin_utils._collection.argument_specs import argument_spec
from ansible_collections.pifleet.nodered.plugins.plugin_utils._errors import UserError
from ansible_collections.pifleet.nodered.plugins.plugin_utils._pki import certificates
from ansible_collections.pifleet.nodered.plugins.plugin_utils._pki.authority import CertificateAuthority
from ansible_collections.pifleet.nodered.plugins.plugin_utils._pki.ca_directory import CaDirectory, refuse_to_forget
from ansible_collections.pifleet.nodered.plugins.plugin_utils._pki.names import Names, fleet_subtrees


class ActionModule(HostAction):
    """Makes, renews or replaces the authority; no host is visited."""

    spec = argument_spec("certificate_authority")

    def execute(self, options: dict[str, t.Any]) -> dict[str, t.Any]:
        state, given = options["state"], bool(options["ca_certificate"] or options["ca_key"])
        former = present_authority(options)
        if given and state != "present":
            raise UserError(
                "nodered_ca_certificate and nodered_ca_key give the certificate authority, and no run writes to a vault."
                " docs/engines.md says how to replace such an authority."
            )
        folder = CaDirectory(options["ca_dir"])
        if former is None and state != "present":
            raise UserError(
                f"There is no {folder.certificate} yet. Secure a host first, or make an authority with state: present."
            )
        if former is None:
            refuse_to_forget(options["ca_dir"])
        before = certificates.describe(former.certificate_pem) if former else None
        done = before is not None and (state == "present" or options["instead_of"] not in (None, before["fingerprint"]))
        warnings = [former.permitted_warning(options["permitted"])] if former and options["permitted"] else []
        if former and options["key_type"] and state != "replaced":
            warnings.append(former.key_type_warning(options["key_type"]))
        authority = former if done else None
        if not done and not self.check_mode:
            authority = self._changed(options)
            warnings = list(authority.warnings)
        after: dict[str, t.Any] | None = None
        messages = [_announcement(state, folder)]
        if authority:
            after = certificates.describe(authority.certificate_pem)
            messages = _messages(authority, after, folder, options)
        files = {} if given else {"ca_certificate": str(folder.certificate), "ca_key": str(folder.key)}
        if files and authority:
            warnings.append(folder.exposure())
        return {
            "changed": not done,
            "fingerprint": after["fingerprint"] if after else "",
            "certificate": after,
            **files,
            "messages": messages,
            "warnings": [warning for warning in warnings if warning],
            **({} if done else {"diff": certificate_difference(str(folder.certificate), before, after, Names((), ()))}),
        }

    def _changed(self, options: dict[str, t.Any]) -> CertificateAuthority:
        folder, passphrase, days = options["ca_dir"], options["ca_passphrase"], options["days"]
        if options["state"] == "renewed":
            return CertificateAuthority.renew(folder, passphrase, days, options["instead_of"])
        new = {
            "common_name": options["common_name"],
            "days": days,
            "permitted": options["permitted"],
            "key_type": options["key_type"],
        }
        if options["state"] == "replaced":
            return CertificateAuthority.replace(folder, passphrase, instead_of=options["instead_of"], **new)
        permitted = options["permitted"] or fleet_subtrees(self.names_of_inventory(), options["names"])
        return CertificateAuthority.load_or_create(folder, passphrase, **{**new, "permitted": permitted})


def _announcement(state: str, folder: CaDirectory) -> str:
    """What check mode says of an authority that is not there yet."""
    verb = {"present": "made", "renewed": "renewed", "replaced": "replaced"}[state]
    return f"The certificate authority in {folder.path} would be {verb}."


def _messages(
    authority: CertificateAuthority, says: dict[str, t.Any], folder: CaDirectory, options: dict[str, t.Any]
) -> list[str]:
    """What people have to know of an authority: which it is, where it is, what it signs for.

    :param says: what its certificate says
    """
    fingerprint = certificates.fingerprint_for_people(says["fingerprint"])
    if options["ca_certificate"]:
        where = ["It is that of nodered_ca_certificate, which fits nodered_ca_key."]
    else:
        protected = "with a passphrase" if options["ca_passphrase"] else "without a passphrase"
        where = [
            f"What browsers have to trust: {folder.certificate}",
            f"Its private key, {protected}: {folder.key}. Back both up; who has the key can pose as any host of the fleet.",
        ]
    return [
        f"The certificate authority is {says['subject']}, until {says['not_after'].partition('T')[0]}.",
        f"SHA-256 {fingerprint}",
        *where,
        f"It signs for {authority.permitted_text}.",
    ]
