# Copyright (c) 2026, the pifleet.nodered maintainers
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""TLS options beside the certificate: those of the file are kept, those of the variable win.

That Node.js finds the same ones in files of every shape is tried in tests/property/test_https_options.py.
"""

from __future__ import annotations

import typing as t

import pytest
from settings_options import make_options
from stopwatch import times_as_long

from ansible_collections.pifleet.nodered.plugins.plugin_utils._javascript.parser import SettingsError
from ansible_collections.pifleet.nodered.plugins.plugin_utils._settings.apply import apply_settings
from ansible_collections.pifleet.nodered.plugins.plugin_utils._settings.desired import (
    DesiredSettings,
    SettingsOptionError,
)
from ansible_collections.pifleet.nodered.plugins.plugin_utils._settings.document import SettingsDocument
from ansible_collections.pifleet.nodered.plugins.plugin_utils._settings.tls_options import TlsOptionError, tls_options

READ = 'require("fs").readFileSync(require("path").join(__dirname, "nodecerts", "server.pem"))'
INTERVAL = "    httpsRefreshInterval: 12,\n"


def edited(https: str, interval: str = INTERVAL, lasting: bool = False, **given: t.Any) -> tuple[str, list[str]]:
    """The members of a file behind an edit, and what is told of it; lasting: it is told each time."""
    document = SettingsDocument(f"module.exports = {{\n    {https}\n{interval}}}\n".encode())
    applied = apply_settings(DesiredSettings.from_options(make_options(https=True, **given), "/"), document)
    text = document.source.decode()
    again = SettingsDocument(document.source)
    told = apply_settings(DesiredSettings.from_options(make_options(https=True, **given), "/"), again)
    assert again.source == document.source
    assert bool(told.notes) is lasting
    return text.removeprefix("module.exports = {\n").removesuffix(interval + "}\n"), applied.notes


def test_lines_of_the_object_stand_as_they_stood() -> None:
    text, notes = edited(
        "https: {\n        key: k, // the key\n        cert: c,\n        // Only the office.\n"
        "        ca: [a,\n          b],\n        minVersion: 'TLSv1.3',\n    },"
    )
    assert text == (
        f"    https: function() {{ const pem = {READ}; return {{\n        key: pem, // the key\n        cert: pem,\n"
        "        // Only the office.\n        ca: [a,\n          b],\n        minVersion: 'TLSv1.3',\n    }; },\n"
    )
    assert notes == []


def test_an_object_on_one_line_gets_a_function_of_several() -> None:
    text, _notes = edited("https: { key: k, cert: c, minVersion: 'TLSv1.3' },")
    assert text == (
        f"    https: function() {{\n        const pem = {READ};\n"
        "        return { key: pem, cert: pem, minVersion: 'TLSv1.3' };\n    },\n"
    )


def test_comments_before_the_return_are_kept() -> None:
    text, _notes = edited(
        "https: function() {\n      // Only the office.\n      return { key: k, cert: c, ca: a }\n    },"
    )
    assert text == (
        f"    https: function() {{\n      const pem = {READ};\n      // Only the office.\n"
        "      return { key: pem, cert: pem, ca: a };\n    },\n"
    )


def test_the_function_says_once_who_wrote_it() -> None:
    said = "// Written by pifleet.nodered: "
    text, _notes = edited("")
    assert text.count(said) == 1
    document = SettingsDocument(b"module.exports = {}\n")
    apply_settings(DesiredSettings.from_options(make_options(https=True), "/"), document)
    for options in ({"minVersion": "TLSv1.3"}, {"minVersion": None}):
        document = SettingsDocument(document.source)
        apply_settings(DesiredSettings.from_options(make_options(https=True, https_options=options), "/"), document)
        assert document.source.decode().count(said) == 1
    # One of before, without it, is as good.
    lines = document.source.decode().splitlines(keepends=True)
    former = SettingsDocument("".join(line for line in lines if said not in line).encode())
    apply_settings(DesiredSettings.from_options(make_options(https=True), "/"), former)
    assert former.source == former.original.source


def test_the_old_key_takes_its_passphrase_along() -> None:
    text, notes = edited("https: { pfx: p, passphrase: 'x', ca: a },")
    assert "return { ca: a, key: pem, cert: pem };" in text
    assert notes == [
        "line 2: pfx and passphrase of https went with the old key: the certificate is the one of"
        " nodered_certificate_provider now."
    ]


def test_the_variable_wins_and_removes() -> None:
    given = {"minVersion": "TLSv1.3", "ca": ["/a.pem", "/b.pem"], "ciphers": None}
    text, _notes = edited(
        "https: { key: k, cert: c, minVersion: low, ciphers: `${x}`, get ca() {} },", https_options=given
    )
    assert (
        'return { key: pem, cert: pem, minVersion: "TLSv1.3",'
        ' ca: [require("fs").readFileSync("/a.pem"), require("fs").readFileSync("/b.pem")] };' in text
    )


def test_a_line_is_that_of_the_file() -> None:
    """Users that are added above do not count."""
    users = [{"username": "admin", "password_hash": "$2b$08$" + "a" * 53, "permissions": "*"}]
    source = b"module.exports = {\n    //adminAuth: {\n    //},\n    https: { key: 1, cert: 2, ...base },\n}\n"
    desired = DesiredSettings.from_options(make_options(https=True, admin_users=users), "/")
    with pytest.raises(SettingsError, match="line 4: what stands here of https cannot be kept"):
        apply_settings(desired, SettingsDocument(source), hashing=False)


def test_what_a_spread_may_bring_is_told() -> None:
    _text, notes = edited("...base,")
    assert notes == [
        "line 2: https may come from here too, and counts no more. If it has TLS options of your own, write them into"
        " nodered_https_options."
    ]


@pytest.mark.parametrize("interval", ["12", "0.02", "'6'", "24"])
def test_an_interval_that_is_often_enough_stays(interval: str) -> None:
    line = f"    httpsRefreshInterval: {interval},\n"
    _text, notes = edited("", line)
    assert notes == []


@pytest.mark.parametrize(
    "interval", ["25", "0", "false", "true", "null", "'x'", "process.env.X", "'nan'", "'inf'", "-1"]
)
def test_another_interval_is_replaced_and_told(interval: str) -> None:
    document = SettingsDocument(f"module.exports = {{\n    httpsRefreshInterval: {interval},\n}}\n".encode())
    applied = apply_settings(DesiredSettings.from_options(make_options(https=True), "/"), document)
    assert document.get("httpsRefreshInterval") == 0.02
    assert [note[:50] for note in applied.notes] == ["line 2: httpsRefreshInterval is 0.02 now. It was n"]


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"key": "/k"}, "key comes from the certificate, which nodered_certificate_provider"),
        ({"passphrase": "x"}, "passphrase comes from the certificate"),
        ({"minversion": "TLSv1.3"}, "'minversion' is unknown. Known are minVersion,"),
        ({1: 2}, "1 is unknown"),
        ({"minVersion": "TLSv1.1"}, "minVersion must be TLSv1.2 or TLSv1.3"),
        ({"maxVersion": 1.3}, "maxVersion must be TLSv1.2 or TLSv1.3"),
        ({"minVersion": ["TLSv1.3"]}, "minVersion must be TLSv1.2 or TLSv1.3"),
        ({"minVersion": "TLSv1.3", "maxVersion": "TLSv1.2"}, "minVersion is above maxVersion"),
        ({"requestCert": "yes"}, "requestCert must be true or false, without quotes"),
        ({"rejectUnauthorized": 0}, "rejectUnauthorized must be true or false"),
        ({"ciphers": ["A"]}, "ciphers must be one text"),
        ({"ciphers": "A B"}, "as in ECDHE+AESGCM"),
        ({"ecdhCurve": ""}, "ecdhCurve must be one text"),
        ({"ca": "clients.pem"}, "ca must be the absolute path"),
        ({"ca": []}, "ca is an empty list"),
        ({"crl": [1]}, "crl must be the absolute path"),
    ],
)
def test_impossible_options_are_refused(given: dict[t.Any, t.Any], message: str) -> None:
    with pytest.raises(TlsOptionError, match=f"nodered_https_options: .*{message.replace('+', '.')}"):
        tls_options(given)


def test_client_certificates_need_an_authority() -> None:
    with pytest.raises(SettingsOptionError, match="requestCert without ca would let in"):
        edited("", https_options={"requestCert": True})
    edited("https: {key: 1, cert: 2, ca: x},", https_options={"requestCert": True})
    edited("", https_options={"requestCert": True, "ca": "/x"})


@pytest.mark.parametrize("nothing", ["undefined", "void 0", "null", "false", "''", "``", "0"])
def test_no_value_is_no_authority(nothing: str) -> None:
    for given in ({"requestCert": True}, {"requestCert": True, "ca": None}):
        with pytest.raises(SettingsOptionError, match="requestCert without ca would let in"):
            edited(f"https: {{key: 1, cert: 2, ca: {nothing}}},", https_options=given)


def test_an_authority_that_clients_need_stays() -> None:
    with pytest.raises(SettingsOptionError, match="requestCert without ca would let in"):
        edited("https: {key: 1, cert: 2, ca: x, requestCert: true},", https_options={"ca": None})


@pytest.mark.parametrize("rejects", ["false", "null", "0", "''"])
def test_an_open_door_of_the_file_is_told(rejects: str) -> None:
    https = f"https: {{key: 1, cert: 2, ca: x, rejectUnauthorized: {rejects}}},"
    _text, notes = edited(https, lasting=True, https_options={"requestCert": True})
    assert notes == [
        f"line 2: rejectUnauthorized of https is {rejects}, so that everybody is still let in, with any certificate or"
        " none. Write rejectUnauthorized: true in nodered_https_options to let in only clients whose certificate is of an"
        " authority in ca."
    ]
    _text, notes = edited(https, https_options={"requestCert": True, "rejectUnauthorized": True})
    assert notes == []


@pytest.mark.parametrize("rejects", ["true", "undefined", "strict"])
def test_a_door_that_is_not_open_is_not_told(rejects: str) -> None:
    https = f"https: {{key: 1, cert: 2, ca: x, rejectUnauthorized: {rejects}}},"
    assert edited(https, https_options={"requestCert": True})[1] == []


def test_the_last_option_goes_and_its_comments_stay() -> None:
    text, _notes = edited("https: {cert: 1, /* ours */ key: 2, ciphers: 'A'},", https_options={"ciphers": None})
    assert "return {cert: pem, /* ours */ key: pem};" in text


def test_a_comment_like_the_template_stays() -> None:
    comment = '// was: const pem = "server.pem"; return { key: pem, cert: pem };'
    text, _notes = edited(
        f"https: function() {{\n        {comment}\n        return {{ key: 1, cert: 2, ca: pem }};\n    }},"
    )
    assert f"        {comment}\n        return {{ key: pem2, cert: pem2, ca: pem }};" in text


def test_a_name_that_no_terminal_shows_is_told() -> None:
    with pytest.raises(SettingsError, match=r"`\\ud800` of https cannot be kept") as refused:
        edited(r"https: { key: 1, cert: 2, '\ud800': this.x },")
    str(refused.value).encode("utf-8")


@pytest.mark.slow
@pytest.mark.parametrize("value", ["fs.x", "parts.x#.y", "(a#)", "{ x: a# }", "fs.x || a#"])
def test_many_options_take_time_in_proportion(value: str) -> None:
    def taken(count: int) -> t.Callable[[], object]:
        before = "".join(f"const a{index} = parts.b{index};\n" for index in range(count))
        options = "".join(f"o{index}: {value.replace('#', str(index))}, " for index in range(count))
        behind = "".join(f"keep(parts.c{index}, fs.y);\n" for index in range(count))
        source = (
            f"const fs = require('fs'), parts = {{}};\n{before}module.exports = {{ https: {{ {options} }} }};\n{behind}"
        )
        desired = DesiredSettings.from_options(make_options(https=True), "/")
        return lambda: apply_settings(desired, SettingsDocument(source.encode()))

    assert times_as_long(taken(800), taken(100)) < 24


@pytest.mark.slow
def test_many_names_that_https_may_be_take_no_time_of_their_own() -> None:
    names = "||".join(f"x{index}" for index in range(80))
    source = f"var z = [{'a,' * 10_000}];\nmodule.exports = {{ https: {names} }};\n".encode()
    desired = DesiredSettings.from_options(make_options(https=True), "/")

    def refused() -> None:
        with pytest.raises(SettingsError, match="https is code here"):
            apply_settings(desired, SettingsDocument(source))

    assert times_as_long(refused, lambda: SettingsDocument(source)) < 4


def test_without_a_certificate_of_ours_options_have_no_effect() -> None:
    with pytest.raises(SettingsOptionError, match="nodered_certificate_provider is none"):
        DesiredSettings.from_options(make_options(https_options={"minVersion": "TLSv1.3"}), "/")
