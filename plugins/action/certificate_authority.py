# Copyright (c) 2026, the pifleet.nodered maintainers
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import os
import typing as t

from ansible_collections.pifleet.nodered.plugins.plugin_utils._action.base import HostAction
from ansible_collections.pifleet.nodered.plugins.plugin_utils._action.diff import certificate_difference
from ansible_collections.pifleet.nodered.plugins.plugin_utils._collection.argument_specs import argument_spec
from ansible_collections.pifleet.nodered.plugins.plugin_utils._errors import UserError
from ansible_collections.pifleet.nodered.plugins.plugin_utils._pki import certificates
from ansible_collections.pifleet.nodered.plugins.plugin_utils._pki.authority import CertificateAuthority
from ansible_collections.pifleet.nodered.plugins.plugin_utils._pki.names import Names, fleet_subtrees


class ActionModule(HostAction):
    """Makes, renews or replaces the authority; no host is visited."""

    spec = argument_spec("certificate_authority")

    def execute(self, options: dict[str, t.Any]) -> dict[str, t.Any]:
        folder, passphrase = options["ca_dir"], options["ca_passphrase"]
        path = os.path.join(os.path.expanduser(folder), "ca.pem")
        former = CertificateAuthority.peek(folder, passphrase)
        if former is None and options["state"] != "present":
            raise UserError(f"There is no {path} yet. Secure a host first, or make an authority with state: present.")
        before = certificates.describe(former.certificate_pem) if former else None
        done = before is not None and (
            options["state"] == "present" or options["instead_of"] not in (None, before["fingerprint"])
        )
        warnings = [former.permitted_warning(options["permitted"])] if former and options["permitted"] else []
        if former and options["key_type"] and options["state"] != "replaced":
            warnings.append(former.key_type_warning(options["key_type"]))
        if done or self.check_mode:
            after = before if done else None
        else:
            authority = self._changed(options)
            after = certificates.describe(authority.certificate_pem)
            warnings = list(authority.warnings)
        return {
            "changed": not done,
            "fingerprint": after["fingerprint"] if after else "",
            "certificate": after,
            "ca_certificate": path,
            "warnings": [warning for warning in warnings if warning],
            **({} if done else {"diff": certificate_difference(path, before, after, Names((), ()))}),
        }

    @staticmethod
    def _changed(options: dict[str, t.Any]) -> CertificateAuthority:
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
        return CertificateAuthority.load_or_create(
            folder, passphrase, **{**new, "permitted": options["permitted"] or fleet_subtrees([])}
        )
