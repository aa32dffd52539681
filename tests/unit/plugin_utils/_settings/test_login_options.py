# Copyright (c) 2026, the pifleet.nodered maintainers
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What may be asked for of the login page beside its users."""

from __future__ import annotations

import typing as t

import pytest
from settings_options import make_options

from ansible_collections.pifleet.nodered.plugins.plugin_utils._errors import UserError
from ansible_collections.pifleet.nodered.plugins.plugin_utils._settings.login_options import (
    LoginOptions,
    check_others,
)


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"node_open": ["/*"]}, "nodered_node_open: /\\* would open everything"),
        ({"node_open": ["health"]}, "nodered_node_open: the path 'health' must be a text that begins with a slash"),
        ({"node_open": ["/webhook/../x"]}, "nodered_node_open: the path '/webhook/../x' is not plain"),
        ({"node_open": ["/a%2fb"]}, "is not plain"),
        ({"node_open": ["//*"]}, "is not plain"),
        ({"node_open": ["/a//b"]}, "is not plain"),
        ({"node_open": ["/w*"]}, "nodered_node_open: the path /w\\* has a star elsewhere"),
        ({"node_open": ["/w/*/x"]}, "has a star elsewhere"),
        ({"node_session_expiry": 0}, "nodered_node_session_expiry must be a positive number"),
        ({"node_title": "a\nb"}, "nodered_node_title must be one line"),
        ({"node_title": "x" * 65}, "nodered_node_title must be one line"),
        ({"trusted_proxies": ["proxy.local"]}, "nodered_trusted_proxies: 'proxy.local' is no IP address"),
        ({"trusted_proxies": ["10.0.0.0/8"]}, "nodered_trusted_proxies: '10.0.0.0/8' is no IP address"),
        ({"trusted_proxies": [1]}, "nodered_trusted_proxies: 1 is no IP address"),
    ],
)
def test_what_cannot_be_is_refused_with_and_without_users(given: dict[str, t.Any], words: str) -> None:
    with pytest.raises(UserError, match=words):
        LoginOptions.from_options(make_options(node_users=[{"username": "a", "password": "x"}], **given))
    with pytest.raises(UserError, match=words):
        check_others(make_options(**given))


def test_what_can_be() -> None:
    given = {
        "node_users": [{"username": "a", "password": "x"}],
        "node_open": ["/", "/health", "/webhook/*", "/a.b/c~d"],
        "node_title": "Küche",
        "trusted_proxies": ["127.0.0.1", "fd00:0::1"],
    }
    options = LoginOptions.from_options(make_options(**given))
    assert options.open == given["node_open"]
    assert (options.title, options.trusted_proxies) == ("Küche", ["127.0.0.1", "fd00::1"])
    assert options.cookie_path == "/"
    assert options.session_expiry == 7 * 24 * 3600


@pytest.mark.parametrize(
    ("asked", "trusted"), [([], ["127.0.0.1"]), (["127.0.0.1"], ["127.0.0.1"]), (["::1"], ["::1", "127.0.0.1"])]
)
def test_the_nginx_of_the_host_is_trusted(asked: list[str], trusted: list[str]) -> None:
    given = {"node_users": [{"username": "a", "password": "x"}], "trusted_proxies": asked, "proxy_path": "/kitchen"}
    options = LoginOptions.from_options(make_options(**given))
    assert options.trusted_proxies == trusted
    # Browsers send it to no other Node-RED of the name.
    assert options.cookie_path == "/kitchen"
