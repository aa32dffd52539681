# Copyright (c) 2026, the pifleet.nodered maintainers
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a running Node-RED must answer, and how long to wait until it does.

Neither systemd's word is taken nor a log line: only handshakes and answers count, and again some seconds later.
"""

from __future__ import annotations

import contextlib
import http.client
import os
import secrets
import time
import typing as t
import urllib.parse

from ansible_collections.pifleet.nodered.plugins.module_utils._host import files
from ansible_collections.pifleet.nodered.plugins.module_utils._host.errors import HostError
from ansible_collections.pifleet.nodered.plugins.module_utils._host.store import PROVED
from ansible_collections.pifleet.nodered.plugins.module_utils._node_red import login_directory
from ansible_collections.pifleet.nodered.plugins.module_utils._node_red.settings_loader import (
    load_settings,
    runtime_of_service,
)
from ansible_collections.pifleet.nodered.plugins.module_utils._proxy import nginx
from ansible_collections.pifleet.nodered.plugins.module_utils._shared import probe, proxy_probe
from ansible_collections.pifleet.nodered.plugins.module_utils._shared.checksum import checksum
from ansible_collections.pifleet.nodered.plugins.module_utils._shared.layout import certificate_file, is_of_proxy
from ansible_collections.pifleet.nodered.plugins.module_utils._shared.printable import printable

if t.TYPE_CHECKING:
    from collections.abc import Callable

    from ansible_collections.pifleet.nodered.plugins.module_utils._host.transaction import Transaction
    from ansible_collections.pifleet.nodered.plugins.module_utils._node_red.unit import LocatedUnit
    from ansible_collections.pifleet.nodered.plugins.module_utils._shared.host_state import (
        EffectiveSettings,
        Expected,
        ProxyExpected,
        Requirements,
        ServiceBefore,
    )

#: Seconds between two looks at a service that is starting.
PAUSE = 0.25
#: Seconds between two looks for a renewed certificate on the wire, and how much later than announced it may come.
REFRESH_PAUSE = 2
REFRESH_MARGIN = 10
#: Seconds that a login may take: a Pi Zero needs several for one bcrypt hash.
LOGIN_TIMEOUT = 60


def probed(target: Expected) -> Callable[[], list[str]]:
    """What is wrong with a server each time that this is called, as `Prover.wait` takes it."""
    opened: set[str] = set()
    return lambda: proxy_probe.prove(target, opened=opened)


class Prover:
    """Proves that the server of a unit answers as it should.

    :param unit: the unit as it is now; one that was read again needs a prover of its own
    :param timeout: seconds that Node-RED may take to answer after a start, and its settings to load
    :param stable: seconds after which the same process must still run and answer
    """

    def __init__(self, unit: LocatedUnit, timeout: int, stable: int) -> None:
        self.unit = unit
        self.timeout = timeout
        self.stable = stable

    def target(self, transaction: Transaction, required: Requirements) -> Expected:
        """What to prove, from what Node.js finds in the settings and from what the user asked for.

        :param transaction: the transaction; an open one may say already what Node.js found
        :param required: what the user asked for
        :returns: what the server must answer
        :raises HostError: there is no settings file, Node.js cannot load it, or it means less than was asked for
        """
        path = self.unit.settings_path
        content = files.read(path, self.unit.account)
        if content is None:
            raise HostError(f"{path} does not exist: Node-RED would start with its default settings, open to anyone.")
        settings = checksum(content)
        effective = self._effective(transaction, content, settings)
        if required.get("tls") and not effective["tls"]:
            raise HostError(f"With {path} Node-RED would not serve TLS.")
        if required.get("auth") and not effective["auth"]:
            raise HostError(f"With {path} Node-RED would not ask for a login (adminAuth).")
        if required.get("login_page") and not effective["login_page"]:
            raise HostError(f"With {path} dashboards and endpoints would not ask for the login page (httpNodeAuth).")
        port = self._port(effective)
        return {
            "address": probe.reachable(effective["host"]),
            "port": port,
            "proxy": self._proxy(effective, port, bool(required.get("proxy"))),
            "tls": effective["tls"],
            "refresh": effective["refresh"],
            "user_dir": effective["user_dir"],
            "certificate": required.get("certificate"),
            "admin_root": None if effective["admin_root"] is False else effective["admin_root"],
            "node_root": None if effective["node_root"] is False else effective["node_root"],
            "auth": effective["auth"],
            "anonymous": effective["anonymous"],
            "node_auth": effective["node_auth"],
            "static": effective["static"],
            "settings": settings,
            "client_certificate": effective.get("client_certificate", False),
            "login_page": effective.get("login_page", False),
            "require_https": effective.get("require_https", False),
        }

    def _proxy(self, effective: EffectiveSettings, port: int, required: bool) -> ProxyExpected | None:
        """What the nginx in front of the server has to answer; None without one.

        :raises HostError: it could not lead there, or others could go around it
        """
        proxy = nginx.expected(self.unit.name)
        if proxy is None:
            if required:
                raise HostError(f"nginx has no site for {self.unit.name}, which was to be in front of it.")
            return None
        if effective["tls"] or not probe.is_loopback(effective["host"]):
            raise HostError(
                f"Node-RED would answer the network itself, although nginx is in front of it: {self.unit.settings_path}, the"
                f" command line or the environment of the service say so (uiHost is {effective['host']!r})."
            )
        if port in (proxy["https"], proxy["http"]):
            raise HostError(
                f"uiPort of {self.unit.settings_path} is {port}, which nginx is to have. Set nodered_settings: {{uiPort: 1880}},"
                " or another one in nodered_proxy_ports."
            )
        if port != proxy["port"]:
            raise HostError(
                f"nginx would look for Node-RED on port {proxy['port']}, but it listens on {port}. Set nodered_settings:"
                f" {{uiPort: {port}}}."
            )
        return proxy

    def _effective(self, transaction: Transaction, content: bytes, settings: str) -> EffectiveSettings:
        """What Node.js finds in the settings, or has found already in the same file."""
        record = transaction.record
        if record and record["effective"] and record["settings"] == settings:
            return record["effective"]
        runtime = runtime_of_service(self.unit)
        return load_settings(runtime, self.unit.settings_path, content, [], True, self.timeout)["effective"]

    def _port(self, effective: EffectiveSettings) -> int:
        port = self.unit.command_line.last("port") or effective["port"]
        try:
            return int(port)
        except (TypeError, ValueError):
            raise HostError(f"uiPort of {self.unit.settings_path} is {port!r}: it must be a port number.") from None

    def prove_login(self, target: Expected, username: str | None) -> None:
        """Prove what can be proved of a login without its password: a wrong one is refused, and the server lives on.

        On hardware that a bcrypt library does not know, the first login ends Node-RED.

        :param target: what the server must answer
        :param username: the user to log in as; None proves nothing
        :raises HostError: the server takes the password, or does not answer
        """
        if not username or target["admin_root"] is None or not target["auth"] or target.get("client_certificate"):
            return
        proxy = target.get("proxy")
        try:
            with (
                probe.Endpoint("127.0.0.1", proxy["https"], True, LOGIN_TIMEOUT, name=proxy_probe.host_of(proxy))
                if proxy
                else probe.Endpoint(
                    target["address"],
                    target["port"],
                    target["tls"],
                    LOGIN_TIMEOUT,
                    headers=probe.headers_of_proxy(target),
                )
            ) as endpoint:
                status, body = probe.log_in(endpoint, target["admin_root"], username, secrets.token_hex(16))
        except (OSError, http.client.HTTPException) as exc:
            raise HostError(f"Node-RED did not answer to a login: {exc}.") from exc
        if status not in probe.TURNED_AWAY and not probe.locked_out(status, body):
            raise HostError(f"Node-RED answers {status} instead of 403 to a wrong password.")

    def prove_login_page(self, target: Expected) -> None:
        """Prove that the login page refuses a user who does not exist, and so that Node-RED can compute its hashes.

        Not at each look: the page counts failures, and logs each.

        :param target: what the server must answer
        :raises HostError: the page lets the user in, or does not answer
        """
        if not target.get("login_page") or target["node_root"] is None or target.get("client_certificate"):
            return
        try:
            with probe.Endpoint(target["address"], target["port"], target["tls"], LOGIN_TIMEOUT) as endpoint:
                status = probe.log_in_by_page(endpoint, target["node_root"], f"pifleet-{secrets.token_hex(8)}")
        except (OSError, http.client.HTTPException) as exc:
            raise HostError(f"Node-RED did not answer to a login by its page: {exc}.") from exc
        if status != 401 and status not in probe.TURNED_AWAY:
            raise HostError(f"The login page answers {status} instead of 401 to a user who does not exist.")

    def sign_on_remarks(self, target: Expected) -> list[str]:
        """What can be seen of single sign-on without an account: whether it leads to its provider.

        A provider that is down is no reason to go back: local users get in.

        :param target: what the server must answer
        :returns: a sentence for each way in that leads nowhere
        """
        oidc = login_directory.sign_on(self.unit)
        if not oidc or target.get("client_certificate"):
            return []
        url, name = str(oidc.get("url")), printable(str(oidc.get("name")))
        host = urllib.parse.urlsplit(url).netloc
        remarks = []
        for where, root, path in (
            ("dashboards", target["node_root"], "_login/oidc"),
            ("editor", target["admin_root"], "auth/oidc"),
        ):
            if root is None or not oidc.get(where):
                continue
            try:
                with self._by_name(target, host) as endpoint:
                    fault = probe.sign_on_fault(endpoint, probe.join(root, path), url, str(oidc.get("client_id")))
            except (OSError, http.client.HTTPException) as exc:
                fault = f"{probe.join(root, path)} does not answer as {host}: {exc}"
            if fault:
                remarks.append(
                    f"That {name} lets somebody in by single sign-on was not proved: {fault}. Local users get in. Is the"
                    " provider up, can the host reach it, and is nodered_oidc right? The journal of the service says more."
                )
        return remarks

    def proxy_remarks(self, target: Expected) -> list[str]:
        """Which of the other Node-REDs that nginx leads to do not answer it.

        One may be switched off, or secured later, which is no reason to go back.

        :param target: what the server must answer
        :returns: some sentences for each
        """
        proxy = target.get("proxy")
        if not proxy:
            return []
        return proxy_probe.unanswered_others("127.0.0.1", proxy, proxy_probe.others_of(nginx.site(self.unit.name)))

    @staticmethod
    def _by_name(target: Expected, host: str) -> probe.Endpoint:
        """Where to ask as a browser does that knows a host by its name, which may have a port."""
        proxy = target.get("proxy")
        if proxy:
            return probe.Endpoint("127.0.0.1", proxy["https"], True, LOGIN_TIMEOUT, name=host)
        return probe.Endpoint(target["address"], target["port"], target["tls"], LOGIN_TIMEOUT, name=host)

    def comes_up(self, target: Expected) -> bool:
        """Whether a service that was started a short while ago reaches the wanted state by itself."""
        entered = int(self.unit.properties.get("ActiveEnterTimestampMonotonic") or 0) / 1e6
        if time.clock_gettime(time.CLOCK_MONOTONIC) - entered > self.timeout:
            return False
        return self.reaches(target)

    def only_proxy_changed(self, transaction: Transaction, target: Expected) -> bool:
        """Whether nothing but files of nginx was replaced since the proof, so that Node-RED goes on with its connections.

        :param transaction: the transaction, which knows what was replaced
        :param target: what the server must answer
        """
        proved = (transaction.store.read(PROVED) or {}).get("expected", {})
        replaced = [entry["path"] for entry in transaction.record["files"]] if transaction.record else []
        return (
            (bool(replaced) or bool(target.get("proxy") and not nginx.is_active()))
            and all(map(is_of_proxy, replaced))
            and not transaction.ends_sessions
            and proved.get("settings") == target["settings"]
            and self.unit.active
        )

    def refreshes(self, transaction: Transaction, target: Expected) -> bool:
        """Whether the running server takes up a renewed certificate by itself, so that no connection breaks.

        It does so where nothing but the certificate was replaced since the proof, httpsRefreshInterval is short enough
        to wait for, and Node.js is 11 or newer (red.js, since 1.1).

        :param transaction: the transaction, which knows what was replaced
        :param target: what the server must answer
        """
        proved = (transaction.store.read(PROVED) or {}).get("expected", {})
        replaced = [entry["path"] for entry in transaction.record["files"]] if transaction.record else []
        interval = proved.get("refresh") or 0
        own = os.path.join(self.unit.settings_directory, certificate_file(self.unit.settings_path))
        if (
            not target["certificate"]
            or replaced != [own]
            or not 0 < interval <= self.timeout
            or transaction.ends_sessions
            or proved.get("settings") != target["settings"]
            or not self.unit.active
        ):
            return False
        deadline = time.monotonic() + interval + REFRESH_MARGIN
        while time.monotonic() < deadline:
            with contextlib.suppress(OSError):
                if probe.served_certificate(target["address"], target["port"]) == target["certificate"]:
                    return self.reaches(target)
            time.sleep(REFRESH_PAUSE)
        return False

    def reaches(self, target: Expected) -> bool:
        """Whether the server answers as it must before `timeout` is over."""
        try:
            self.wait(probed(target))
        except HostError:
            return False
        return True

    def wait(self, failures_now: Callable[[], list[str]]) -> None:
        """Wait until nothing is wrong, and a few seconds later still is not, with the same process.

        :param failures_now: what is wrong at this moment, a phrase each
        :raises HostError: something is wrong when `timeout` is over, or again after `stable`, or the service has ended
        """
        deadline = time.monotonic() + self.timeout
        while True:
            self.require_running()
            failures = failures_now()
            if not failures:
                break
            if time.monotonic() > deadline:
                raise HostError(f"After {self.timeout} s {'; '.join(failures)}.")
            time.sleep(PAUSE)
        process = self.require_running()["MainPID"]
        time.sleep(self.stable)
        if self.require_running()["MainPID"] != process:
            raise HostError(f"Node-RED started, answered and died within {self.stable} s.")
        failures = failures_now()
        if failures:
            raise HostError(f"Node-RED answered rightly at first, but {self.stable} s later {'; '.join(failures)}.")

    def require_running(self) -> dict[str, str]:
        """The unit's properties at this moment.

        :raises HostError: it has ended, because Node-RED ends with status 0 on some faults
        """
        now = self.unit.now()
        if now["ActiveState"] != "active" and now["SubState"] not in ("start", "start-pre", "start-post"):
            raise HostError(f"Node-RED ended right after its start ({now['ActiveState']}, {now['Result']}).")
        return now

    def matches_previous(self, before: ServiceBefore, certificates: bool) -> bool:
        """Whether the service runs and shows what it showed before the transaction; see `difference`."""
        return self.unit.active and not difference(before, certificates)


def difference(before: ServiceBefore, certificates: bool) -> list[str]:
    """What the running service lacks of what it showed before the transaction.

    :param before: how it was
    :param certificates: whether to compare them too; one that the transaction has left alone may have been renewed since
    :returns: a phrase for each port that answers in another way
    """
    failures = []
    for old in before["endpoints"]:
        now = probe.observe(old["address"], old["port"], name=old.get("name", ""))
        same = (now["tls"], now["http"]) == (old["tls"], old["http"])
        if not same or (certificates and now["certificate"] != old["certificate"]):
            failures.append(f"port {old['port']} does not answer as it did before")
    return failures
