# Copyright (c) 2026, the pifleet.nodered maintainers
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the roles' variables mean to this collection's modules: one place for `preflight`, `validate` and the tests.

The tasks of the roles say the same as templates, so that each role can be read and used alone; a test compares the two.
"""

from __future__ import annotations

import typing as t

#: Which Node-RED of a host is meant.
_PLACE = {
    "user": "nodered_user",
    "user_dir": "nodered_user_dir",
    "settings_path": "nodered_settings_path",
}

#: Options by module that have the value of a variable, whatever that is.
ALWAYS: dict[str, dict[str, str]] = {
    "certificate": {
        "service": "nodered_service",
        "provider": "nodered_certificate_provider",
        "proxy": "nodered_proxy",
        "proxy_ports": "nodered_proxy_ports",
        "names": "nodered_certificate_names",
        "new_key": "nodered_certificate_new_key",
        "days": "nodered_certificate_days",
        "renew_before": "nodered_certificate_renew_before",
        "ca_dir": "nodered_ca_dir",
        "ca_new": "nodered_ca_new",
        "ca_permitted": "nodered_ca_permitted",
        "acme_directory": "nodered_acme_directory",
        "acme_challenge": "nodered_acme_challenge",
        "acme_options": "nodered_acme_options",
    },
    "settings": {
        "service": "nodered_service",
        "admin_auth": "nodered_admin_auth",
        "admin_users": "nodered_admin_users",
        "admin_read_only": "nodered_admin_read_only",
        "node_users": "nodered_node_users",
        "node_open": "nodered_node_open",
        "node_session_expiry": "nodered_node_session_expiry",
        "oidc": "nodered_oidc",
        "trusted_proxies": "nodered_trusted_proxies",
        "new_hashes": "nodered_new_hashes",
        "https_options": "nodered_https_options",
        "values": "nodered_settings",
        "expressions": "nodered_settings_js",
        "absent": "nodered_settings_absent",
        "purge": "nodered_settings_purge",
        "load_timeout": "nodered_start_timeout",
    },
    "proxy": {
        "service": "nodered_service",
        "proxy": "nodered_proxy",
        "path": "nodered_proxy_path",
        "names": "nodered_proxy_names",
        "ports": "nodered_proxy_ports",
        "hsts": "nodered_proxy_hsts",
        "others": "nodered_proxy_others",
        "provider": "nodered_certificate_provider",
        "ca_dir": "nodered_ca_dir",
    },
    "restart": {
        "service": "nodered_service",
        "proxy": "nodered_proxy",
        "admin_users": "nodered_admin_users",
        "node_users": "nodered_node_users",
        "oidc": "nodered_oidc",
        "prove_login": "nodered_prove_login",
        "revoke": "nodered_revoke_sessions",
        "environment": "nodered_environment",
        "umask": "nodered_umask",
        "timeout": "nodered_start_timeout",
        "watch_minutes": "nodered_watch_minutes",
        "keep_states": "nodered_keep_states",
    },
}

#: Options by module that are left out where their variable is empty.
UNLESS_EMPTY: dict[str, dict[str, str]] = {
    "certificate": {
        **_PLACE,
        "key_type": "nodered_certificate_key_type",
        "ca_key_type": "nodered_ca_key_type",
        "ca_passphrase": "nodered_ca_passphrase",
        "ca_certificate": "nodered_ca_certificate",
        "ca_key": "nodered_ca_key",
        "chain": "nodered_certificate_chain",
        "key": "nodered_certificate_key",
        "key_passphrase": "nodered_certificate_key_passphrase",
        "host_key": "nodered_certificate_host_key",
        "host_chain": "nodered_certificate_host_chain",
        "acme_email": "nodered_acme_email",
        "acme_webroot": "nodered_acme_webroot",
        "acme_credentials": "nodered_acme_credentials",
    },
    "settings": {
        **_PLACE,
        "admin_default_permissions": "nodered_admin_default_permissions",
        "session_expiry": "nodered_session_expiry",
        "node_auth": "nodered_node_auth",
        "node_title": "nodered_node_title",
        "static": "nodered_static",
        "static_auth": "nodered_static_auth",
        "credential_secret": "nodered_credential_secret",
    },
    "proxy": {
        **_PLACE,
        "include": "nodered_proxy_include",
        "ca_certificate": "nodered_ca_certificate",
    },
    "restart": {**_PLACE},
}

#: Options by module that have the value of one key of a variable, and are left out where it has no such key.
OF_KEY: dict[str, dict[str, tuple[str, str]]] = {
    "proxy": {"port": ("nodered_settings", "uiPort")},
    "restart": {"port": ("nodered_settings", "uiPort")},
}

#: The modules that have the option `https`: whether the certificate has a provider, and Node-RED itself shows it.
_WITH_HTTPS = ("settings", "restart")


def variables_of(module: str) -> dict[str, str]:
    """The variable that each option of a module comes from.

    :param module: certificate, settings, proxy or restart
    """
    https = {"https": "nodered_certificate_provider"} if module in _WITH_HTTPS else {}
    if module == "settings":
        https |= {"https_absent": "nodered_certificate_provider", "proxy_path": "nodered_proxy_path"}
    of_key = {option: name for option, (name, _key) in OF_KEY.get(module, {}).items()}
    return {**ALWAYS[module], **UNLESS_EMPTY[module], **of_key, **https}


def module_options(module: str, variables: t.Mapping[str, t.Any]) -> dict[str, t.Any]:
    """The options that a role gives to a module, from the values of all variables that the role takes.

    :param module: certificate, settings, proxy or restart
    """
    options = {option: variables[name] for option, name in ALWAYS[module].items()}
    options |= {option: variables[name] for option, name in UNLESS_EMPTY[module].items() if variables[name]}
    for option, (name, key) in OF_KEY.get(module, {}).items():
        # What validate is given may have any type; a value that is none of the option's is refused as one of the variable.
        value = variables[name].get(key) if isinstance(variables[name], t.Mapping) else None
        if isinstance(value, (int, str)) and not isinstance(value, bool) and str(value).isdecimal():
            options[option] = int(value)
    if module in _WITH_HTTPS:
        options["https"] = variables["nodered_certificate_provider"] != "none" and variables["nodered_proxy"] == "none"
    if module == "settings":
        has_proxy = variables["nodered_proxy"] != "none"
        options["https_absent"] = variables["nodered_certificate_provider"] == "none" and not has_proxy
        if has_proxy:
            options["proxy_path"] = variables["nodered_proxy_path"]
    return options
