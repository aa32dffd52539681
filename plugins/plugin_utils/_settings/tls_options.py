# Copyright (c) 2026, the pifleet.nodered maintainers
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The TLS options that an inventory asks for (`nodered_https_options`): checked, and as the code that settings.js gets."""

from __future__ import annotations

import re
import typing as t
from collections.abc import Callable, Mapping

from ansible_collections.pifleet.nodered.plugins.plugin_utils._errors import UserError
from ansible_collections.pifleet.nodered.plugins.plugin_utils._javascript.rendering import Style, render
from ansible_collections.pifleet.nodered.plugins.plugin_utils._javascript.values import Expression

VARIABLE = "nodered_https_options"
#: What decides on the key and the certificate, which this collection brings.
OF_CERTIFICATE = ("key", "cert", "pfx", "passphrase", "privateKeyEngine", "privateKeyIdentifier")

_PROTOCOLS = ("TLSv1.2", "TLSv1.3")
#: Names that OpenSSL knows, in its own lists: `ECDHE+AESGCM:!aNULL`, `P-256:X25519`, `ECDSA+SHA256`.
_LIST = re.compile(r"[A-Za-z0-9_.:+!@=-]{1,2000}")


class TlsOptionError(UserError):
    """An option that Node.js would not take, or that has a variable of its own, in a sentence that names the variable."""


def tls_options(given: Mapping[t.Any, t.Any]) -> dict[str, t.Any]:
    """The members that `https` gets, by their names; None for one that it must not have.

    :param given: the value of the variable
    :raises TlsOptionError: an option is unknown, or has no possible value
    """
    options = {}
    for name, value in given.items():
        if name in OF_CERTIFICATE:
            raise TlsOptionError(
                f"{VARIABLE}: {name} comes from the certificate, which nodered_certificate_provider decides on (file takes"
                " one of your own, with nodered_certificate_chain and nodered_certificate_key). Remove it."
            )
        reader = _READERS.get(name)
        if reader is None:
            raise TlsOptionError(
                f"{VARIABLE}: {name!r} is unknown. Known are {', '.join(_READERS)}; any other option can stand in https of"
                " settings.js, where it is kept."
            )
        options[name] = None if value is None else reader(name, value)
    if options.get("minVersion") == "TLSv1.3" and options.get("maxVersion") == "TLSv1.2":
        raise TlsOptionError(f"{VARIABLE}: minVersion is above maxVersion, so that nobody could connect. Correct it.")
    return options


def _protocol(name: str, value: t.Any) -> str:
    if value not in _PROTOCOLS:
        raise TlsOptionError(
            f"{VARIABLE}: {name} must be TLSv1.2 or TLSv1.3; older ones have been deprecated since 2021 (RFC 8996)."
        )
    return str(value)


def _switch(name: str, value: t.Any) -> bool:
    if not isinstance(value, bool):
        raise TlsOptionError(f"{VARIABLE}: {name} must be true or false, without quotes.")
    return value


def _names(name: str, value: t.Any) -> str:
    if not isinstance(value, str) or not _LIST.fullmatch(value):
        raise TlsOptionError(
            f"{VARIABLE}: {name} must be one text as OpenSSL takes it, with colons between the names, as in"
            f" {_EXAMPLES[name]}."
        )
    return str(value)


def _files(name: str, value: t.Any) -> Expression:
    """Code that reads a file of the host, or several; each time, so that a replaced one counts at the next start."""
    paths = value if isinstance(value, list) else [value]
    for path in paths:
        if not isinstance(path, str) or not path.startswith("/") or "\0" in path:
            raise TlsOptionError(
                f"{VARIABLE}: {name} must be the absolute path of a file on the host with certificates in PEM, or a list"
                " of such paths. Node-RED reads it as its own user."
            )
    if not paths:
        raise TlsOptionError(f"{VARIABLE}: {name} is an empty list. Name a file, or leave it out.")
    calls = [f'require("fs").readFileSync({render(path, Style())})' for path in paths]
    return Expression(calls[0] if len(calls) == 1 else f"[{', '.join(calls)}]")


_EXAMPLES = {
    "ciphers": "ECDHE+AESGCM:ECDHE+CHACHA20",
    "ecdhCurve": "X25519:P-256",
    "sigalgs": "ECDSA+SHA256:RSA-PSS+SHA256",
}

_READERS: dict[str, Callable[[str, t.Any], t.Any]] = {
    "minVersion": _protocol,
    "maxVersion": _protocol,
    "ciphers": _names,
    "ecdhCurve": _names,
    "sigalgs": _names,
    "honorCipherOrder": _switch,
    "requestCert": _switch,
    "rejectUnauthorized": _switch,
    "ca": _files,
    "crl": _files,
}
