# Copyright (c) 2026, the pifleet.nodered maintainers
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The modules of the host document exactly what the types of `host_state` say that they return."""

from __future__ import annotations

import importlib
import types
import typing as t

import pytest
import yaml
from host_state import make_state

from ansible_collections.pifleet.nodered.plugins.module_utils._shared import host_state

#: What each module returns on success, one type for each of its operations.
RESULTS = {
    "host_info": (host_state.HostState,),
    "host_acme": (host_state.AcmeResult,),
    "host_credentials": (host_state.CredentialsEvidence,),
    "host_restart": (host_state.ProofResult, host_state.UndoResult),
    "host_restore": (host_state.StatesResult, host_state.RestoreResult),
    "host_settings": (host_state.SettingsResult,),
    "host_trust": (host_state.TrustResult,),
}
#: Further results that are documented but are no dictionary of their own.
ALONE = {"host_restart": {"journal"}, "host_restore": {"journal"}}
#: What Ansible itself gives a meaning to, so that no module documents it.
COMMON = {"changed", "warnings"}
#: How the documentation of Ansible calls the types of Python.
NAMES = {str: "str", int: "int", bool: "bool", float: "float"}


def documentation(module: str) -> dict[str, t.Any]:
    return yaml.safe_load(
        importlib.import_module(f"ansible_collections.pifleet.nodered.plugins.modules.{module}").RETURN
    )


def without_none(kind: t.Any) -> t.Any:
    if isinstance(kind, types.UnionType) or t.get_origin(kind) is t.Union:
        kinds = [each for each in t.get_args(kind) if each is not type(None)]
        return kinds[0] if len(kinds) == 1 else object
    return kind


def differences(name: str, kind: t.Any, documented: dict[str, t.Any]) -> list[str]:
    """Where the documentation of one result says another type than its annotation."""
    kind = without_none(kind)
    origin = t.get_origin(kind)
    if t.is_typeddict(kind):
        return of_type(name, documented, "dict") + of_keys(name, kind, documented.get("contains", {}))
    if origin is list:
        (element,) = t.get_args(kind)
        if t.is_typeddict(element):
            elements, inside = "dict", of_keys(name, element, documented.get("contains", {}))
        else:
            elements, inside = "list" if t.get_origin(element) is list else NAMES[element], []
        wrong = [] if documented.get("elements") == elements else [f"{name} should have elements of type {elements}"]
        return of_type(name, documented, "list") + wrong + inside
    if origin is dict:
        return of_type(name, documented, "dict")
    if origin is t.Literal:
        return of_type(name, documented, "str")
    return of_type(name, documented, NAMES.get(kind, "raw"))


def of_type(name: str, documented: dict[str, t.Any], expected: str) -> list[str]:
    return [] if documented["type"] == expected else [f"{name} should be of type {expected}"]


def of_keys(name: str, kind: t.Any, documented: dict[str, t.Any]) -> list[str]:
    hints = t.get_type_hints(kind)
    wrong = [f"{name}.{key} stands on one side only" for key in sorted(hints.keys() ^ documented.keys())]
    for key in hints.keys() & documented.keys():
        wrong += differences(f"{name}.{key}", hints[key], documented[key])
    return wrong


class TestReturn:
    def test_host_info_documents_every_key_with_its_type(self) -> None:
        assert of_keys("host_info", host_state.HostState, documentation("host_info")) == []

    @pytest.mark.parametrize("module", sorted(RESULTS))
    def test_modules_document_what_they_return(self, module: str) -> None:
        keys = {key for kind in RESULTS[module] for key in t.get_type_hints(kind)} - COMMON
        assert set(documentation(module)) == keys | ALONE.get(module, set())

    def test_a_request_is_all_that_a_certificate_result_lacks(self) -> None:
        keys = set(t.get_type_hints(host_state.CertificateResult)) - COMMON
        assert set(documentation("host_certificate")) == keys | {"request"}

    def test_a_file_is_read_or_replaced(self) -> None:
        keys = set(t.get_type_hints(host_state.FileResult)) - COMMON
        assert set(documentation("host_settings_file")) == keys | {"content", "sha256"}


class TestMadeState:
    """The state that the tests start from has every key of a state, and no other."""

    def test_keys(self) -> None:
        assert different_keys("state", host_state.HostState, make_state()) == []

    def test_keys_of_lists(self) -> None:
        state = make_state(credentials__files=[{"name": "flows_cred.json"}])
        (difference,) = different_keys("state", host_state.HostState, state)
        assert difference.startswith("state.credentials.files: ")


def different_keys(name: str, kind: t.Any, value: t.Any) -> list[str]:
    """Where a value has other keys than its annotation."""
    kind = without_none(kind)
    if value is None:
        return []
    if t.get_origin(kind) is list:
        (element,) = t.get_args(kind)
        return [difference for each in value for difference in different_keys(name, element, each)]
    if not t.is_typeddict(kind):
        return []
    hints = t.get_type_hints(kind)
    wrong = [f"{name}: {', '.join(sorted(hints.keys() ^ value.keys()))}"] if hints.keys() != value.keys() else []
    return wrong + [
        each for key in hints.keys() & value.keys() for each in different_keys(f"{name}.{key}", hints[key], value[key])
    ]


class TestComparison:
    """The comparison itself notices what it should."""

    def test_a_missing_key_is_noticed(self) -> None:
        documented = documentation("host_info")
        del documented["service"]["contains"]["reload_needed"]
        assert of_keys("x", host_state.HostState, documented) == ["x.service.reload_needed stands on one side only"]

    def test_a_key_too_many_is_noticed(self) -> None:
        documented = documentation("host_info")
        documented["credentials"]["contains"]["files"]["contains"]["secret"] = {"type": "str"}
        expected = ["x.credentials.files.secret stands on one side only"]
        assert of_keys("x", host_state.HostState, documented) == expected

    def test_another_type_is_noticed(self) -> None:
        documented = documentation("host_info")
        documented["host"]["contains"]["clock"]["type"] = "str"
        assert of_keys("x", host_state.HostState, documented) == ["x.host.clock should be of type int"]
