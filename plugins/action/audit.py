# Copyright (c) 2026, the pifleet.nodered maintainers
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import datetime
import typing as t

from ansible.errors import AnsibleError

from ansible_collections.pifleet.nodered.plugins.module_utils._shared.host_state import HostState
from ansible_collections.pifleet.nodered.plugins.plugin_utils._action.base import HostAction
from ansible_collections.pifleet.nodered.plugins.plugin_utils._collection.argument_specs import argument_spec
from ansible_collections.pifleet.nodered.plugins.plugin_utils._errors import UserError
from ansible_collections.pifleet.nodered.plugins.plugin_utils._findings.model import (
    Finding,
    Kind,
    ServedCertificate,
    Subject,
)
from ansible_collections.pifleet.nodered.plugins.plugin_utils._findings.serialization import finding_data, subject_data
from ansible_collections.pifleet.nodered.plugins.plugin_utils._network import anonymous_view
from ansible_collections.pifleet.nodered.plugins.plugin_utils._pki.ca_directory import known_authorities
from ansible_collections.pifleet.nodered.plugins.plugin_utils._pki.certificates import describe, fingerprint
from ansible_collections.pifleet.nodered.plugins.plugin_utils._pki.names import PkiError
from ansible_collections.pifleet.nodered.plugins.plugin_utils._rules.host import check_authority, check_host
from ansible_collections.pifleet.nodered.plugins.plugin_utils._rules.host_view import (
    expected_outside,
    hides_port,
    port_of,
    proxy_of,
)
from ansible_collections.pifleet.nodered.plugins.plugin_utils._rules.registry import RULES_OF_HOSTS

#: The variable that says who certifies a host, and its value for the fleet's own authority, which is its default.
PROVIDER, PROVIDER_CA = "nodered_certificate_provider", "ca"


class ActionModule(HostAction):
    """Visits the host once, looks at it from here, and applies the rules."""

    spec = argument_spec("audit")

    def execute(self, options: dict[str, t.Any]) -> dict[str, t.Any]:
        name = str(self.task_vars.get("inventory_hostname", ""))
        try:
            return self._looked_at(options, name)
        except (AnsibleError, UserError) as error:
            reason = str(error)
        # Whatever a host says, the report of the others needs a result of this one.
        except Exception as error:
            reason = f"what it answered could not be understood ({type(error).__name__})"
        return self._result(
            options, Subject(name, Kind.HOST, error=reason, address=self.remote_address or ""), [], None
        )

    def _looked_at(self, options: dict[str, t.Any], name: str) -> dict[str, t.Any]:
        state = self._state(options)
        external_view = self._view(state, options)
        findings = check_host(state, external_view, name, datetime.datetime.now(datetime.UTC).date())
        if options["provider"] == PROVIDER_CA and self._is_first_of_authority(name):
            findings += check_authority(known_authorities(options["ca_certificate"], options["ca_dir"]), name)
        findings.sort(key=lambda finding: -finding.rule.severity)
        return self._result(options, self._subject(name, state, external_view), findings, external_view)

    def _is_first_of_authority(self, name: str) -> bool:
        """Whether a host that the fleet's authority certifies is the first such host of the play."""
        for host in self.task_vars.get("ansible_play_hosts_all", [name]):
            # What is known of another host is its variables, without the defaults of roles.
            if host == name or self.task_vars["hostvars"][host].get(PROVIDER, PROVIDER_CA) == PROVIDER_CA:
                return bool(host == name)
        return True

    @staticmethod
    def _result(
        options: dict[str, t.Any], subject: Subject, findings: list[Finding], external_view: dict[str, t.Any] | None
    ) -> dict[str, t.Any]:
        return {
            "changed": False,
            "subject": subject_data(subject),
            "findings": [finding_data(finding) for finding in findings],
            "rules": list(RULES_OF_HOSTS),
            "suppressions": options["suppressions"],
            "view": external_view,
        }

    def _state(self, options: dict[str, t.Any]) -> HostState:
        """What the host tells; UserError where there is no Node-RED."""
        state = self.look(options, details=True)
        if not state["service"]["exists"]:
            raise UserError(
                f"This host has no service {state['service']['name']}. Set nodered_service to the service that runs"
                " Node-RED, or install it."
            )
        if state["node_red"]["version"] is None:
            raise UserError(
                f"The service {state['service']['name']} is there, but no Node-RED was found that it could start."
            )
        return state

    def _view(self, state: t.Mapping[str, t.Any], options: dict[str, t.Any]) -> dict[str, t.Any] | None:
        port = port_of(state)
        address = self.remote_address or next(iter(state["host"]["addresses"]), None)
        if port is None or address is None:
            if address is not None and hides_port(state):
                self.warn(
                    "Which port Node-RED answers on could not be told, although its service runs: only what the host told is"
                    " judged."
                )
            return None
        external_view = anonymous_view.probe_endpoint(
            address,
            port,
            expected_outside(state),
            known_authorities(options["ca_certificate"], options["ca_dir"]),
            options["timeout"],
            proxy_of(state),
        )
        if not external_view["reachable"]:
            self.warn(f"Port {port} of {address} does not answer the control node: only what the host told is judged.")
        elif _is_of_another(external_view, state):
            self.warn(
                f"Port {port} of {address} shows another certificate than the host itself does there. Another server"
                " seems to answer: only what the host told is judged."
            )
            return None
        return external_view

    def _subject(self, name: str, state: t.Mapping[str, t.Any], external_view: dict[str, t.Any] | None) -> Subject:
        pem = (external_view or {}).get("certificate") or state["certificate"]["chain"]
        return Subject(
            name,
            Kind.HOST,
            address=self.remote_address or "",
            node_red=state["node_red"]["version"] or "",
            node=state["node"]["version"] or "",
            certificate=_served(pem) if pem else None,
        )


def _is_of_another(external_view: dict[str, t.Any], state: t.Mapping[str, t.Any]) -> bool:
    """Whether the control node was shown another certificate than the host was shown on the same port of its own."""
    own = {
        seen["certificate"]
        for seen in state["endpoints"]
        if seen["port"] == external_view["port"] and seen["certificate"]
    }
    if not own or not external_view["certificate"]:
        return False
    return fingerprint(external_view["certificate"]) not in own


def _served(pem: str) -> ServedCertificate | None:
    try:
        found = describe(pem)
    except PkiError:
        return None
    return ServedCertificate(
        name=next(iter((*found["dns_names"], *found["ip_addresses"])), found["subject"]),
        issuer=found["issuer"],
        not_before=datetime.datetime.fromisoformat(found["not_before"]),
        not_after=datetime.datetime.fromisoformat(found["not_after"]),
    )
