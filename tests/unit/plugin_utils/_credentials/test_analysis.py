# Copyright (c) 2026, the pifleet.nodered maintainers
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which key fits which credentials, what Node-RED would make of them, and how they follow another secret."""

from __future__ import annotations

import typing as t

import pytest
from flow_credentials import EMPTY, FLOWS, GONE, MADE, SET, A, B, analysis_of, document, encrypted, plain, state_of
from host_state import USER_DIR

from ansible_collections.pifleet.nodered.plugins.module_utils._credentials import files as on_host
from ansible_collections.pifleet.nodered.plugins.plugin_utils._credentials.analysis import (
    CredentialsError,
    CredentialsFile,
    Status,
    analyse,
    migration,
)
from ansible_collections.pifleet.nodered.plugins.plugin_utils._credentials.recovery import recovery

# Which key fits


@pytest.mark.parametrize(
    "value",
    [
        SET,
        EMPTY,
        {"": {}},
        {"n": None},
        {"ü" * 40: {"password": "x"}},
        {"n" * 200: {}},
        {'a"b\\': {"\n": "\u2028"}},
        {f"{number:016x}": {"password": "é"} for number in range(500)},
    ],
)
def test_the_right_key_fits_and_no_other(value: dict[str, t.Any]) -> None:
    file = CredentialsFile.of({"name": FLOWS, **on_host.described(encrypted(A, value))})
    assert file.decrypts_with(A)
    assert file.empty is (value == {})
    if value:
        assert not any(file.decrypts_with(f"wrong {number}") for number in range(2000))


@pytest.mark.parametrize(
    ("content", "kind", "empty"),
    [
        (plain(), "plain", False),
        (plain({}), "plain", True),
        (b"", "damaged", False),
        (b'{"$": 1}', "damaged", False),
        (b'{"$": "zz"}', "damaged", False),
        (b"[]", "damaged", False),
        (b'{"$": "00', "damaged", False),
        (b"\xef\xbb\xbf{}", "plain", True),
    ],
)
def test_what_is_not_encrypted(content: bytes, kind: str, empty: bool) -> None:
    file = CredentialsFile.of({"name": FLOWS, **on_host.described(content)})
    assert (file.kind, file.empty, file.decrypts_with(A)) == (kind, empty, False)


# What Node-RED makes of it


def test_what_a_storage_module_keeps_is_not_known() -> None:
    analysis = analyse(state_of({FLOWS: encrypted(B)}), document(f'"{A}"', more='    storageModule: require("./db"),'))
    assert analysis.status is Status.UNKNOWN
    assert "storageModule" in analysis.reason


@pytest.mark.parametrize(
    ("secret", "content", "generated", "status"),
    [
        (None, None, None, Status.NONE),
        (f'"{A}"', encrypted(GONE, EMPTY), None, Status.NONE),
        (f'"{A}"', plain(EMPTY), None, Status.NONE),
        (None, encrypted(MADE), MADE, Status.READABLE),
        (None, encrypted(A), MADE, Status.LOST),
        (None, encrypted(A), None, Status.LOST),
        ("null", encrypted(MADE), MADE, Status.READABLE),
        (f'"{A}"', encrypted(A), None, Status.READABLE),
        (f'"{A}"', encrypted(MADE), MADE, Status.READABLE),
        (f'"{A}"', encrypted(A), MADE, Status.LOST),
        (f'"{A}"', encrypted(B), None, Status.LOST),
        ('""', encrypted(""), None, Status.READABLE),
        ("false", plain(), None, Status.READABLE),
        ("false", encrypted(MADE), MADE, Status.READABLE),
        ("false", encrypted(A), None, Status.LOST),
        (f'"{A}"', plain(), None, Status.READABLE),
        (f'"{A}"', b"cut off", None, Status.LOST),
        ("process.env.SECRET", encrypted(A), None, Status.UNKNOWN),
    ],
)
def test_status(secret: str | None, content: bytes | None, generated: str | None, status: Status) -> None:
    analysis = analysis_of(secret, content, generated)
    assert analysis.status is status
    assert bool(analysis.reason) is (status in (Status.LOST, Status.UNKNOWN))
    assert bool(analysis.warning) is (status is Status.LOST)
    assert not any(secret in repr(analysis) + analysis.warning for secret in (A, B, MADE, "broker-only"))


@pytest.mark.parametrize(
    "changes",
    [
        {"credentials__project": "pumps"},
        {"settings__in_use": False},
        {"overrides": [{"path": ["credentialSecret"], "by": "-D credentialSecret"}]},
        {"overrides": [{"path": [], "by": "-D @/home/pi/more.json"}]},
        {"overrides": [{"path": ["userDir"], "by": "-D userDir"}]},
    ],
)
def test_what_cannot_be_told_is_left_alone(changes: dict[str, t.Any]) -> None:
    analysis = analysis_of(f'"{A}"', encrypted(B), **changes)
    assert analysis.status is Status.UNKNOWN
    assert migration(analysis, B) is None
    with pytest.raises(CredentialsError, match="cannot be judged.*Nothing was changed"):
        recovery(analysis, {"literals": [], "secrets": [], "copies": []}, None)


def test_another_user_dir_in_the_file_cannot_be_told() -> None:
    state = state_of({FLOWS: encrypted(B)})
    assert analyse(state, document(f'"{A}"', more='    userDir: "/data",')).status is Status.UNKNOWN
    assert analyse(state, document(f'"{A}"', more=f'    userDir: "{USER_DIR}/",')).status is Status.LOST
    state["overrides"] = [{"path": ["userDir"], "by": "--userDir"}]
    assert analyse(state, document(f'"{A}"', more='    userDir: "/data",')).status is Status.LOST


@pytest.mark.parametrize(
    ("flow_file", "changes", "read"),
    [
        ('"flows.json"', {}, [FLOWS]),
        ('"/home/pi/flows.json"', {}, [FLOWS]),
        (None, {}, ["flows_pi_cred.json"]),
        ('""', {}, ["flows_pi_cred.json"]),
        ('"flows.json"', {"credentials__flow_file": "my.json"}, ["my_cred.json"]),
        ("process.env.FLOWS", {}, [FLOWS, "flows_pi_cred.json", "my_cred.json"]),
        (
            '"flows.json"',
            {"overrides": [{"path": ["flowFile"], "by": "-D flowFile"}]},
            [FLOWS, "flows_pi_cred.json", "my_cred.json"],
        ),
        ('"no.json"', {}, []),
    ],
)
def test_which_file_counts(flow_file: str | None, changes: dict[str, t.Any], read: list[str]) -> None:
    files = {name: encrypted(A) for name in (FLOWS, "flows_pi_cred.json", "my_cred.json")}
    state = state_of(files, **changes)
    assert [file.name for file in analyse(state, document(f'"{A}"', flow_file)).files] == read


def test_a_flow_file_that_is_not_json_cannot_be_told() -> None:
    assert analyse(state_of({}), document(flow_file='"flows"')).status is Status.UNKNOWN


def test_one_of_several_that_may_count_is_lost() -> None:
    state = state_of({FLOWS: encrypted(A), "flows_old_cred.json": encrypted(GONE)})
    analysis = analyse(state, document(f'"{A}"', "process.env.FLOWS"))
    assert analysis.status is Status.UNKNOWN
    assert "flows_old_cred.json" in analysis.reason


# How they follow another secret


@pytest.mark.parametrize(
    ("secret", "content", "generated", "keys", "planned"),
    [
        (None, None, None, [], True),  # the first secret, before any credential
        (None, encrypted(MADE), MADE, [], True),  # the first secret
        (f'"{B}"', encrypted(B), None, [B], True),  # another one
        ("false", plain(), None, [], True),
        (f'"{B}"', plain(), None, [B], True),
        (f'"{A}"', plain(), None, [], True),  # by hand, and not deployed yet
        (f'"{A}"', encrypted(MADE), MADE, [], True),  # the same with Node-RED's own key
        (f'"{A}"', encrypted(A), MADE, [], True),  # that key came in the way
        (None, encrypted(A), MADE, [], True),  # the line was lost
        (f'"{GONE}"', encrypted(A), None, [GONE], True),  # a wrong one by hand
        (f'"{GONE}"', encrypted(GONE, EMPTY), None, [GONE], True),
        (f'"{A}"', None, MADE, [], True),
        (f'"{A}"', encrypted(A), None, [], False),  # all is well
        (f'"{A}"', encrypted(GONE, EMPTY), None, [], False),
        (f'"{A}"', plain(EMPTY), None, [], False),
        (f'"{A}"', None, None, [], False),
    ],
)
def test_migration(
    secret: str | None, content: bytes | None, generated: str | None, keys: list[str], planned: bool
) -> None:
    follow = migration(analysis_of(secret, content, generated), A)
    required = [FLOWS] if content is not None else []
    assert follow is not None
    assert follow.plan == ({"secret": A, "keys": keys, "required": required, "sources": {}} if planned else None)
    assert not any(key in repr(follow) for key in (A, B, MADE, GONE))


@pytest.mark.parametrize(
    ("secret", "content", "generated"),
    [
        (None, encrypted(GONE), None),
        (f'"{A}"', encrypted(GONE), None),
        (f'"{B}"', encrypted(GONE), MADE),
        ("false", encrypted(GONE), None),
        (f'"{A}"', b"cut off", None),
    ],
)
def test_credentials_that_nothing_fits_are_not_given_up(
    secret: str | None, content: bytes, generated: str | None
) -> None:
    with pytest.raises(
        CredentialsError, match=f"{USER_DIR}/{FLOWS} .* would be lost. Run pifleet.nodered.restore"
    ) as error:
        migration(analysis_of(secret, content, generated), A)
    assert A not in str(error.value)


def test_an_interrupted_run_is_finished() -> None:
    """Its settings.js is there already, its credentials are not."""
    analysis = analysis_of(f'"{A}"', encrypted(B), credentials__pending=[B])
    assert analysis.status is Status.READABLE
    follow = migration(analysis, A)
    assert follow is not None
    assert follow.plan is not None
    assert follow.plan["keys"] == [B]
