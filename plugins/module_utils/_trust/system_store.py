# Copyright (c) 2026, the pifleet.nodered maintainers
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The store of certificate authorities that the programs of a Debian trust."""

from __future__ import annotations

import base64
import contextlib
import hashlib
import os
import re
import shutil
import typing as t

from ansible_collections.pifleet.nodered.plugins.module_utils._host import files
from ansible_collections.pifleet.nodered.plugins.module_utils._host.errors import HostError

from . import programs

if t.TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

PEM = re.compile(r"-----BEGIN CERTIFICATE-----([^-]+)-----END CERTIFICATE-----")

_FILE = re.compile(r"pifleet-nodered-([0-9a-f]{16})\.crt(\.removed)?")


class Authority:
    """The certificate of an authority, and what it is called in a database.

    :param pem: the certificate in PEM
    :param nickname: its name in the databases of browsers
    """

    def __init__(self, pem: str, nickname: str) -> None:
        (body,) = PEM.findall(pem)
        self.pem = pem.encode("ascii")
        self.der = base64.b64decode(body)
        #: SHA-256 of the DER bytes as lower-case hex.
        self.fingerprint = hashlib.sha256(self.der).hexdigest()
        self.nickname = nickname


def certificates_in(content: bytes | None) -> set[bytes]:
    """The DER of every certificate in a PEM file, none where there is no file."""
    return {base64.b64decode(body) for body in PEM.findall((content or b"").decode("ascii", "replace"))}


class SystemStore:
    """What curl, Python and most programs of a Debian trust.

    :param given: the directory for certificates that the administrator adds
    :param effective: the directory from which programs read
    :param update: the command that makes the second from the first
    """

    def __init__(
        self,
        given: str = "/usr/local/share/ca-certificates",
        effective: str = "/etc/ssl/certs",
        update: str = "update-ca-certificates",
    ) -> None:
        self.given = given
        self.effective = effective
        self._update_command = update

    def check(self) -> None:
        """Look for the store.

        :raises HostError: the host has none
        """
        if not os.path.isdir(self.effective) or not shutil.which(self._update_command, path=programs.PATH):
            raise HostError("This host has no store of certificate authorities: install its package ca-certificates.")

    def trusted(self, authorities: Iterable[Authority]) -> set[str]:
        """The fingerprints of those authorities whose file is in place and that programs see."""
        seen = certificates_in(files.read(os.path.join(self.effective, "ca-certificates.crt"))) & self._hashed()
        return {each.fingerprint for each in authorities if each.der in seen and self._is_in_place(each)}

    def entries_of_ours(self) -> list[tuple[str, str, str]]:
        """What this module put here: path, fingerprint and PEM of each."""
        entries = []
        for path, name in self._own_files():
            content = files.read(path)
            fingerprints = [hashlib.sha256(der).hexdigest() for der in certificates_in(content)]
            # A file of that name with other content is somebody else's.
            if content and len(fingerprints) == 1 and fingerprints[0].startswith(name):
                entries.append((path, fingerprints[0], content.decode("ascii", "replace")))
        return entries

    def add(self, authorities: Sequence[Authority]) -> None:
        """Have the system trust these.

        :raises HostError: it does not, afterwards
        """
        os.makedirs(self.given, mode=0o755, exist_ok=True)
        for each in authorities:
            path = self._path(each)
            if os.path.islink(path):
                files.remove(path)
            files.replace(path, each.pem, 0o644, os.geteuid(), os.getegid())
        self._update()
        missing = {each.fingerprint for each in authorities} - self.trusted(authorities)
        if missing:
            raise HostError(
                f"update-ca-certificates has run, but {self.effective} does not show the authority"
                f" {', '.join(sorted(missing))}."
            )

    def remove(self, paths: Sequence[str]) -> None:
        """Take away files that `entries_of_ours` named."""
        # Under another name until the store is made anew, so that a run that is killed here is finished by the next.
        waiting = [path if path.endswith(".removed") else f"{path}.removed" for path in paths]
        for path, renamed in zip(paths, waiting):
            os.replace(path, renamed)
        # Only a fresh store loses the links to what is gone.
        self._update("--fresh")
        for path in waiting:
            files.remove(path)

    def _path(self, authority: Authority) -> str:
        return os.path.join(self.given, f"pifleet-nodered-{authority.fingerprint[:16]}.crt")

    def _own_files(self) -> list[tuple[str, str]]:
        names = sorted(os.listdir(self.given)) if os.path.isdir(self.given) else []
        return [
            (os.path.join(self.given, name), match.group(1))
            for name, match in ((name, _FILE.fullmatch(name)) for name in names)
            if match
        ]

    def _is_in_place(self, authority: Authority) -> bool:
        path = self._path(authority)
        if os.path.islink(path) or certificates_in(files.read(path)) != {authority.der}:
            return False
        status = files.status(path)
        return status is not None and status["mode"] == "0644" and status["uid"] == os.geteuid()

    def _hashed(self) -> set[bytes]:
        """The DER of what OpenSSL finds by the hash of its subject."""
        certificates: set[bytes] = set()
        for name in os.listdir(self.effective):
            if re.fullmatch(r"[0-9a-f]{8}\.[0-9]+", name):
                with contextlib.suppress(HostError):
                    certificates |= certificates_in(files.read(os.path.join(self.effective, name)))
        return certificates

    def _update(self, *arguments: str) -> None:
        programs.run([self._update_command, *arguments], "The store of certificate authorities cannot be updated")
