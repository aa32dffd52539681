# Copyright (c) 2026, the pifleet.nodered maintainers
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Edits of settings files for the tests, in one call each, and files that they start from."""

from __future__ import annotations

import typing as t
from textwrap import dedent

import pytest

from ansible_collections.pifleet.nodered.plugins.plugin_utils._javascript.parser import SettingsError
from ansible_collections.pifleet.nodered.plugins.plugin_utils._settings.document import SettingsDocument

#: A key as the tuple of those that lead to it.
KeyPath = tuple[str, ...]


def document_after(source: bytes, *edits: tuple[t.Any, ...]) -> SettingsDocument:
    """The document after edits, each a method of it with its arguments."""
    document = SettingsDocument(source)
    for method, *arguments in edits:
        getattr(document, method)(*arguments)
    return document


def edited(source: str, *edits: tuple[t.Any, ...]) -> str:
    return document_after(source.encode("utf-8"), *edits).source.decode("utf-8")


def after_set(source: str, path: str | KeyPath, value: object) -> str:
    return edited(source, ("set", path, value))


def refusal(source: str | bytes, *edits: tuple[t.Any, ...]) -> SettingsError:
    content = source.encode("utf-8") if isinstance(source, str) else source
    with pytest.raises(SettingsError) as caught:
        document_after(content, *edits)
    assert str(caught.value) == (f"line {caught.value.line}: " if caught.value.line else "") + caught.value.message
    return caught.value


def get(source: str, path: str | KeyPath) -> t.Any:
    return SettingsDocument(source.encode("utf-8")).get(path)


AUTH = {"type": "credentials", "users": [{"username": "admin", "password": "$2b$08$x", "permissions": "*"}]}

# The shapes of the file that Node-RED ships: banners, examples in two spellings, an example per key or two.
STOCK = dedent("""\
    /** Settings.
     *    adminAuth: { not: "here" }
     **/

    module.exports = {

    /*******************
     * Security
     *  - adminAuth: see below
     *******************/

        /** The file with the flows. */
        flowFile: 'flows.json',

        /** Who may log in: https://nodered.org/docs/security.html */
        //adminAuth: {
        //    type: "credentials",
        //    users: [{
        //        username: "admin", // don't forget: }
        //        password: "$2a$08$zZ",
        //        permissions: "*"
        //    }]
        //},

        /** Option 1 */
        //https: {
        //  key: require("fs").readFileSync('privkey.pem')
        //},

        /** Option 2 */
        // https: function() {
        //     return {
        //         key: require("fs").readFileSync('privkey.pem')
        //     }
        // },

        //httpsRefreshInterval : 12,
        //requireHttps: true

        //httpNodeAuth: {user:"user",pass:"$2a$08$zZ"},
        //httpStaticAuth: {user:"user",pass:"$2a$08$zZ"},

        uiPort: process.env.PORT || 1880,

        externalModules: {
            // autoInstall: false,   /** install what's missing */
            // palette: {              /** the Palette Manager { */
            //     allowInstall: true, /** it's here */
            //     allowList: ['*']
            // },
            // modules: {
            //     allowInstall: true
            // }
        },
        functionExternalModules: true,

        //webSocketNodeVerifyClient: function(info) {
        //    /** 'info' has two properties:
        //    *   - origin : the Origin header
        //    *   - secure : true if encrypted
        //    */
        //},

        // nodeDefaults: {
        //     "debug": {}
        // }
    }""")
USERS = dedent("""\
    module.exports = {
        adminAuth: {
            // who may log in
            type: 'credentials',
            users: [{
                // the boss
                username: 'admin', // name
                password: 'old',
                permissions: '*',
                token: 'abc'
            }, {
                username: 'bob',
                password: 'x',
                permissions: 'read'
            },
            // added later
            {
                username: 'carol',
                password: 'y',
                permissions: ['flows.read', 'nodes.read']
            }],
            default: { permissions: 'read' } // anonymous
        },
        a: 1
    }
    """)
