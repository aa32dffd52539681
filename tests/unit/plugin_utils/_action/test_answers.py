# Copyright (c) 2026, the pifleet.nodered maintainers
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a host answers passes in the shape that the modules give it, and in no other."""

from __future__ import annotations

import copy
import json
import typing as t

import pytest
from host_state import make_state

from ansible_collections.pifleet.nodered.plugins.module_utils._shared.host_state import FailureDetails, HostState
from ansible_collections.pifleet.nodered.plugins.plugin_utils._action.answers import (
    MAX_ANSWER,
    MAX_ELEMENTS,
    MAX_MESSAGE,
    ShapeError,
    checked,
    failure_message,
    how_it_ended,
    parsed,
)

HASH = "$2b$08$" + "a" * 53


def changed(path: tuple[str, ...], value: t.Any) -> dict[str, t.Any]:
    """A state with another value at a path."""
    state: t.Any = copy.deepcopy(make_state())
    inner = state
    for key in path[:-1]:
        inner = inner[key]
    inner[path[-1]] = value
    return state


def paths(value: t.Any, path: tuple[str, ...] = ()) -> t.Iterator[tuple[str, ...]]:
    """The path of each key of a state."""
    if isinstance(value, dict):
        for key, each in value.items():
            yield (*path, key)
            yield from paths(each, (*path, key))


def test_a_whole_answer_passes_as_it_is() -> None:
    state = make_state()
    assert checked(HostState, state, "host_info") == state
    assert checked(HostState, json.loads(json.dumps(state)), "host_info") == state


@pytest.mark.parametrize(
    "key",
    [
        "ansible_facts",
        "warnings",
        "deprecations",
        "diff",
        "invocation",
        "_ansible_no_log",
        "add_host",
        "nodered_ca_dir",
    ],
)
def test_what_has_no_meaning_is_dropped(key: str) -> None:
    state = {**make_state(), key: {"nodered_certificate_names": ["*.google.com"]}}
    assert checked(HostState, state, "host_info") == make_state()


@pytest.mark.parametrize("path", [path for path in paths(make_state()) if path[0] != "details"])
@pytest.mark.parametrize(
    "lie", [object(), b"bytes", 1e400, float("nan"), -1, [[[]]], {"a": {"b": 1}}, "x" * (3 << 20), 10**400]
)
def test_another_type_or_size_is_refused(path: tuple[str, ...], lie: t.Any) -> None:
    with pytest.raises(ShapeError) as refusal:
        checked(HostState, changed(path, lie), "host_info")
    assert path[-1] in str(refusal.value)
    assert len(str(refusal.value)) < 400


@pytest.mark.parametrize("path", [path for path in paths(make_state()) if len(path) < 3])
def test_a_missing_key_is_refused(path: tuple[str, ...]) -> None:
    state = copy.deepcopy(make_state())
    inner: t.Any = state
    for key in path[:-1]:
        inner = inner[key]
    del inner[path[-1]]
    with pytest.raises(ShapeError, match="missing"):
        checked(HostState, state, "host_info")


@pytest.mark.parametrize(
    ("path", "lie"),
    [
        (("node_red", "version"), "x.y"),
        (("node_red", "version"), "4"),
        (("node", "version"), "4.1.2\n\x1b[31m"),
        (("node", "version"), "9" * 5000 + ".1.2"),
        (("settings", "sha256"), "ABC"),
        (("settings", "content"), "not base 64!"),
        (("settings", "content"), "QUJD="),
        (("host", "addresses"), ["pi2"]),
        (("host", "addresses"), ["192.168.1.5"] * (MAX_ELEMENTS + 1)),
        (("host", "hostname"), "a/b"),
        (("host", "clock"), True),
        (("host", "clock"), 3.5),
        (("user", "uid"), -1),
        (("user", "home"), "relative"),
        (("service", "active"), 1),
    ],
)
def test_another_form_is_refused(path: tuple[str, ...], lie: t.Any) -> None:
    with pytest.raises(ShapeError):
        checked(HostState, changed(path, lie), "host_info")


@pytest.mark.parametrize("name", ["x {{ lookup('pipe','id') }}", "a b", "x\n", "{% raw %}", "a/b"])
def test_the_name_of_another_service_is_one_that_may_be_copied(name: str) -> None:
    other = {"by": "service", "name": name, "user": "pi"}
    with pytest.raises(ShapeError):
        checked(HostState, changed(("elsewhere",), [other]), "host_info")
    for right in ("", "node-red@site.a.service", "node\\x2dred:1.service"):
        state = changed(("elsewhere",), [{**other, "name": right}])
        assert checked(HostState, state, "host_info") == state


def test_the_refusal_holds_no_byte_of_the_host() -> None:
    with pytest.raises(ShapeError) as refusal:
        checked(HostState, changed(("settings", "content"), f"{HASH}\x1b]0;title\x07"), "host_info")
    assert HASH not in str(refusal.value)
    assert "host_info.settings.content" in str(refusal.value)
    assert "\x1b" not in str(refusal.value)


def test_what_passes_is_a_copy_in_plain_types() -> None:
    class Text(str):
        """As the strings of newer ansible-core, which carry where they are from."""

    state = changed(("host", "hostname"), Text("pi"))
    found = checked(HostState, state, "host_info")
    assert not isinstance(found["host"]["hostname"], Text)
    assert found["host"]["addresses"] is not state["host"]["addresses"]


@pytest.mark.parametrize(
    ("stdout", "answer"),
    [
        ('{"changed": false}', {"changed": False}),
        ('Welcome to the Pi\n{"changed": false}\n', {"changed": False}),
        ('{"changed": false', None),
        ("", None),
        ("[1]", None),
        ("hello", None),
    ],
)
def test_parsed(stdout: str, answer: t.Any) -> None:
    assert parsed(stdout) == answer


@pytest.mark.parametrize("stdout", ['{"a":' * 200_000, "[" * 200_000, '{"a": "' + "x" * MAX_ANSWER + '"}'])
def test_what_is_too_large_or_too_deep_fails_the_host(stdout: str) -> None:
    try:
        assert parsed(stdout) is None
    except ShapeError as error:
        assert len(str(error)) < 400


@pytest.mark.parametrize(
    ("result", "words"),
    [
        ({"rc": 1, "stdout": "", "stderr": "Traceback\n  File\nOSError: no room\n"}, "OSError: no room (status 1)"),
        ({"rc": 137, "stderr": "Killed\n"}, "Killed (status 137)"),
        ({"rc": 137, "stderr": ""}, "as if it had been killed (status 137)"),
        ({"stderr": f"KeyError: '{HASH}'"}, "KeyError"),
        ({"stderr": "\x1b]0;title\x07 and " + "x" * 100_000}, "xxx"),
        ({"stderr": ["no text"]}, "killed"),
        ({}, "killed"),
    ],
)
def test_how_it_ended(result: dict[str, t.Any], words: str) -> None:
    said = how_it_ended({**result, "stdout": f'{{"content": "{HASH}"'})
    assert words in said
    assert HASH not in said
    assert "\x1b" not in said
    assert len(said) < 500


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        ({"msg": "There is no file."}, "There is no file."),
        ({"msg": "\x1b[2Kgone"}, r"\x1b[2Kgone"),
        ({"exception": {"event": {"msg": "no room"}}}, "its work: no room."),
        ({"exception": {"event": {"msg": HASH}}}, "its work: "),
        ({"exception": {"event": ["msg"]}}, "as if it had been killed."),
        ({"exception": "Traceback"}, "as if it had been killed."),
        ({"msg": 5}, "as if it had been killed."),
        ({"msg": ""}, "as if it had been killed."),
        ({"msg": "x" * 1_000_000}, "xxx"),
    ],
)
def test_failure_message(answer: dict[str, t.Any], words: str) -> None:
    said = failure_message(answer)
    assert words in said
    assert HASH not in said
    assert len(said) <= MAX_MESSAGE


def test_what_a_failure_says_beside_its_message() -> None:
    answer = {
        "failed": True,
        "msg": "m",
        "journal": ["a line"],
        "restored": ["/etc/x"],
        "module_stdout": HASH,
        "exception": "Traceback",
        "ansible_facts": {},
    }
    assert checked(FailureDetails, answer, "host_restart") == {"journal": ["a line"], "restored": ["/etc/x"]}
    with pytest.raises(ShapeError):
        checked(FailureDetails, {"journal": [5]}, "host_restart")
