# Copyright (c) 2026, the pifleet.nodered maintainers
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which key fits which credentials, what Node-RED would make of them, and how they follow another secret.

The files are encrypted by openssl, as Node-RED's own code does it.
"""

from __future__ import annotations

import base64
import hashlib
import json
import os
import subprocess
import types

import pytest
from ansible_collections.pifleet.nodered.plugins.module_utils._credentials import files as on_host
from ansible_collections.pifleet.nodered.plugins.module_utils._host.account import Account, user_name
from ansible_collections.pifleet.nodered.plugins.module_utils._host.store import Store
from ansible_collections.pifleet.nodered.plugins.module_utils._node_red.command_line import CommandLine
from ansible_collections.pifleet.nodered.plugins.plugin_utils._credentials.analysis import (
    CredentialsError,
    CredentialsFile,
    Status,
    analyse,
    migration,
)
from ansible_collections.pifleet.nodered.plugins.plugin_utils._credentials.recovery import recovery
from ansible_collections.pifleet.nodered.plugins.plugin_utils._settings.document import SettingsDocument

A, B, MADE, GONE = "a-only-for-tests", "b-only-for-tests", "0123456789abcdef" * 4, "gone-only-for-tests"
SET = {"b1a2.c3": {"user": "fred", "password": "broker-only-for-tests, long enough to be cut off by what travels"}}
EMPTY: dict = {}
USER_DIR = "/home/pi/.node-red"
FLOWS = "flows_cred.json"


def encrypted(secret: str, value: object = None) -> bytes:
    """The text of a credentials file, by default with a set in it."""
    value = SET if value is None else value
    iv = os.urandom(16).hex()
    key = hashlib.sha256(secret.encode("utf-8")).hexdigest()
    data = subprocess.run(
        ["openssl", "enc", "-aes-256-ctr", "-K", key, "-iv", iv],
        check=True,
        capture_output=True,
        input=json.dumps(value, separators=(",", ":")).encode("utf-8"),
    ).stdout
    return json.dumps({"$": iv + base64.b64encode(data).decode("ascii")}).encode("utf-8")


def plain(value: object = None) -> bytes:
    return json.dumps(SET if value is None else value).encode("utf-8")


def state_of(files: dict[str, bytes], generated: str | None = None, **changed: object) -> dict:
    """What `info` returns of a host, as far as it matters here."""
    return {
        "credentials": {
            "project": None,
            "flow_file": None,
            "default_flow_file": "flows_pi.json",
            "pending": [],
            "generated": {"file": ".config.runtime.json", "secret": generated} if generated else None,
            "files": [{"name": name, **on_host.described(content)} for name, content in files.items()],
            **changed.pop("credentials", {}),
        },
        "settings": {"in_use": True},
        "overrides": [],
        "user_dir": {"path": USER_DIR},
        **changed,
    }


def document(secret: str | None = None, flow_file: str | None = '"flows.json"', more: str = "") -> SettingsDocument:
    """A settings.js with this JavaScript as credentialSecret."""
    lines = [f"    flowFile: {flow_file},"] if flow_file else []
    lines += [f"    credentialSecret: {secret},"] if secret is not None else []
    return SettingsDocument("\n".join(["module.exports = {", *lines, more, "}", ""]).encode("utf-8"))


def found(secret: str | None, content: bytes | None, generated: str | None = None, **changed: object):
    files = {} if content is None else {FLOWS: content}
    return analyse(state_of(files, generated, **changed), document(secret))


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
def test_the_right_key_fits_and_no_other(value):
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
def test_what_is_not_encrypted(content, kind, empty):
    file = CredentialsFile.of({"name": FLOWS, **on_host.described(content)})
    assert (file.kind, file.empty, file.decrypts_with(A)) == (kind, empty, False)


# What Node-RED makes of it


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
def test_status(secret, content, generated, status):
    judged = found(secret, content, generated)
    assert judged.status is status
    assert bool(judged.reason) is (status in (Status.LOST, Status.UNKNOWN))
    assert bool(judged.warning) is (status is Status.LOST)
    assert not any(secret in repr(judged) + judged.warning for secret in (A, B, MADE, "broker-only"))


@pytest.mark.parametrize(
    "changed",
    [
        {"credentials": {"project": "pumps"}},
        {"settings": {"in_use": False}},
        {"overrides": [{"path": ["credentialSecret"], "by": "-D credentialSecret"}]},
        {"overrides": [{"path": [], "by": "-D @/home/pi/more.json"}]},
        {"overrides": [{"path": ["userDir"], "by": "-D userDir"}]},
    ],
)
def test_what_cannot_be_told_is_left_alone(changed):
    judged = found(f'"{A}"', encrypted(B), **changed)
    assert judged.status is Status.UNKNOWN
    assert migration(judged, B) is None
    with pytest.raises(CredentialsError, match="cannot be judged.*Nothing was changed"):
        recovery(judged, {"literals": [], "secrets": [], "copies": []}, None)


def test_another_user_dir_in_the_file_cannot_be_told():
    state = state_of({FLOWS: encrypted(B)})
    assert analyse(state, document(f'"{A}"', more='    userDir: "/data",')).status is Status.UNKNOWN
    assert analyse(state, document(f'"{A}"', more=f'    userDir: "{USER_DIR}/",')).status is Status.LOST
    given = {**state, "overrides": [{"path": ["userDir"], "by": "--userDir"}]}
    assert analyse(given, document(f'"{A}"', more='    userDir: "/data",')).status is Status.LOST


@pytest.mark.parametrize(
    ("flow_file", "credentials", "overrides", "read"),
    [
        ('"flows.json"', {}, [], [FLOWS]),
        ('"/home/pi/flows.json"', {}, [], [FLOWS]),
        (None, {}, [], ["flows_pi_cred.json"]),
        ('""', {}, [], ["flows_pi_cred.json"]),
        ('"flows.json"', {"flow_file": "my.json"}, [], ["my_cred.json"]),
        ("process.env.FLOWS", {}, [], [FLOWS, "flows_pi_cred.json", "my_cred.json"]),
        (
            '"flows.json"',
            {},
            [{"path": ["flowFile"], "by": "-D flowFile"}],
            [FLOWS, "flows_pi_cred.json", "my_cred.json"],
        ),
        ('"no.json"', {}, [], []),
    ],
)
def test_which_file_counts(flow_file, credentials, overrides, read):
    files = {name: encrypted(A) for name in (FLOWS, "flows_pi_cred.json", "my_cred.json")}
    state = state_of(files, credentials=credentials, overrides=overrides)
    assert [file.name for file in analyse(state, document(f'"{A}"', flow_file)).files] == read


def test_a_flow_file_that_is_not_json_cannot_be_told():
    assert analyse(state_of({}), document(flow_file='"flows"')).status is Status.UNKNOWN


def test_one_of_several_that_may_count_is_lost():
    state = state_of({FLOWS: encrypted(A), "flows_old_cred.json": encrypted(GONE)})
    judged = analyse(state, document(f'"{A}"', "process.env.FLOWS"))
    assert judged.status is Status.UNKNOWN
    assert "flows_old_cred.json" in judged.reason


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
def test_migration(secret, content, generated, keys, planned):
    follow = migration(found(secret, content, generated), A)
    required = [FLOWS] if content is not None else []
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
def test_credentials_that_nothing_fits_are_not_given_up(secret, content, generated):
    with pytest.raises(
        CredentialsError, match=f"{USER_DIR}/{FLOWS} .* would be lost. Run pifleet.nodered.restore"
    ) as error:
        migration(found(secret, content, generated), A)
    assert A not in str(error.value)


def test_an_interrupted_run_is_finished():
    """Its settings.js is there already, its credentials are not."""
    judged = found(f'"{A}"', encrypted(B), credentials={"pending": [B]})
    assert judged.status is Status.READABLE
    assert migration(judged, A).plan["keys"] == [B]


# How they come back


def evidence(literals=(), secrets=(), copies=()):
    return {
        "literals": [
            {"literal": json.dumps(secret), "origin": f"/copies/settings.js.{number}"}
            for number, secret in enumerate(literals)
        ],
        "secrets": [{"secret": secret, "origin": "/copies/.config.runtime.json"} for secret in secrets],
        "copies": [
            {
                "path": f"/copies/{number}",
                "in_store": True,
                "name": FLOWS,
                "modified": 1e9 - number,
                **on_host.described(content),
            }
            for number, content in enumerate(copies)
        ],
    }


@pytest.mark.parametrize(
    ("secret", "content", "generated", "there", "desired", "to_file", "source"),
    [
        # The line was lost, and Node-RED made a key.
        (None, encrypted(A), MADE, evidence([GONE, A]), None, A, None),
        (None, encrypted(A), MADE, evidence(), A, A, None),
        (None, encrypted(A), MADE, evidence([A]), B, B, None),
        # The line is back, but that key is in the way.
        (f'"{A}"', encrypted(A), MADE, evidence(), None, None, None),
        # A wrong one by hand.
        (f'"{GONE}"', encrypted(A), None, evidence([A]), None, A, None),
        ("false", encrypted(A), None, evidence([A]), None, A, None),
        (f'"{GONE}"', encrypted(MADE), None, evidence([], [MADE]), None, MADE, None),
        # And a deploy.
        (
            f'"{GONE}"',
            encrypted(GONE, EMPTY),
            None,
            evidence([A], copies=[encrypted(GONE, EMPTY), encrypted(B), encrypted(A)]),
            None,
            A,
            "/copies/2",
        ),
        (
            None,
            encrypted(MADE, EMPTY),
            MADE,
            evidence([A, B], copies=[encrypted(B), encrypted(A)]),
            None,
            B,
            "/copies/0",
        ),
        (f'"{A}"', b"cut off", None, evidence(copies=[encrypted(A)]), None, None, "/copies/0"),
        ("false", b"cut off", None, evidence(copies=[plain()]), None, None, "/copies/0"),
        (f'"{A}"', None, None, evidence(copies=[encrypted(A)]), None, None, "/copies/0"),
        # What is there and holds something stays, although an older one is there too.
        (f'"{GONE}"', encrypted(B, {"n": {}}), None, evidence([A, B], copies=[encrypted(A)]), None, B, None),
    ],
)
def test_recovery(secret, content, generated, there, desired, to_file, source):
    plan = recovery(found(secret, content, generated), there, desired)
    assert plan.secret == to_file
    assert plan.host_plan["sources"] == ({FLOWS: {"path": source, "in_store": True}} if source else {})
    messages = " ".join(plan.messages)
    assert ("settings.js gets" in messages) is (to_file is not None)
    assert messages and not any(key in messages + repr(plan) for key in (A, B, MADE, GONE))


@pytest.mark.parametrize(
    ("secret", "content", "generated"),
    [
        (f'"{A}"', encrypted(A), None),
        (None, encrypted(MADE), MADE),
        ("false", plain(), None),
        (None, None, None),
        (f'"{A}"', encrypted(A, EMPTY), None),
    ],
)
def test_nothing_is_wrong(secret, content, generated):
    assert recovery(found(secret, content, generated), evidence([B], [GONE], [encrypted("nobody's")]), B) is None


@pytest.mark.parametrize("desired", [None, B])
def test_nothing_fits(desired):
    with pytest.raises(
        CredentialsError, match="No secret was found .*/copies/settings.js.0.*Nothing was changed"
    ) as error:
        recovery(found(f'"{A}"', encrypted(GONE)), evidence([A, B], copies=[encrypted("nobody's")]), desired)
    assert ("nodered_credential_secret does not fit" in str(error.value)) is (desired is not None)
    assert not any(key in str(error.value) for key in (A, B, GONE))


# What the host reads


@pytest.fixture
def unit(tmp_path):
    user_dir = tmp_path / "node-red"
    user_dir.mkdir()
    return types.SimpleNamespace(
        name="nodered.service",
        account=Account(user_name(os.getuid())),
        user_dir=str(user_dir),
        settings_directory=str(user_dir),
        settings_path=str(user_dir / "settings.js"),
        command_line=CommandLine(["node-red"]),
    )


def write(unit, **files: bytes | dict) -> None:
    """Write files of the userDir; `_` stands for a dot in front, `__` for one within."""
    for name, content in files.items():
        path = os.path.join(unit.user_dir, name.replace("__", ".").replace("dot", "."))
        with open(path, "wb") as stream:
            stream.write(content if isinstance(content, bytes) else json.dumps(content).encode("utf-8"))


def test_the_host_reads_what_the_decision_needs(unit):
    write(
        unit,
        flows_cred__json=encrypted(A),
        dotflows_cred__json__backup=encrypted(B),
        old_cred__json=b"",
        dotold_cred__json__backup=plain(),
        dotconfig__runtime__json={"_credentialSecret": MADE},
        dotconfig__projects__json={"activeProject": "pumps"},
    )
    read = on_host.read_credentials(unit, [B])
    assert [(file["name"], file["kind"]) for file in read["files"]] == [
        (FLOWS, "encrypted"),
        ("old_cred.json", "plain"),
    ]
    assert len(base64.b64decode(read["files"][0]["head"])) == on_host.HEAD
    assert (read["project"], read["generated"], read["pending"]) == (
        "pumps",
        {"file": ".config.runtime.json", "secret": MADE},
        [B],
    )


@pytest.mark.parametrize(
    ("files", "secret"),
    [
        ({}, None),
        ({"dotconfig__json": {"_credentialSecret": MADE}}, MADE),
        ({"dotconfig__json": {"_credentialSecret": MADE}, "dotconfig__runtime__json": {}}, None),
        ({"dotconfig__runtime__json": b"", "dotconfig__runtime__json__backup": {"_credentialSecret": MADE}}, MADE),
        ({"dotconfig__runtime__json": b"cut off"}, None),
    ],
)
def test_the_key_that_node_red_has_made(unit, files, secret):
    write(unit, **files)
    made = on_host.generated(unit)
    assert (made and made["secret"]) == secret


def test_the_host_finds_every_secret_and_copy(unit, tmp_path):
    store = Store(unit.name, str(tmp_path / "store"))
    write(
        unit,
        settings__js=f'module.exports = {{\n    //credentialSecret: "{A}",\n}}\n'.encode("utf-8"),
        flows_cred__json=encrypted(A),
        dotflows_cred__json__backup=encrypted(B),
        dotconfig__runtime__json={"_credentialSecret": MADE},
    )
    with open(os.path.join(unit.user_dir, "settings.js.12.2026-01-01@00:00:00~"), "wb") as stream:
        stream.write(b"broken { credentialSecret: 'b\\'s' ")
    store.keep("backups/one/0-settings.js", f'module.exports = {{ "credentialSecret": "{GONE}" }}'.encode("utf-8"))
    store.keep("backups/one/1-flows_cred.json", encrypted(GONE))
    store.keep("backups/one/2-.flows_cred.json.backup", encrypted(A))
    store.keep("backups/one/3-.config.runtime.json", json.dumps({"_credentialSecret": "kept"}).encode("utf-8"))
    store.keep(
        "backups/one/transaction.json", json.dumps({"credentials": {"secret": "x", "keys": ["y"]}}).encode("utf-8")
    )
    read = on_host.read_evidence(unit, store)
    assert {entry["literal"] for entry in read["literals"]} == {f'"{A}"', "'b\\'s'", f'"{GONE}"'}
    assert {entry["secret"] for entry in read["secrets"]} == {MADE, "kept", "x", "y"}
    assert {(copy["name"], copy["in_store"]) for copy in read["copies"]} == {(FLOWS, False), (FLOWS, True)}
    assert len(read["copies"]) == 3
    assert [copy["modified"] for copy in read["copies"]] == sorted(
        (copy["modified"] for copy in read["copies"]), reverse=True
    )


# Files that the service's user may fill with anything


@pytest.mark.parametrize(
    "content",
    [
        b'{"$":{}}',
        b'{"$":[]}',
        b'{"$":7}',
        b'{"$":null}',
        b'{"$":"no digits"}',
        b"[" * 200000,
        b'{"a":' * 200000,
        b"\xff",
        b"7",
    ],
)
def test_a_file_of_anything_is_damaged(content: bytes) -> None:
    assert on_host.described(content)["kind"] == "damaged"


@pytest.mark.parametrize(
    "plan", [{"keys": None}, {"keys": 7}, {"keys": "text"}, {"keys": {"a": 1}}, {"keys": [7, []]}, {"secret": []}]
)
def test_kept_secrets_of_odd_types(plan: dict) -> None:
    assert on_host._kept_secrets({"credentials": plan}) == []
    assert on_host._kept_secrets({"credentials": {"keys": [A, 7], **plan, "secret": B}})[0] == B


@pytest.mark.parametrize("project", [7, [], {"a": 1}, ""])
def test_a_project_that_is_no_text(monkeypatch: pytest.MonkeyPatch, project: object) -> None:
    files = {".config.projects.json": json.dumps({"activeProject": project}).encode()}
    monkeypatch.setattr(on_host, "content_of", lambda _unit, name: files.get(name))
    monkeypatch.setattr(on_host, "names", lambda _unit: [])
    unit = types.SimpleNamespace(command_line=CommandLine(["node-red"]))
    assert on_host.read_credentials(unit, [])["project"] is None
