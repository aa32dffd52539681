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

from ansible_collections.pifleet.nodered.plugins.module_utils._host import files
from ansible_collections.pifleet.nodered.plugins.module_utils._host.errors import HostError
from . import programs

PEM = re.compile(r"-----BEGIN CERTIFICATE-----(.+?)-----END CERTIFICATE-----", re.DOTALL)

_FILE = re.compile(r"pifleet-nodered-([0-9a-f]{16})\.crt(\.removed)?")


class Authority:
    """The certificate of an authority, and what it is called in a database."""

    def __init__(self, pem, nickname):
        (body,) = PEM.findall(pem)
        self.pem = pem.encode("ascii")
        self.der = base64.b64decode(body)
        self.fingerprint = hashlib.sha256(self.der).hexdigest()
        self.nickname = nickname


def certificates_in(content):
    """The DER of every certificate in the bytes of a PEM file."""
    return {base64.b64decode(body) for body in PEM.findall((content or b"").decode("ascii", "replace"))}


class SystemStore:
    """What curl, Python and most programs of a Debian trust."""

    def __init__(
        self, given="/usr/local/share/ca-certificates", effective="/etc/ssl/certs", update="update-ca-certificates"
    ):
        self.given = given
        self.effective = effective
        self._update_command = update

    def check(self):
        """HostError where the host has no such store."""
        if not os.path.isdir(self.effective) or not shutil.which(self._update_command, path=programs.PATH):
            raise HostError("This host has no store of certificate authorities: install its package ca-certificates.")

    def trusted(self, authorities):
        """Those of the authorities whose file is in place and whose programs see it."""
        seen = certificates_in(files.read(os.path.join(self.effective, "ca-certificates.crt"))) & self._hashed()
        return {each.fingerprint for each in authorities if each.der in seen and self._is_in_place(each)}

    def entries_of_ours(self):
        """What this module put here: path, fingerprint and PEM of each."""
        found = []
        for path, name in self._own_files():
            content = files.read(path)
            fingerprints = [hashlib.sha256(der).hexdigest() for der in certificates_in(content)]
            # A file of that name with other content is somebody else's.
            if len(fingerprints) == 1 and fingerprints[0].startswith(name):
                found.append((path, fingerprints[0], content.decode("ascii", "replace")))
        return found

    def add(self, authorities):
        """Have the system trust these."""
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
                "update-ca-certificates has run, but %s does not show the authority %s."
                % (self.effective, ", ".join(sorted(missing)))
            )

    def remove(self, paths):
        """Take away files that `entries_of_ours` named."""
        # Under another name until the store is made anew, so that a run that is killed here is finished by the next.
        waiting = [path if path.endswith(".removed") else path + ".removed" for path in paths]
        for path, renamed in zip(paths, waiting):
            os.replace(path, renamed)
        # Only a fresh store loses the links to what is gone.
        self._update("--fresh")
        for path in waiting:
            files.remove(path)

    def _path(self, authority):
        return os.path.join(self.given, "pifleet-nodered-%s.crt" % authority.fingerprint[:16])

    def _own_files(self):
        names = sorted(os.listdir(self.given)) if os.path.isdir(self.given) else []
        return [
            (os.path.join(self.given, name), match.group(1))
            for name, match in ((name, _FILE.fullmatch(name)) for name in names)
            if match
        ]

    def _is_in_place(self, authority):
        path = self._path(authority)
        if os.path.islink(path) or certificates_in(files.read(path)) != {authority.der}:
            return False
        found = files.status(path)
        return found["mode"] == "0644" and found["uid"] == os.geteuid()

    def _hashed(self):
        """The DER of what OpenSSL finds by the hash of its subject."""
        found = set()
        for name in os.listdir(self.effective):
            if re.fullmatch(r"[0-9a-f]{8}\.[0-9]+", name):
                with contextlib.suppress(HostError):
                    found |= certificates_in(files.read(os.path.join(self.effective, name)))
        return found

    def _update(self, *arguments):
        programs.run([self._update_command, *arguments], "The store of certificate authorities cannot be updated")
