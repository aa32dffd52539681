# Copyright (c) 2026, the pifleet.nodered maintainers
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""How lost credentials can be read again: with which secret, and from which copy where the file itself was overwritten.

No text here has a secret; the plan for the host does.
"""

from __future__ import annotations

import dataclasses
import datetime
import os
import typing as t
from collections.abc import Iterable, Iterator, Mapping, Sequence

from ansible_collections.pifleet.nodered.plugins.plugin_utils._javascript.parser import SettingsError
from ansible_collections.pifleet.nodered.plugins.plugin_utils._settings.document import SettingsDocument

from .analysis import Credentials, CredentialsError, CredentialsFile, Status

VARIABLE = "nodered_credential_secret"
#: How many places a message names.
_NAMED = 8


@dataclasses.dataclass(frozen=True)
class Recovery:
    """What has to be done so that Node-RED reads the credentials again."""

    #: What settings.js is to have; None leaves it as it is.
    secret: str | None = dataclasses.field(repr=False)
    #: What the host is to do, see module_utils/_reencryption.py.
    host_plan: dict[str, t.Any] = dataclasses.field(repr=False)
    #: What was found and what is done, in sentences.
    messages: tuple[str, ...]


@dataclasses.dataclass(frozen=True)
class _SecretSource:
    """Where the credentials of one file are taken from."""

    name: str
    key: str | None
    #: The copy that takes the file's place, as the host described it; None keeps the file.
    copy: Mapping[str, t.Any] | None


def recovery(credentials: Credentials, evidence: Mapping[str, t.Any], desired: str | None) -> Recovery | None:
    """How the credentials come back; None where nothing is wrong with them.

    A file that is there, holds something and can be read with any secret is kept; a copy takes its place only else.

    :param credentials: see `analyse`
    :param evidence: what the module host_credentials returned
    :param desired: the variable, or None; with it the credentials are encrypted with that one at once
    :raises CredentialsError: nothing fits, or the host is one that cannot be judged
    """
    if credentials.status is Status.UNKNOWN:
        raise CredentialsError(f"The credentials cannot be judged: {credentials.reason}. Nothing was changed.")
    if credentials.status is Status.READABLE:
        return None
    origins = _origins_of_secrets(credentials, evidence, desired)
    present = {file.name: file for file in credentials.files}
    names = list(present) if credentials.path is None else [os.path.basename(credentials.path)]
    sources = [
        source for name in names if (source := _secret_source(name, present.get(name), evidence["copies"], origins))
    ]
    if credentials.status is Status.NONE and not sources:
        return None
    unreadable = sorted(
        {file.name for file in credentials.files if not file.empty} - {source.name for source in sources}
    )
    if unreadable:
        raise CredentialsError(_nothing_fits(credentials, unreadable, evidence, desired))
    keys = list(dict.fromkeys(source.key for source in sources if source.key is not None))
    present_secret = credentials.secret if isinstance(credentials.secret, str) else None
    secret = desired or (present_secret if present_secret in keys else None) or (keys[0] if keys else present_secret)
    return Recovery(
        secret if secret != credentials.secret else None,
        {
            "secret": secret,
            "keys": [key for key in keys if key != secret],
            "required": [source.name for source in sources],
            "sources": {
                source.name: {key: source.copy[key] for key in ("path", "in_store")}
                for source in sources
                if source.copy
            },
        },
        tuple(_messages(credentials, sources, origins, secret, desired)),
    )


def _origins_of_secrets(credentials: Credentials, evidence: Mapping[str, t.Any], desired: str | None) -> dict[str, str]:
    """Every secret that may fit, with the place where it was found; the likely ones first."""
    candidates: list[tuple[str | None, str]] = [
        (credentials.secret if isinstance(credentials.secret, str) else None, "credentialSecret in settings.js"),
        (credentials.generated, f"the key in {credentials.generated_file}"),
        (desired, VARIABLE),
        *((key, "an interrupted run") for key in credentials.pending),
        *((_value(entry["literal"]), entry["origin"]) for entry in evidence["literals"]),
        *((entry["secret"], entry["origin"]) for entry in evidence["secrets"]),
    ]
    origins: dict[str, str] = {}
    for secret, origin in candidates:
        if secret is not None:
            origins.setdefault(secret, origin)
    return origins


def _value(literal: str) -> str | None:
    """The text that a string literal of JavaScript stands for."""
    try:
        value = SettingsDocument(f"module.exports = {{ text: {literal} }}\n".encode()).get(("text",))
    except SettingsError:
        return None
    return value if isinstance(value, str) else None


def _secret_source(
    name: str, file: CredentialsFile | None, copies: Iterable[Mapping[str, t.Any]], secrets: Iterable[str]
) -> _SecretSource | None:
    for copy in (None, *copies):
        if copy is not None and copy["name"] != name:
            continue
        one = file if copy is None else CredentialsFile.of(copy)
        if one is None or one.empty:
            continue
        key = next((key for key in secrets if one.decrypts_with(key)), None)
        if key is not None or one.kind == "plain":
            return _SecretSource(name, key, copy)
    return None


def _messages(
    credentials: Credentials,
    sources: Iterable[_SecretSource],
    origins: Mapping[str, str],
    secret: str | None,
    desired: str | None,
) -> Iterator[str]:
    for source in sources:
        origin = f"the secret of {origins[source.key]} decrypts it" if source.key is not None else "it is not encrypted"
        if source.copy is None:
            yield f"{source.name} is good: {origin}."
        else:
            written = datetime.datetime.fromtimestamp(source.copy["modified"], datetime.UTC)
            yield f"{source.name} is put back from {source.copy['path']} of {written:%Y-%m-%d %H:%M} UTC: {origin}."
    if secret is not None and secret != credentials.secret:
        yield "settings.js gets that secret." if secret != desired else f"settings.js gets {VARIABLE}."
    if desired is not None and any(source.key != desired for source in sources):
        yield f"The credentials are encrypted anew with {VARIABLE}."
    if credentials.generated and secret is not None:
        yield f"The key that Node-RED has made itself goes from {credentials.generated_file}."
    if desired is None and secret is not None:
        yield (
            f"To keep the secret in the inventory, set {VARIABLE} to the value of credentialSecret in settings.js; another"
            " value would encrypt the credentials anew."
        )


def _nothing_fits(
    credentials: Credentials, names: Sequence[str], evidence: Mapping[str, t.Any], desired: str | None
) -> str:
    paths = ", ".join(os.path.join(credentials.user_dir, name) for name in names)
    searched = list(dict.fromkeys(entry["origin"] for kind in ("literals", "secrets") for entry in evidence[kind]))
    all_searched = [*([VARIABLE] if desired is not None else []), *searched]
    more = f" and {len(all_searched) - _NAMED} more" if len(all_searched) > _NAMED else ""
    sentence = f" It was looked for in {', '.join(all_searched[:_NAMED])}{more}." if all_searched else ""
    advice = (
        f" {VARIABLE} does not fit: write the secret they were encrypted with there, or leave it out."
        if desired
        else f" If you know it, set {VARIABLE} to it and run this again."
    )
    return (
        f"No secret was found that decrypts {paths}, and no good copy.{sentence}{advice} If the credentials are to be entered"
        f" anew, remove {paths} on the host. Nothing was changed."
    )
