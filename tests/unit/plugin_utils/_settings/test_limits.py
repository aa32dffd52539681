# Copyright (c) 2026, the pifleet.nodered maintainers
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A settings file that nobody wrote for Node-RED is refused in a sentence, before it costs time or memory."""

from __future__ import annotations

import datetime
import typing as t

import pytest
from settings_edits import AUTH, edited, refusal
from stopwatch import times_as_long

from ansible_collections.pifleet.nodered.plugins.plugin_utils._action.diff import settings_difference
from ansible_collections.pifleet.nodered.plugins.plugin_utils._errors import UserError
from ansible_collections.pifleet.nodered.plugins.plugin_utils._rules.settings import check_settings
from ansible_collections.pifleet.nodered.plugins.plugin_utils._settings.document import SettingsDocument


def test_the_size_is_limited() -> None:
    source = "module.exports = {a: 1} //"
    assert "256 KiB" in refusal(source + "x" * (256 * 1024 - len(source) + 1)).message
    assert edited(source + "x" * (256 * 1024 - len(source)), ("get", "a"))


@pytest.mark.parametrize(
    ("opening", "closing"),
    [
        ("{a: ", "}"),
        ("[", "]"),
        ("(", ")"),
        ("x => ", ""),
        ("a ? b : ", ""),
        ("function() {", "}"),
        ("1 || ", ""),
        ("a = ", ""),
        ("`${", "}`"),
    ],
)
def test_the_depth_is_limited(opening: str, closing: str) -> None:
    error = refusal(f"module.exports = {{\n    a: {opening * 2000}1{closing * 2000},\n}}\n")
    assert "nested too deeply" in error.message
    assert error.line == 2


@pytest.mark.parametrize("link", [".a", "[0]", "()", " + b", " ? c : d"])
def test_the_length_of_a_chain_is_limited(link: str) -> None:
    assert "nested too deeply" in refusal(f"module.exports = {{a: b{link * 2000}}}").message


def test_the_amount_of_code_is_limited() -> None:
    assert "more code" in refusal(f"module.exports = {{a: [{'1,' * 110_000}]}}").message


def test_a_number_beyond_all_numbers_is_code() -> None:
    source = b"module.exports = {uiPort: 0x" + b"1" * 9000 + b"}"
    assert check_settings(source, "host", "settings.js", datetime.date(2026, 1, 1))


@pytest.mark.slow
def test_many_names_for_one_another() -> None:
    def named(count: int) -> t.Callable[[], None]:
        names = "".join(f"const a{index + 1} = a{index};" for index in range(count))
        return lambda: _all_of_it(f"const a0 = module.exports = {{}};{names}")

    assert times_as_long(named(3200), named(400)) < 24


def test_a_setting_in_many_places_is_not_removed() -> None:
    assert (
        "more than 10 places"
        in refusal("exports.a = 1\nexports.b = 1\n" + "exports.a = 1\n" * 11, ("remove", "a")).message
    )


def test_many_comments_behind_a_removed_statement() -> None:
    comments = "//a\n" * 2000
    source = f"exports.a = 1\nexports.b = 2\n{comments}exports.c = 3\n"
    assert edited(source, ("remove", "b")) == source.replace("\nexports.b = 2", "")


#: Code that is repeated, and what stands around it.
SHAPES = {
    "blocks": ("{module;}", "%sexports.a = 1"),
    "statements": ("exports.a = 1;", "%s"),
    "exports": ("if (a) module.exports = {};", "%smodule.exports = {}"),
    "names": ("var b = module.exports;", "module.exports = {};%s"),
    "elements": ("module, ", "module.exports = {a: [%s]}"),
    "arguments": ("exports, ", "module.exports = {}; f(%s)"),
    "merged": ("exports, ", "Object.assign(%s)"),
    "calls": ("f(exports.adminAuth);", "exports.a = 1;%s"),
    "own use": ("exports.a;", "module.exports = {}; (function() {%s})()"),
    "members": ("adminAuth: {type: 'a'}, ", "module.exports = {%s}"),
    "spreads": ("...a, ", "module.exports = {%s}"),
    "fields": ("a: 1, ", "module.exports = {adminAuth: {%s}}"),
    "users": ("{username: 'a', password: 'b'}, ", "module.exports = {adminAuth: {users: [%s]}}"),
    "commented users": ("{username: 'a'}, /* a */\n", "module.exports = {adminAuth: {users: [%s]}}"),
    "secrets": ("password: 'hunter2', ", "module.exports = {%s}"),
    "secret texts": ("'hunter2', ", "module.exports = {password: [%s]}"),
    "comments": ("/**/", "module.exports = {a: 1, %s}"),
    "examples": ("//adminAuth: {\n", "module.exports = {a: 1, \n%s}"),
    "line ends": ("\r\n", "module.exports = {a: 1, %s}"),
    "string": ("\\x41", "module.exports = {a: '%s'}"),
    "template": ("${a}", "module.exports = {a: `%s`}"),
    "unclosed": ("[", "module.exports = {a: %s"),
}


def _all_of_it(source: str) -> None:
    """What becomes of a file in one run: the rules, an edit of every kind, and the difference."""
    check_settings(source.encode(), "host", "settings.js", datetime.date(2026, 1, 1))
    try:
        document = SettingsDocument(source.encode())
        for method, *arguments in (
            ("set", "adminAuth", AUTH),
            ("set_by_key", "adminAuth.users", "username", AUTH["users"]),
            ("remove", "a"),
        ):
            getattr(document, method)(*arguments)
        settings_difference("settings.js", source, document.source.decode())
    except UserError:
        pass


@pytest.mark.slow
@pytest.mark.parametrize("shape", SHAPES)
def test_the_analysis_takes_time_in_proportion_to_the_file(shape: str) -> None:
    piece, whole = SHAPES[shape]

    def analysed(length: int) -> t.Callable[[], None]:
        source = whole % (piece * (length // len(piece)))
        return lambda: _all_of_it(source)

    assert times_as_long(analysed(24_000), analysed(3_000)) < 24
