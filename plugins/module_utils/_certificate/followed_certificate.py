# Copyright (c) 2026, the pifleet.nodered maintainers
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Copies a certificate that something else on the host renews, and has the host do so at each renewal."""

from __future__ import annotations

import os
import typing as t

from ansible_collections.pifleet.nodered.plugins.module_utils._host import files
from ansible_collections.pifleet.nodered.plugins.module_utils._host.account import Account
from ansible_collections.pifleet.nodered.plugins.module_utils._host.errors import HostError
from ansible_collections.pifleet.nodered.plugins.module_utils._host.systemd import match_watchers, systemctl
from ansible_collections.pifleet.nodered.plugins.module_utils._host.transaction import Transaction
from ansible_collections.pifleet.nodered.plugins.module_utils._node_red.endpoints import endpoints
from ansible_collections.pifleet.nodered.plugins.module_utils._shared.certificate_follower import (
    PYTHON,
    follower_files,
    follower_paths,
    watching_units,
)
from ansible_collections.pifleet.nodered.plugins.module_utils._shared.certificate_source import SourceError, read_source
from ansible_collections.pifleet.nodered.plugins.module_utils._shared.checksum import checksum

from .host_certificate import HostCertificate

if t.TYPE_CHECKING:
    from ansible_collections.pifleet.nodered.plugins.module_utils._node_red.unit import Unit
    from ansible_collections.pifleet.nodered.plugins.module_utils._shared.host_state import (
        CertificateResult,
        RemovalResult,
    )


class FollowedCertificate(HostCertificate):
    """Key and certificate of one Node-RED, a copy of files that something else on the host renews.

    :param unit: its unit
    :param proxy: whether nginx is to read the copy instead of Node-RED
    :raises HostError: the host has no such service
    """

    def __init__(self, unit: Unit, proxy: bool = False) -> None:
        super().__init__(unit, "", False, proxy)

    def follow(self, key: str, chain: str, expected: str) -> CertificateResult:
        """Copy the pair, and have the host do so whenever it is renewed.

        :param key: the path of the key
        :param chain: the path of the certificates
        :param expected: the checksum of both, as they were looked at
        :returns: what was installed
        :raises HostError: they cannot be used, are others by now, or cannot be followed
        """
        if not os.access(PYTHON, os.X_OK):
            raise HostError(
                f"This host has no {PYTHON}, which copies the certificate after each renewal. Install python3."
            )
        try:
            source = read_source(key, chain)
        except SourceError as exc:
            raise HostError(str(exc)) from None
        if checksum(source.content) != expected:
            raise HostError(f"The certificate in {chain} was renewed a moment ago. Run again.")
        wanted = follower_files(self.unit.name, self.reader, key, chain)
        with self.store.lock():
            present, status = files.read_with_status(self.path, self.place.account)
            if present == source.content and status and status["mode"] == "0600":
                result: CertificateResult = {
                    "changed": True,
                    "chain": source.chain.decode("ascii"),
                    "path": self.path,
                    "transaction": "",
                }
            else:
                result = self._place(source.key, source.chain)
            transaction = Transaction(self.store)
            for path, text in wanted.items():
                if files.read(path) != text.encode():
                    self._write(transaction, path, text.encode())
        systemctl("daemon-reload")
        systemctl("restart", *watching_units(self.unit.name))
        return result

    def forget(self) -> RemovalResult:
        """Take away what follows, so that the copy is not replaced any more; the pair itself stays."""
        with self.store.lock():
            paths = [path for path in follower_paths(self.unit.name) if files.read(path) is not None]
            if not paths:
                return {"changed": False, "transaction": ""}
            transaction = Transaction(self.store)
            transaction.begin({"active": self.unit.active, "endpoints": endpoints(self.unit)})
            for path in paths:
                transaction.replace(path, None, 0, 0, 0)
        systemctl("daemon-reload")
        match_watchers(paths)
        return {"changed": True, "transaction": transaction.open_record["id"]}

    def _write(self, transaction: Transaction, path: str, content: bytes) -> None:
        """Write a file of root's, to be put back together with the copy where that was replaced."""
        of_store = path.startswith(f"{self.store.directory}/")
        mode = 0o600 if of_store else 0o644
        if transaction.open:
            if not of_store:
                transaction.make_directory(os.path.dirname(path), 0o755, Account("root"))
            transaction.replace(path, content, mode, 0, 0)
        else:
            os.makedirs(os.path.dirname(path), mode=0o755, exist_ok=True)
            files.replace(path, content, mode, 0, 0)
