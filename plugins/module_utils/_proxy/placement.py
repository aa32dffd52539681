# Copyright (c) 2026, the pifleet.nodered maintainers
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Puts the site of a service in place, or takes it away, within its transaction and only after nginx has taken it on trial."""

from __future__ import annotations

import os
import typing as t

from ansible_collections.pifleet.nodered.plugins.module_utils._host import files
from ansible_collections.pifleet.nodered.plugins.module_utils._host.account import Account
from ansible_collections.pifleet.nodered.plugins.module_utils._host.errors import HostError
from ansible_collections.pifleet.nodered.plugins.module_utils._host.store import Store
from ansible_collections.pifleet.nodered.plugins.module_utils._host.transaction import Transaction
from ansible_collections.pifleet.nodered.plugins.module_utils._shared.layout import (
    PROXY_DIRECTORY,
    nginx_log,
    nginx_site,
    proxy_authorities,
    proxy_certificate,
    proxy_directory,
)

from . import candidate, nginx, sites

if t.TYPE_CHECKING:
    from collections.abc import Callable

    from ansible_collections.pifleet.nodered.plugins.module_utils._shared.host_state import (
        RemovalResult,
        ServiceBefore,
    )


class Proxy:
    """The nginx in front of one service.

    :param service: the name of the service
    :param before: what tells how the service is now, for the way back to it
    """

    def __init__(self, service: str, before: Callable[[], ServiceBefore]) -> None:
        self.service = service
        self.store = Store(service)
        self._before = before

    def place(self, content: str, authorities: str) -> RemovalResult:
        """Put the site in place; nginx reads it when the service is proved.

        :param content: the site
        :param authorities: certificates in PEM that it refers to; empty for none
        :returns: the transaction that it is part of
        :raises HostError: nginx refuses it, or warns of it; nothing of it is in place then
        """
        with self.store.lock():
            transaction = self._begun()
            make_directory(transaction, self.service)
            self._replace(transaction, proxy_authorities(self.service), authorities.encode("ascii") or None, 0o600)
            self._try(content.encode("utf-8"))
            self._note_nginx(transaction)
            self._replace(transaction, nginx_site(self.service), content.encode("utf-8"), 0o644)
        return {"changed": True, "transaction": transaction.open_record["id"]}

    def remove(self) -> RemovalResult:
        """Take the site away, and what it has read.

        :returns: the transaction that it is part of
        :raises HostError: nginx refuses its configuration as it then would be
        """
        with self.store.lock():
            transaction = self._begun()
            if files.read(nginx_site(self.service)) is not None:
                self._try(None)
                self._note_nginx(transaction)
            for path in (nginx_site(self.service), proxy_certificate(self.service), proxy_authorities(self.service)):
                self._replace(transaction, path, None, 0)
        return {"changed": True, "transaction": transaction.open_record["id"]}

    def put_at_once(self, content: str | None) -> Transaction:
        """Put another site in place and have nginx read it, for what comes later in the same run. To be used under the lock.

        :param content: the site; None for none
        :returns: the transaction that it is part of
        :raises HostError: nginx refuses it, or warns of it; or it cannot read its configuration
        """
        transaction = self._begun()
        site = None if content is None else content.encode("utf-8")
        self._try(site)
        self._note_nginx(transaction)
        self._replace(transaction, nginx_site(self.service), site, 0o644)
        if site is not None or nginx.is_active():
            nginx.read_anew()
        return transaction

    def _begun(self) -> Transaction:
        transaction = Transaction(self.store)
        transaction.begin(self._before())
        return transaction

    def _try(self, content: bytes | None) -> None:
        log = nginx_log(self.service)
        had_log = os.path.exists(log)
        reason = candidate.refusal(nginx_site(self.service), content)
        if reason:
            # nginx makes it at the trial.
            if not had_log:
                files.remove(log)
            raise HostError(reason)

    def _note_nginx(self, transaction: Transaction) -> None:
        """Keep how nginx is, unless an earlier part of the transaction has."""
        if "nginx" in transaction.open_record:
            return
        own = nginx_site(self.service)
        others = candidate.trial(own, None).configuration
        transaction.note(nginx=nginx.before(sites.answers(others)))

    @staticmethod
    def _replace(transaction: Transaction, path: str, content: bytes | None, mode: int) -> None:
        if files.read(path) != content:
            transaction.replace(path, content, mode, 0, 0)


def make_directory(transaction: Transaction, service: str) -> None:
    """Make the root-only directory of what nginx reads for a service beside its site, as part of a transaction."""
    root = Account("root")
    transaction.make_directory(PROXY_DIRECTORY, 0o755, root)
    transaction.make_directory(proxy_directory(service), 0o700, root)


def went_on(transaction: Transaction) -> list[str]:
    """What other sites answer in another way since a transaction began, a phrase each; nothing where none is open."""
    former = transaction.record.get("nginx") if transaction.record else None
    return sites.differences(former["sites"]) if former and former["active"] else []
