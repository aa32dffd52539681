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


def recovery(found: Credentials, evidence: Mapping[str, t.Any], desired: str | None) -> Recovery | None:
    """How the credentials come back; None where nothing is wrong with them.

    A file that is there, holds something and can be read with any secret is kept; a copy takes its place only else.

    :param found: see `judge`
    :param evidence: what the module host_credentials returned
    :param wished: the variable, or None; with it the credentials are encrypted with that one at once
    :raises CredentialsError: nothing fits, or the host is one that cannot be judged
    """
    if found.status is Status.UNKNOWN:
        raise CredentialsError(f"The credentials cannot be judged: {found.reason}. Nothing was changed.")
    if found.status is Status.READABLE:
        return None
    known = _known(found, evidence, desired)
    present = {file.name: file for file in found.files}
    names = list(present) if found.path is None else [os.path.basename(found.path)]
    sources = [use for name in names if (use := _secret_source(name, present.get(name), evidence["copies"], known))]
    if found.status is Status.NONE and not sources:
        return None
    unreadable = sorted({file.name for file in found.files if not file.empty} - {use.name for use in sources})
    if unreadable:
        raise CredentialsError(_nothing_fits(found, unreadable, evidence, desired))
    keys = list(dict.fromkeys(use.key for use in sources if use.key is not None))
    present_secret = found.secret if isinstance(found.secret, str) else None
    secret = desired or (present_secret if present_secret in keys else None) or (keys[0] if keys else present_secret)
    return Recovery(
        secret if secret != found.secret else None,
        {
            "secret": secret,
            "keys": [key for key in keys if key != secret],
            "required": [use.name for use in sources],
            "sources": {use.name: {key: use.copy[key] for key in ("path", "in_store")} for use in sources if use.copy},
        },
        tuple(_messages(found, sources, known, secret, desired)),
    )


def _known(found: Credentials, evidence: Mapping[str, t.Any], desired: str | None) -> dict[str, str]:
    """Every secret that may fit, with the place where it was found; the likely ones first."""
    candidates: list[tuple[str | None, str]] = [
        (found.secret if isinstance(found.secret, str) else None, "credentialSecret in settings.js"),
        (found.generated, f"the key in {found.generated_file}"),
        (desired, VARIABLE),
        *((key, "an interrupted run") for key in found.pending),
        *((_value(entry["literal"]), entry["origin"]) for entry in evidence["literals"]),
        *((entry["secret"], entry["origin"]) for entry in evidence["secrets"]),
    ]
    known: dict[str, str] = {}
    for secret, origin in candidates:
        if secret is not None:
            known.setdefault(secret, origin)
    return known


def _value(literal: str) -> str | None:
    """The text that a string literal of JavaScript stands for."""
    try:
        value = SettingsDocument(f"module.exports = {{ text: {literal} }}\n".encode()).get(("text",))
    except SettingsError:
        return None
    return value if isinstance(value, str) else None


def _secret_source(
    name: str, file: CredentialsFile | None, copies: Iterable[Mapping[str, t.Any]], known: Iterable[str]
) -> _SecretSource | None:
    for copy in (None, *copies):
        if copy is not None and copy["name"] != name:
            continue
        one = file if copy is None else CredentialsFile.of(copy)
        if one is None or one.empty:
            continue
        key = next((key for key in known if one.decrypts_with(key)), None)
        if key is not None or one.kind == "plain":
            return _SecretSource(name, key, copy)
    return None


def _messages(
    found: Credentials,
    sources: Iterable[_SecretSource],
    known: Mapping[str, str],
    secret: str | None,
    desired: str | None,
) -> Iterator[str]:
    for use in sources:
        origin = f"the secret of {known[use.key]} decrypts it" if use.key is not None else "it is not encrypted"
        if use.copy is None:
            yield f"{use.name} is good: {origin}."
        else:
            written = datetime.datetime.fromtimestamp(use.copy["modified"], datetime.UTC)
            yield f"{use.name} is put back from {use.copy['path']} of {written:%Y-%m-%d %H:%M} UTC: {origin}."
    if secret is not None and secret != found.secret:
        yield "settings.js gets that secret." if secret != desired else f"settings.js gets {VARIABLE}."
    if desired is not None and any(use.key != desired for use in sources):
        yield f"The credentials are encrypted anew with {VARIABLE}."
    if found.generated and secret is not None:
        yield f"The key that Node-RED has made itself goes from {found.generated_file}."
    if desired is None and secret is not None:
        yield (
            f"To keep the secret in the inventory, set {VARIABLE} to the value of credentialSecret in settings.js; another"
            " value would encrypt the credentials anew."
        )


def _nothing_fits(found: Credentials, names: Sequence[str], evidence: Mapping[str, t.Any], desired: str | None) -> str:
    paths = ", ".join(os.path.join(found.user_dir, name) for name in names)
    origins = list(dict.fromkeys(entry["origin"] for kind in ("literals", "secrets") for entry in evidence[kind]))
    places = [*([VARIABLE] if desired is not None else []), *origins]
    more = f" and {len(places) - _NAMED} more" if len(places) > _NAMED else ""
    looked = f" It was looked for in {', '.join(places[:_NAMED])}{more}." if places else ""
    wrong = (
        f" {VARIABLE} does not fit: write the secret they were encrypted with there, or leave it out."
        if desired
        else f" If you know it, set {VARIABLE} to it and run this again."
    )
    return (
        f"No secret was found that decrypts {paths}, and no good copy.{looked}{wrong} If the credentials are to be entered"
        f" anew, remove {paths} on the host. Nothing was changed."
    )
