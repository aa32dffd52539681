# Copyright (c) 2026, the pifleet.nodered maintainers
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The one gate for what a host answers: whoever owns a host can make it answer anything.

What passes has the keys and the types that `host_state` gives it, and nothing else: a copy in plain Python types. What
does not pass fails that host, in a sentence that holds none of its bytes.
"""

from __future__ import annotations

import functools
import json
import math
import re
import types
import typing as t
from collections.abc import Mapping

from ansible.module_utils.json_utils import _filter_non_json_lines

from ansible_collections.pifleet.nodered.plugins.module_utils._shared.host_state import Range, Text
from ansible_collections.pifleet.nodered.plugins.module_utils._shared.printable import one_line, printable
from ansible_collections.pifleet.nodered.plugins.module_utils._shared.redact import redact
from ansible_collections.pifleet.nodered.plugins.plugin_utils._errors import UserError

#: Characters of a whole answer: settings.js in Base64, and much beside it.
MAX_ANSWER = 8 << 20
#: Characters of the sentence in which a module says why it failed, and of what is shown of one that ended without.
MAX_MESSAGE = 8192
MAX_LAST_LINE = 300
#: Elements of a list or a dictionary.
MAX_ELEMENTS = 10_000
_PLAIN_TEXT = Text(4096)
_PLAIN_NUMBER = Range(-(1 << 53), 1 << 53)

Shape = t.TypeVar("Shape", bound=Mapping[str, t.Any])


class ShapeError(UserError):
    """A host's answer is not what the module of this collection would have answered."""

    def __init__(self, where: str) -> None:
        super().__init__(
            f"This host answers what the modules of this collection never answer ({where}). Nothing of it was used. Its"
            " Python, or who answers in its place, is not to be trusted: look at that host."
        )


def parsed(stdout: str) -> dict[str, t.Any] | None:
    """The JSON object that a module has printed, maybe after what the shell of a login says; None where there is none.

    :raises ShapeError: it is too large, or nested too deeply
    """
    if len(stdout) > MAX_ANSWER:
        raise ShapeError("too large")
    try:
        answer = json.loads(_filter_non_json_lines(stdout, objects_only=True)[0])
    except ValueError:
        return None
    except RecursionError:
        raise ShapeError("nested too deeply") from None
    return answer if isinstance(answer, dict) else None


def failure_message(answer: Mapping[str, t.Any]) -> str:
    """Why a module failed, in its own words, or what Python said of it."""
    message = answer.get("msg")
    if isinstance(message, str) and message:
        return printable(message[:MAX_MESSAGE])
    # Since ansible-core 2.19 a fault of a module is answered as an object.
    event = answer.get("exception")
    for key in ("event", "msg"):
        event = event.get(key) if isinstance(event, Mapping) else None
    return f"The module ended before it had done its work: {_last_line(event)}."


def how_it_ended(result: Mapping[str, t.Any]) -> str:
    """What is known of a module that printed no answer. What it printed may be half of one, with secrets: that is not said.

    :param result: of a command, with `rc` and `stderr`
    """
    return _last_line(result.get("stderr")) + (f" (status {result['rc']})" if result.get("rc") else "")


def _last_line(text: t.Any) -> str:
    lines = text[-MAX_MESSAGE:].strip().splitlines() if isinstance(text, str) else []
    return one_line(redact(lines[-1][:MAX_LAST_LINE])) if lines else "it said nothing, as if it had been killed"


def checked(shape: type[Shape], answer: t.Any, name: str) -> Shape:
    """The part of an answer that has a meaning.

    :param shape: a TypedDict of `host_state`
    :param name: what the answer is called in the message of an error
    :raises ShapeError: a key is missing, or has another type, form or size
    """
    return t.cast("Shape", _checked(shape, answer, name))


def preload(kind: t.Any) -> None:
    """Read the annotations and compile the forms of a shape before it is needed, and keep them.

    For a process that others are forked from: each of these would else do it again.

    :param kind: a TypedDict of `host_state`, or a part of one
    """
    if t.is_typeddict(kind):
        parts: t.Iterable[t.Any] = _hints(kind).values()
    else:
        parts = t.get_args(kind)
    for part in parts:
        if isinstance(part, Text):
            re.compile(part.form)
        elif t.is_typeddict(part) or t.get_origin(part):
            preload(part)


def _checked(kind: t.Any, value: t.Any, where: str) -> t.Any:
    if t.is_typeddict(kind):
        return _dictionary(kind, value, where)
    origin, arguments = t.get_origin(kind), t.get_args(kind)
    if origin is t.Annotated:
        return _limited(arguments[0], value, arguments[1], where)
    if origin in (t.Union, types.UnionType):
        return _one_of(arguments, value, where)
    if origin is t.Literal:
        if any(value == each and isinstance(value, type(each)) for each in arguments):
            return next(each for each in arguments if value == each)
    elif origin is list:
        if isinstance(value, list) and len(value) <= MAX_ELEMENTS:
            return [_checked(arguments[0], each, f"{where}[]") for each in value]
    elif origin is dict:
        if isinstance(value, Mapping) and len(value) <= MAX_ELEMENTS:
            return {
                _checked(arguments[0], key, f"{where}.*"): _checked(arguments[1], each, f"{where}.*")
                for key, each in value.items()
            }
    elif kind in (bool, types.NoneType):
        if isinstance(value, kind):
            return value
    elif kind is str:
        return _limited(str, value, _PLAIN_TEXT, where)
    elif kind in (int, float):
        return _limited(kind, value, _PLAIN_NUMBER, where)
    raise ShapeError(where)


def _dictionary(kind: t.Any, value: t.Any, where: str) -> dict[str, t.Any]:
    if not isinstance(value, Mapping):
        raise ShapeError(where)
    found = {}
    for key, hint in _hints(kind).items():
        if key in value:
            found[key] = _checked(hint, value[key], f"{where}.{key}")
        elif key in kind.__required_keys__:
            raise ShapeError(f"{where}.{key} is missing")
    return found


@functools.cache
def _hints(kind: t.Any) -> dict[str, t.Any]:
    return t.get_type_hints(kind, include_extras=True)


def _one_of(kinds: tuple[t.Any, ...], value: t.Any, where: str) -> t.Any:
    for kind in kinds:
        try:
            return _checked(kind, value, where)
        except ShapeError as error:
            problem = error
    # With None as the alternative, what is wrong lies deeper in the other.
    if value is not None and len(kinds) == 2 and types.NoneType in kinds:
        return _checked(next(kind for kind in kinds if kind is not types.NoneType), value, where)
    raise problem


def _limited(kind: type, value: t.Any, limit: Text | Range, where: str) -> t.Any:
    if isinstance(limit, Text):
        if isinstance(value, str) and len(value) <= limit.size and (not limit.form or re.fullmatch(limit.form, value)):
            return str(value)
    elif isinstance(value, (int, float) if kind is float else int) and not isinstance(value, bool):
        # What is no number fails the comparison; a larger one would not fit into a float.
        number = kind(value) if abs(value) <= 1 << 64 else math.inf
        if limit.low <= number <= limit.high:
            return number
    raise ShapeError(where)
