# Copyright (c) 2026, the pifleet.nodered maintainers
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which key decrypts the credentials of flows, whether that is the one Node-RED takes, and how another one comes in.

Node-RED (runtime, nodes/credentials.js) takes the key that it has made itself as long as there is one, and credentialSecret
only else. With the wrong key it starts without credentials, and the next deploy overwrites them with nothing.

Nothing here but the plans for the host has a secret in its text.
"""

from __future__ import annotations

import base64
import codecs
import contextlib
import dataclasses
import enum
import hashlib
import json
import os
import re
import typing as t
from collections.abc import Mapping

from ansible_collections.pifleet.nodered.plugins.plugin_utils._collection.requirements import require
from ansible_collections.pifleet.nodered.plugins.plugin_utils._errors import UserError
from ansible_collections.pifleet.nodered.plugins.plugin_utils._javascript.values import Expression
from ansible_collections.pifleet.nodered.plugins.plugin_utils._settings.document import SettingsDocument
from ansible_collections.pifleet.nodered.plugins.plugin_utils._settings.sessions import kept_elsewhere
from ansible_collections.pifleet.nodered.plugins.plugin_utils._settings.source import MISSING

with contextlib.suppress(ImportError):  # require tells
    from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

#: How JSON.stringify begins an object whose first key may be cut off. Noise passes once in 2**16 where the set is empty,
#: and less than once in 2**35 where it is not.
_BEGINNING = re.compile(r'\{"(?:[^"\\\x00-\x1f]|\\.)*(?:"(?::[\[{"\-0-9tfn]|:?\Z)|\\?\Z)', re.DOTALL)


class CredentialsError(UserError):
    """Credentials that would be lost, or cannot be brought back, in a sentence that says what to do."""


class Status(enum.Enum):
    """What Node-RED makes of the credentials at its next start."""

    #: There are none, or an empty set.
    NONE = "none"
    READABLE = "readable"
    LOST = "lost"
    #: It cannot be told from here.
    UNKNOWN = "unknown"


@dataclasses.dataclass(frozen=True)
class CredentialsFile:
    """A file of credentials or a copy of one, as far as the host told of it."""

    name: str
    #: encrypted, plain or damaged.
    kind: str
    #: Whether it is known to hold nothing.
    empty: bool
    iv: bytes = dataclasses.field(default=b"", repr=False)
    head: bytes = dataclasses.field(default=b"", repr=False)
    #: Bytes of the whole set.
    size: int = 0

    @classmethod
    def of(cls, described: Mapping[str, t.Any]) -> CredentialsFile:
        return cls(
            described["name"],
            described["kind"],
            described["empty"],
            bytes.fromhex(described["iv"]),
            base64.b64decode(described["head"]),
            described["size"],
        )

    def decrypts_with(self, secret: str) -> bool:
        """Whether this secret decrypts it, judged by how the text begins."""
        if self.kind != "encrypted" or len(self.iv) != 16:
            return False
        key = hashlib.sha256(secret.encode("utf-8")).digest()
        decryptor = Cipher(algorithms.AES(key), modes.CTR(self.iv)).decryptor()
        return _is_object(decryptor.update(self.head) + decryptor.finalize(), self.size)


def _is_object(content: bytes, size: int) -> bool:
    """Whether bytes are, or begin, the JSON text of an object."""
    try:
        text = codecs.getincrementaldecoder("utf-8")().decode(content)
        return isinstance(json.loads(text), dict) if len(content) == size else bool(_BEGINNING.match(text))
    except ValueError:
        return False


@dataclasses.dataclass(frozen=True)
class Credentials:
    """The credentials of one Node-RED, and the keys that are there."""

    status: Status
    #: Why they are lost, or why nothing can be told, as a clause; else empty.
    reason: str = ""
    #: The file that Node-RED reads, with its folder; None where that cannot be told.
    path: str | None = None
    user_dir: str = ""
    #: What is there of that file, or every file that it may be.
    files: tuple[CredentialsFile, ...] = ()
    #: credentialSecret in settings.js: a text, False, or None where there is none.
    secret: str | bool | None = dataclasses.field(default=None, repr=False)
    #: The key that Node-RED has made itself, and where that is kept.
    generated: str | None = dataclasses.field(default=None, repr=False)
    generated_file: str = ""
    #: Keys that an open transaction is to encrypt anew from.
    pending: tuple[str, ...] = dataclasses.field(default=(), repr=False)

    @property
    def key(self) -> str | None:
        """The secret that Node-RED decrypts with."""
        return self.generated or (self.secret if isinstance(self.secret, str) else None)

    @property
    def warning(self) -> str:
        """What the owner of lost credentials must know, else the empty text."""
        if self.status is not Status.LOST:
            return ""
        return (
            f"Node-RED cannot decrypt the credentials of its flows: {self.reason}. The flows run without them, and a deploy"
            " in the editor would overwrite them with nothing. Do not deploy; run pifleet.nodered.restore, which looks for"
            " the secret they were encrypted with, or set nodered_credential_secret to it."
        )


def analyse(state: Mapping[str, t.Any], document: SettingsDocument) -> Credentials:
    """What becomes of the credentials of a host as it is.

    :param state: what `host_info` returned
    :param document: the host's settings.js, not yet edited
    :raises PkiError: cryptography is missing or too old
    """
    require("cryptography")
    read = state["credentials"]
    reason = _why_unknown(state, document)
    if reason:
        return Credentials(Status.UNKNOWN, reason)
    name = _file_name(state, document)
    files = tuple(CredentialsFile.of(file) for file in read["files"] if name in (None, file["name"]))
    if name is not None and not name.endswith(".json"):
        return Credentials(Status.UNKNOWN, f"the credentials are in {name}, which was not read")
    secret = document.get(("credentialSecret",))
    made = read["generated"] or {}
    user_dir = state["user_dir"]["path"]
    credentials = Credentials(
        Status.NONE,
        path=name and os.path.join(user_dir, name),
        user_dir=user_dir,
        files=files,
        secret=secret if isinstance(secret, str) or secret is False else None,
        generated=made.get("secret"),
        generated_file=made.get("file", ""),
        pending=tuple(read["pending"]),
    )
    holding = [file for file in files if not file.empty]
    lost = [file for file in holding if not _is_read(credentials, file)]
    if not lost:
        return dataclasses.replace(credentials, status=Status.READABLE if holding else Status.NONE)
    if len(lost) < len(holding):
        # An old file that nobody needs, or the one that counts.
        names = ", ".join(file.name for file in lost)
        return Credentials(
            Status.UNKNOWN,
            f"flowFile is code, so it cannot be told whether Node-RED reads {names}, which it could not decrypt",
        )
    return dataclasses.replace(credentials, status=Status.LOST, reason=_why_lost(credentials, lost[0]))


def _is_same_directory(written: str, path: str) -> bool:
    """Whether a userDir of settings.js is a path; the host has resolved one that is relative."""
    return not os.path.isabs(written) or os.path.normpath(written) == os.path.normpath(path)


def _why_unknown(state: Mapping[str, t.Any], document: SettingsDocument) -> str:
    if state["credentials"] is None:
        return "there is no user who runs Node-RED"
    if state["settings"]["in_use"] is False:
        return "the service loads another settings file"
    if state["credentials"]["project"]:
        return "a project is active, which has a key of its own"
    for override in state["overrides"]:
        if override["by"].startswith("-D") and override["path"][:1] in ([], ["credentialSecret"], ["userDir"]):
            return f"{override['by']} of the service may set the key"
    if kept_elsewhere(document):
        return "a storageModule keeps them, not a file of Node-RED's"
    if isinstance(document.get(("credentialSecret",)), Expression):
        return "credentialSecret is code"
    user_dir = document.get(("userDir",))
    given = any(override["by"] == "--userDir" for override in state["overrides"])
    if (
        user_dir
        and user_dir is not MISSING
        and not given
        and (not isinstance(user_dir, str) or not _is_same_directory(user_dir, state["user_dir"]["path"]))
    ):
        return "settings.js names another userDir"
    return ""


def flow_file(state: Mapping[str, t.Any], document: SettingsDocument) -> str | None:
    """The name of the file of flows, without a directory; None where only code tells.

    :param state: what the module host_info returned
    """
    overridden = any(
        override["path"][:1] == ["flowFile"] and override["by"].startswith("-D") for override in state["overrides"]
    )
    name = state["credentials"]["flow_file"] or document.get(("flowFile",))
    if name is MISSING or name in ("", None, False):
        name = state["credentials"]["default_flow_file"]
    return None if overridden or not isinstance(name, str) else os.path.basename(name)


def _file_name(state: Mapping[str, t.Any], document: SettingsDocument) -> str | None:
    """What the credentials file is called (storage, localfilesystem/projects/index.js); None where only code tells."""
    name = flow_file(state, document)
    if name is None:
        return None
    base, extension = os.path.splitext(name)
    return f"{base}_cred{extension}"


def _is_read(credentials: Credentials, file: CredentialsFile) -> bool:
    """Whether Node-RED can read a file, or will when the open transaction is finished."""
    if file.kind == "plain":
        return True
    keys = (() if credentials.key is None else (credentials.key,)) + credentials.pending
    return any(file.decrypts_with(key) for key in keys)


def _why_lost(credentials: Credentials, file: CredentialsFile) -> str:
    if file.kind == "damaged":
        return f"{file.name} is damaged"
    if credentials.generated and isinstance(credentials.secret, str) and file.decrypts_with(credentials.secret):
        return (
            f"credentialSecret in settings.js fits {file.name}, but the key that Node-RED has made itself"
            f" ({credentials.generated_file}) is tried instead"
        )
    if credentials.generated:
        return f"the key that Node-RED has made itself ({credentials.generated_file}) does not fit {file.name}"
    if credentials.secret is None:
        return f"settings.js has no credentialSecret, and {file.name} is encrypted"
    if credentials.secret is False:
        return f"credentialSecret in settings.js is false, and {file.name} is encrypted"
    return f"credentialSecret in settings.js does not fit {file.name}"


@dataclasses.dataclass(frozen=True)
class Migration:
    """What has to be done so that one secret alone is enough."""

    #: What the files are before and after, in lines without a secret.
    before: tuple[str, ...] = ()
    after: tuple[str, ...] = ()
    #: What the host is to do, see module_utils/_reencryption.py; None where nothing is to be done.
    plan: dict[str, t.Any] | None = dataclasses.field(default=None, repr=False)


def migration(credentials: Credentials, secret: str) -> Migration | None:
    """How the credentials come to be encrypted with this secret, and no other key is left; None where nothing can be told.

    :raises CredentialsError: they could not be decrypted any more
    """
    if credentials.status is Status.UNKNOWN:
        return None
    former = credentials.secret if isinstance(credentials.secret, str) and credentials.secret != secret else None
    keys = [key for key in (former, *credentials.pending) if key is not None]
    usable_keys = [secret, *keys, *([credentials.generated] if credentials.generated else [])]
    before, after = [], []
    for file in credentials.files:
        if file.empty or file.decrypts_with(secret):
            continue
        if file.kind != "plain" and not any(file.decrypts_with(key) for key in usable_keys):
            raise CredentialsError(_nothing_fits(credentials, file))
        before.append(f"{file.name}: {_how(credentials, file)}")
        after.append(f"{file.name}: encrypted with credentialSecret")
    if credentials.generated:
        before.append(f"{credentials.generated_file}: has a key that Node-RED has made itself")
    if not before and credentials.secret == secret:
        return Migration()
    return Migration(
        tuple(before),
        tuple(after),
        {"secret": secret, "keys": keys, "required": [file.name for file in credentials.files], "sources": {}},
    )


def _how(credentials: Credentials, file: CredentialsFile) -> str:
    if file.kind == "plain":
        return "not encrypted"
    if credentials.generated and file.decrypts_with(credentials.generated):
        return "encrypted with the key that Node-RED has made itself"
    return "encrypted with the former credentialSecret"


def _nothing_fits(credentials: Credentials, file: CredentialsFile) -> str:
    path = os.path.join(credentials.user_dir, file.name)
    reason = (
        "is damaged"
        if file.kind == "damaged"
        else ("can be decrypted neither with nodered_credential_secret nor with a key that the host has")
    )
    return (
        f"{path} {reason}: the credentials of the flows would be lost. Run pifleet.nodered.restore, which looks for the"
        " secret they were encrypted with, or set nodered_credential_secret to that secret. If they are to be entered anew,"
        f" remove {path} on the host."
    )
