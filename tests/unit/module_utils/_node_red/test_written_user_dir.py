# Copyright (c) 2026, the pifleet.nodered maintainers
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The userDir in the text of a settings.js."""

from __future__ import annotations

import time

import pytest

from ansible_collections.pifleet.nodered.plugins.module_utils._node_red.written_user_dir import written_user_dir


@pytest.mark.parametrize(
    "text",
    [
        "module.exports = {\n    userDir: '/data',\n}",
        "const x = {userDir: '/b'};\nmodule.exports = { uiPort: 1880, 'userDir' : \"/data\" }; // userDir",
        "module.exports = { a: {userDir: '/b'}, /* userDir: '/c', */ userDir: '/data', b: [`{`, '}', \"{\"] }",
        "module.exports = { ...base, title: 'userDir', userDir: /* here */ '/data' }",
    ],
)
def test_the_key_of_what_is_exported(text: str) -> None:
    assert written_user_dir(text) == "/data"


@pytest.mark.parametrize(
    "text",
    [
        "",
        "module.exports =",
        "module.exports = {",
        "module.exports = {}",
        "userDir: '/data'",
        "module.exports = {\n  functionGlobalContext: {\n    userDir: '/data/other',\n  },\n}",
        "const settings = {\n  userDir: '/data',\n};\nmodule.exports = settings;",
        "module.exports = {\n  // userDir: '/data',\n}",
        "module.exports = { userDir: '/a' + b }",
        "module.exports = { userDir: process.env.DATA }",
        "module.exports = { userDir: `/data` }",
        "module.exports = { userDir: '/a\\x2fb' }",
        "module.exports = { userDir: '/a', userDir: '/b' }",
        "module.exports = { userDir: '/a', ...base }",
        "module.exports = { userDir: '/a', [name]: '/b' }",
        "module.exports = { userDir: '/a', get userDir() { return '/b' } }",
        "module.exports = { userDir: '/a' }; module.exports.userDir = '/b'",
        "module.exports = { userDir: '/a' }; module.exports = {}",
        "if (x) { module.exports = { userDir: '/a' } }",
        "module.exports = { a: /'/, userDir: '/a' /* ' */ }",
        "module.exports = { a: `${'`'}`, userDir: '/a' }",
        "module.exports = { userDir: '/a', b: '",
        "module.exports = { userDir",
        "module.exports = { userDir }",
        "module.exports = { userDir: }",
        "module.exports = { userDir:",
        "module.exports = { userDir: '/a'",
        "module.exports = { a: [ userDir: '/a' ] }",
    ],
)
def test_what_is_unclear_is_not_taken(text: str) -> None:
    assert written_user_dir(text) is None


@pytest.mark.parametrize("piece", ["/* ", "'", "`", "/*/ ", "`\\\\", "{", "a ", "userDir:'a',"])
def test_any_text_takes_linear_time(piece: str) -> None:
    started = time.process_time()
    written_user_dir("module.exports = {" + piece * ((1 << 20) // len(piece)))
    assert time.process_time() - started < 10
