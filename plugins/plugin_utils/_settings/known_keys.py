# Copyright (c) 2026, the pifleet.nodered maintainers
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The keys of settings.js that Node-RED 3.1, 4 and 5 read, to tell a misspelt one from somebody's own."""

from __future__ import annotations

import difflib

#: So alike that nobody gives a setting of his own such a name.
_ALIKE = 0.85
# fmt: off
_KEYS = frozenset(
    {
        "adminAuth", "apiMaxLength", "autoInstallModulesRetry", "contextStorage", "coreNodesDir",
        "credentialSecret", "credentialsFile", "dashboard", "debugMaxLength", "debugStatusLength",
        "debugUseColors", "diagnostics", "disableEditor", "editorTheme", "envVarExcludes", "execMaxBufferSize",
        "exportGlobalContextKeys", "externalModules", "fileWorkingDirectory", "flowFile", "flowFilePretty",
        "functionExternalModules", "functionGlobalContext", "functionTimeout", "globalFunctionTimeout",
        "httpAdminAuth", "httpAdminCookieOptions", "httpAdminCors", "httpAdminMiddleware", "httpAdminRoot",
        "httpAuth", "httpNodeAuth", "httpNodeCors", "httpNodeMiddleware", "httpNodeRoot", "httpRequestTimeout",
        "httpRequestTimingLog", "httpRoot", "httpServerOptions", "httpStatic", "httpStaticAuth",
        "httpStaticCors", "httpStaticRoot", "https", "httpsRefreshInterval", "inboundWebSocketTimeout",
        "instanceId", "lang", "logging", "mqttReconnectTime", "nodeCloseTimeout", "nodeDefaults",
        "nodeMessageBufferMaxLength", "nodesDir", "nodesExcludes", "nodesIncludes", "paletteCategories",
        "proxyOptions", "readOnly", "requireHttps", "runtimeMetricInterval", "runtimeState",
        "runtimeSyncDelivery", "safeMode", "serialReconnectTime", "settingsFile", "socketReconnectTime",
        "socketTimeout", "storageModule", "swaggerSettings", "tcpMsgQueueSize", "telemetry",
        "tlsConfigDisableLocalFiles", "ui", "uiHost", "uiPort", "userDir", "verbose", "webSocketKeepAliveTime",
        "webSocketNodeVerifyClient",
    }
)
_OF_EDITOR_THEME = frozenset(
    {
        "codeEditor", "deployButton", "header", "keymap", "languages", "login", "logout", "markdownEditor",
        "menu", "mermaid", "multiplayer", "page", "palette", "projects", "theme", "tours", "userMenu",
    }
)
# fmt: on
_IN_SMALL_LETTERS = frozenset(key.lower() for key in _KEYS)


def meant(key: str) -> str:
    """The key that is most likely meant by another one, with dots; empty where a key is known, or like none of them.

    :param key: such as ``httpNodeRoot`` or ``editorTheme.page.title``
    """
    first, *others = key.split(".")
    # What differs in the case of letters alone is refused by `DesiredSettings`.
    if first.lower() not in _IN_SMALL_LETTERS:
        return ".".join([alike[0], *others]) if (alike := difflib.get_close_matches(first, _KEYS, 1, _ALIKE)) else ""
    if first != "editorTheme" or not others or others[0] in _OF_EDITOR_THEME:
        return ""
    alike = difflib.get_close_matches(others[0], _OF_EDITOR_THEME, 1, _ALIKE)
    return ".".join([first, alike[0], *others[1:]]) if alike else ""
