# Copyright (c) 2026, the pifleet.nodered maintainers
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The site of a service put in place and taken away, as a part of its transaction."""

from __future__ import annotations

import pathlib
import typing as t

import pytest

from ansible_collections.pifleet.nodered.plugins.module_utils._host import account as account_module
from ansible_collections.pifleet.nodered.plugins.module_utils._host import transaction as transaction_module
from ansible_collections.pifleet.nodered.plugins.module_utils._host.errors import HostError
from ansible_collections.pifleet.nodered.plugins.module_utils._host.store import Store
from ansible_collections.pifleet.nodered.plugins.module_utils._host.transaction import Transaction
from ansible_collections.pifleet.nodered.plugins.module_utils._proxy import candidate, placement
from ansible_collections.pifleet.nodered.plugins.module_utils._proxy.placement import Proxy, went_on

BEFORE: t.Any = {"active": True, "endpoints": []}
NGINX: t.Any = {"active": True, "enabled": True, "sites": []}


class Host:
    """Where the files of a service are, what nginx would say, and how often its sites were asked."""

    def __init__(self, directory: pathlib.Path) -> None:
        self.sites = directory / "sites"
        self.read = directory / "pifleet" / "nodered"
        self.log = directory / "site.log"
        self.site = self.sites / "site"
        self.key = self.read / "server.pem"
        self.authorities = self.read / "authorities.pem"
        self.refusal: str | None = None
        self.sites.mkdir()

    def refuse(self, _path: str, _content: bytes | None) -> str | None:
        """As nginx does: its trial makes the log."""
        self.log.touch()
        return self.refusal


@pytest.fixture
def host(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch, files_stay_the_users: None) -> Host:
    made = Host(tmp_path)
    monkeypatch.setattr(placement, "PROXY_DIRECTORY", str(made.read.parent))
    for name, path in (
        ("nginx_site", made.site),
        ("nginx_log", made.log),
        ("proxy_directory", made.read),
        ("proxy_certificate", made.key),
        ("proxy_authorities", made.authorities),
    ):
        monkeypatch.setattr(placement, name, lambda _service, path=path: str(path))
    monkeypatch.setattr(placement, "Store", lambda service: Store(service, str(tmp_path / "store")))
    me = account_module.Account.of_uid(account_module.os.getuid(), account_module.os.getgid())
    monkeypatch.setattr(placement, "Account", lambda _name: me)
    monkeypatch.setattr(candidate, "refusal", made.refuse)
    monkeypatch.setattr(candidate, "trial", lambda *_arguments: candidate.Trial(True, [], ""))
    monkeypatch.setattr(placement.nginx, "before", lambda _sites: NGINX)
    return made


@pytest.fixture
def proxy(host: Host) -> Proxy:
    return Proxy("nodered", lambda: BEFORE)


def transaction_of(proxy: Proxy) -> Transaction:
    return Transaction(proxy.store)


def test_a_site_goes_in_place_and_back(host: Host, proxy: Proxy) -> None:
    done = proxy.place("a site", "authorities")
    assert (host.site.read_text("utf-8"), host.site.stat().st_mode & 0o777) == ("a site", 0o644)
    assert (host.authorities.read_text("utf-8"), host.read.stat().st_mode & 0o777) == ("authorities", 0o700)
    transaction = transaction_of(proxy)
    assert done == {"changed": True, "transaction": transaction.identifier}
    assert transaction.open_record["nginx"] == NGINX
    transaction.undo()
    assert not host.site.exists()
    assert not host.read.parent.exists()


def test_what_nginx_refuses_is_not_in_place(host: Host, proxy: Proxy) -> None:
    host.refusal = "nginx refuses it."
    with pytest.raises(HostError, match="nginx refuses it"):
        proxy.place("a site", "")
    assert not host.site.exists()
    assert not host.log.exists()
    assert "nginx" not in transaction_of(proxy).open_record


def test_a_log_that_was_there_stays(host: Host, proxy: Proxy) -> None:
    host.log.write_text("a line\n", "utf-8")
    host.refusal = "nginx refuses it."
    with pytest.raises(HostError):
        proxy.place("a site", "")
    assert host.log.read_text("utf-8") == "a line\n"


def test_all_goes_and_comes_back(host: Host, proxy: Proxy) -> None:
    host.read.mkdir(parents=True)
    for path in (host.site, host.key, host.authorities):
        path.write_text(path.name, "utf-8")
    proxy.remove()
    assert not any(path.exists() for path in (host.site, host.key, host.authorities))
    transaction_of(proxy).undo()
    assert [path.read_text("utf-8") for path in (host.site, host.key)] == ["site", "server.pem"]


@pytest.mark.parametrize(("content", "active", "read"), [("a site", False, 1), (None, True, 1), (None, False, 0)])
def test_nginx_reads_at_once_what_the_run_needs(
    host: Host, proxy: Proxy, monkeypatch: pytest.MonkeyPatch, content: str | None, active: bool, read: int
) -> None:
    told: list[str] = []
    monkeypatch.setattr(placement.nginx, "is_active", lambda: active)
    monkeypatch.setattr(placement.nginx, "read_anew", lambda: told.append(str(host.site.exists())))
    host.site.write_text("the site before", "utf-8")
    with proxy.store.lock():
        transaction = proxy.put_at_once(content)
    assert told == [str(content is not None)] * read
    assert (host.site.read_text("utf-8") if host.site.exists() else None) == content
    assert transaction.open_record["nginx"] == NGINX
    transaction.undo()
    assert host.site.read_text("utf-8") == "the site before"


def test_without_a_site_no_challenge_is_led_to(host: Host, proxy: Proxy, monkeypatch: pytest.MonkeyPatch) -> None:
    """Once that is proved; a way back finds the directory that a renewal needs."""
    challenges = host.sites.parent / "challenges"
    challenges.mkdir()
    monkeypatch.setattr(transaction_module, "nginx_site", lambda _service: str(host.site))
    monkeypatch.setattr(transaction_module, "challenge_directory", lambda _service: str(challenges))
    host.site.write_text("a site", "utf-8")
    proxy.remove()
    assert challenges.exists()
    transaction_of(proxy).close()
    assert not challenges.exists()


def test_what_is_left_goes_though_there_is_no_site(host: Host, proxy: Proxy) -> None:
    host.read.mkdir(parents=True)
    host.key.write_text("a key", "utf-8")
    host.refusal = "nginx must not be asked."
    proxy.remove()
    assert not host.key.exists()


def test_what_is_the_same_is_not_replaced(host: Host, proxy: Proxy) -> None:
    host.site.write_text("a site", "utf-8")
    proxy.place("a site", "")
    assert transaction_of(proxy).open_record["files"] == []


@pytest.mark.parametrize(("active", "failures"), [(True, ["port 1 differs"]), (False, [])])
def test_other_sites_go_on_where_nginx_ran(
    proxy: Proxy, monkeypatch: pytest.MonkeyPatch, active: bool, failures: list[str]
) -> None:
    monkeypatch.setattr(placement.sites, "differences", lambda _former: ["port 1 differs"])
    transaction = transaction_of(proxy)
    assert went_on(transaction) == []
    transaction.begin(BEFORE)
    assert went_on(transaction) == []
    transaction.note(nginx={**NGINX, "active": active})
    assert went_on(transaction) == failures
