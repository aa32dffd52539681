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


def edited(https: str, interval: str = INTERVAL, **given: t.Any) -> tuple[str, list[str]]:
    """The members of a file behind an edit, and what is told of it."""
    document = SettingsDocument(f"module.exports = {{\n    {https}\n{interval}}}\n".encode())
    applied = apply_settings(DesiredSettings.from_options(make_options(https=True, **given), "/"), document)
    text = document.source.decode()
    again = SettingsDocument(document.source)
    told = apply_settings(DesiredSettings.from_options(make_options(https=True, **given), "/"), again)
    assert (again.source, told.notes) == (document.source, [])
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


def test_without_a_certificate_of_ours_options_have_no_effect() -> None:
    with pytest.raises(SettingsOptionError, match="nodered_certificate_provider is none"):
        DesiredSettings.from_options(make_options(https_options={"minVersion": "TLSv1.3"}), "/")
