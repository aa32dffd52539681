# Copyright (c) 2026, the pifleet.nodered maintainers
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A former settings.js, with a secret that decrypts the credentials of today: those were never replaced by former ones."""

from __future__ import annotations

import dataclasses
import typing as t

from ansible_collections.pifleet.nodered.plugins.plugin_utils._javascript.parser import SettingsError
from ansible_collections.pifleet.nodered.plugins.plugin_utils._javascript.values import Expression
from ansible_collections.pifleet.nodered.plugins.plugin_utils._settings.document import SettingsDocument

from .analysis import CredentialsError, Status, analyse

_KEY = ("credentialSecret",)
#: Of a settings file that is not there, or that somebody has damaged.
_NOT_KNOWN = object()


@dataclasses.dataclass(frozen=True)
class RestoredSettings:
    """What settings.js is to be."""

    content: bytes = dataclasses.field(repr=False)
    #: Whether it has the secret of today in place of its own.
    keeps_secret: bool = False


def restored_settings(
    state: t.Mapping[str, t.Any], present: bytes | None, former: bytes, changes_environment: bool
) -> RestoredSettings:
    """The settings file of a former state, with which no credentials are lost.

    :param state: what the module host_info returned
    :param present: the settings file as it is
    :param former: as it was
    :param changes_environment: whether the variables of the service become former ones, too
    :raises CredentialsError: Node-RED could not decrypt its credentials, or that cannot be told
    :raises SettingsError: the former file cannot be read
    """
    document = SettingsDocument(former)
    of_then, of_today = document.get(_KEY), _secret_of(present)
    holds = any(not file["empty"] for file in (state["credentials"] or {}).get("files", ()))
    if not holds or (of_then == of_today and not (changes_environment and isinstance(of_then, Expression))):
        return RestoredSettings(former)
    if _reads(state, document):
        return RestoredSettings(former)
    if isinstance(of_today, str):
        document.set(_KEY, of_today)
        if _reads(state, document):
            return RestoredSettings(document.source, keeps_secret=True)
    raise CredentialsError(
        "With credentialSecret as it was in that state, Node-RED could not decrypt the credentials of its flows, or it cannot"
        " be told whether it could; the next deploy would overwrite them with nothing. Set nodered_credential_secret and run"
        " pifleet.nodered.secure, which encrypts them anew, and bring that state back then."
    )


def _secret_of(settings: bytes | None) -> t.Any:
    try:
        return _NOT_KNOWN if settings is None else SettingsDocument(settings).get(_KEY)
    except SettingsError:
        return _NOT_KNOWN


def _reads(state: t.Mapping[str, t.Any], document: SettingsDocument) -> bool:
    return analyse(state, document).status in (Status.READABLE, Status.NONE)
