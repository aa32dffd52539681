# Copyright (c) 2026, the pifleet.nodered maintainers
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Restarts Node-RED and believes nothing but its answers; goes back to the old state when they are wrong."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import time

from ansible_collections.pifleet.nodered.plugins.module_utils import _files as files
from ansible_collections.pifleet.nodered.plugins.module_utils import _probe as probe
from ansible_collections.pifleet.nodered.plugins.module_utils._files import Account, HostError
from ansible_collections.pifleet.nodered.plugins.module_utils._node import load_settings, runtime_of_service
from ansible_collections.pifleet.nodered.plugins.module_utils._redact import redact
from ansible_collections.pifleet.nodered.plugins.module_utils._state import (
    CERTIFICATE_FILE, DROP_IN, endpoints, exposed_files,
)
from ansible_collections.pifleet.nodered.plugins.module_utils._transaction import Store, Transaction
from ansible_collections.pifleet.nodered.plugins.module_utils._unit import systemctl

#: Seconds between two looks at a service that is starting.
PAUSE = 0.25
#: Seconds between two looks for a renewed certificate on the wire, and how much later than announced it may come.
REFRESH_PAUSE = 2
REFRESH_MARGIN = 10
#: Seconds that loading the settings with Node.js may take.
LOAD_TIMEOUT = 60
#: How many lines of the journal a failure shows.
JOURNAL_LINES = 20
#: How many of them its message has, from the first that tells of an error.
ERROR_LINES = 4


class Service:
    """The systemd service of one Node-RED, to be brought into a proved state."""

    def __init__(self, unit, timeout, stable):
        if not unit.exists:
            raise HostError("This host has no service %s." % unit.name)
        self.unit = unit
        self.timeout = timeout
        self.stable = stable
        self.store = Store(unit.name)
        self.started = None

    def prove(self, drop_in, expected, wait_first):
        """Restart into the new state and prove it; back to the old one, and HostError, when that fails.

        ``wait_first`` spares a service that is still starting the restart, if it can be proved as it is.
        """
        with self.store.lock():
            transaction = Transaction(self.store)
            try:
                self._write_drop_in(transaction, drop_in)
                target = self._target(transaction, expected)
                systemctl("enable", "--quiet", self.unit.name)
                restart = not (wait_first and self._comes_up(target) or self._refreshes(transaction, target))
                if restart:
                    self._revoke_sessions(transaction)
                    self._restart()
                    self._wait(lambda: probe.prove(target))
            except HostError as exc:
                raise self._back(transaction, exc) from exc
            self.protect()
            proof = {"expected": target, "settings": target["settings"]}
            identifier = transaction.identifier
            transaction.commit(proof)
        return {"changed": restart, "proof": proof, "transaction": identifier}

    def _comes_up(self, target):
        """Whether a service that was started a short while ago reaches the wanted state by itself."""
        entered = int(self.unit.properties.get("ActiveEnterTimestampMonotonic") or 0) / 1e6
        if time.clock_gettime(time.CLOCK_MONOTONIC) - entered > self.timeout:
            return False
        return self._reaches(target)

    def _refreshes(self, transaction, target):
        """Whether the running server takes up a renewed certificate by itself, so that no connection breaks.

        It does so where nothing but the certificate was replaced since the proof, httpsRefreshInterval is short enough
        to wait for, and Node.js is 11 or newer (red.js, since 1.1).
        """
        proved = (self.store.read("proved.json") or {}).get("expected", {})
        replaced = [entry["path"] for entry in transaction.record["files"]] if transaction.open else []
        interval = proved.get("refresh") or 0
        if (not target["certificate"] or replaced != [os.path.join(self.unit.settings_folder, CERTIFICATE_FILE)] or not 0 < interval <= self.timeout
                or transaction.record["revoke"] or proved.get("settings") != target["settings"] or not self.unit.active):
            return False
        deadline = time.monotonic() + interval + REFRESH_MARGIN
        while time.monotonic() < deadline:
            with contextlib.suppress(OSError):
                if probe.served_certificate(target["address"], target["port"]) == target["certificate"]:
                    return self._reaches(target)
            time.sleep(REFRESH_PAUSE)
        return False

    def _reaches(self, target):
        try:
            self._wait(lambda: probe.prove(target))
        except HostError:
            return False
        return True

    def protect(self):
        """Take the rights of other users away from the files that hold secrets; returns whether there were any."""
        changed = False
        account = self.unit.account
        for path in exposed_files(self.unit.user_dir, account):
            changed |= files.restrict(path, 0o700 if os.path.isdir(path) else 0o600, account)
        return changed

    def undo(self):
        """Put back what an open transaction has replaced, and prove that the old state runs."""
        # A look without the lock first: where there is nothing to undo, not even the folder of the lock is made.
        if not Transaction(self.store).open:
            return {"changed": False, "restored": [], "transaction": None}
        with self.store.lock():
            transaction = Transaction(self.store)
            identifier = transaction.identifier
            restored = self._undo(transaction) if transaction.open else []
        return {"changed": bool(restored), "restored": restored, "transaction": identifier}

    def _write_drop_in(self, transaction, content):
        path = DROP_IN % self.unit.name
        wanted = content.encode()
        # A run that was killed may have left the file without telling systemd of it.
        reload_needed = self.unit.now().get("NeedDaemonReload") == "yes"
        if files.read(path) != wanted:
            reload_needed = True
            transaction.begin({"active": self.unit.active, "endpoints": endpoints(self.unit)})
            folder = os.path.dirname(path)
            transaction.make_folder(folder, 0o755, Account("root"))
            transaction.replace(path, wanted, 0o600, 0, 0)
        if reload_needed:
            systemctl("daemon-reload")
            self.unit = self.unit.refresh()

    def _target(self, transaction, expected):
        """What to prove, from what Node.js found in the settings and from what the user asked for."""
        content = files.read(self.unit.settings_path, self.unit.account)
        if content is None:
            raise HostError("%s does not exist: Node-RED would start with its default settings, open to anyone."
                            % self.unit.settings_path)
        settings = files.checksum(content)
        record = transaction.record or {}
        effective = record.get("effective") if record.get("settings") == settings else None
        if effective is None:
            effective = load_settings(runtime_of_service(self.unit), self.unit.settings_path, content, [], True,
                                      LOAD_TIMEOUT)["effective"]
        for name, sentence in (("tls", "serve TLS"), ("auth", "ask for a login (adminAuth)")):
            if expected.get(name) and not effective[name]:
                raise HostError("With %s Node-RED would not %s." % (self.unit.settings_path, sentence))
        port = self.unit.command_line.last("port") or effective["port"]
        try:
            port = int(port)
        except (TypeError, ValueError):
            raise HostError("uiPort of %s is %r: it must be a port number." % (self.unit.settings_path, port)) from None
        return {
            "address": probe.reachable(effective["host"]), "port": port, "tls": effective["tls"],
            "refresh": effective["refresh"],
            "certificate": expected.get("certificate"),
            "admin_root": None if effective["admin_root"] is False else effective["admin_root"],
            "node_root": None if effective["node_root"] is False else effective["node_root"],
            "auth": effective["auth"], "anonymous": effective["anonymous"], "node_auth": effective["node_auth"],
            "static": effective["static"], "settings": settings,
        }

    def _revoke_sessions(self, transaction):
        """End the sessions of users who lost a right; Node-RED has them in memory, so it is stopped first."""
        revoked = transaction.record["revoke"] if transaction.open else []
        # The command line wins over the key userDir of settings.js.
        own = (transaction.record["effective"] or {}).get("user_dir") if transaction.open else None
        user_dir = self.unit.user_dir if self.unit.command_line.last("userDir") else own or self.unit.user_dir
        path = os.path.join(self.unit.working_directory, user_dir, ".sessions.json")
        content = files.read(path, self.unit.account)
        if not revoked or content is None:
            return
        systemctl("stop", self.unit.name)
        try:
            sessions = json.loads(files.read(path, self.unit.account) or b"{}")
            kept = {token: session for token, session in sessions.items()
                    if "*" not in revoked and session.get("user") not in revoked}
        except (ValueError, AttributeError):
            # Node-RED takes a damaged file for an empty one.
            kept = {}
        account = self.unit.account
        transaction.replace(path, json.dumps(kept).encode(), 0o600, account.uid, account.gid, account)

    def _restart(self):
        self.started = time.time()
        systemctl("reset-failed", self.unit.name, check=False)
        systemctl("restart", self.unit.name)

    def _wait(self, failures_now):
        """Wait until nothing is wrong, and a few seconds later still is not, with the same process."""
        deadline = time.monotonic() + self.timeout
        while True:
            self._require_running()
            failures = failures_now()
            if not failures:
                break
            if time.monotonic() > deadline:
                raise HostError("After %d s %s." % (self.timeout, "; ".join(failures)))
            time.sleep(PAUSE)
        process = self._require_running()["MainPID"]
        time.sleep(self.stable)
        if self._require_running()["MainPID"] != process:
            raise HostError("Node-RED started, answered and died within %d s." % self.stable)
        failures = failures_now()
        if failures:
            raise HostError("Node-RED answered rightly at first, but %d s later %s." % (
                self.stable, "; ".join(failures)))

    def _require_running(self):
        """The unit's properties; HostError when it has ended, because Node-RED ends with status 0 on some faults."""
        now = self.unit.now()
        if now["ActiveState"] != "active" and now["SubState"] not in ("start", "start-pre", "start-post"):
            raise HostError("Node-RED ended right after its start (%s, %s)." % (now["ActiveState"], now["Result"]))
        return now

    def _back(self, transaction, failure):
        """The error to raise after a failure, with the old state running again if there was anything to put back."""
        journal = self._journal()
        reason = str(failure) + self._own_words(journal)
        if not transaction.open:
            return HostError("%s Nothing had been changed before." % reason, journal=journal, restored=[],
                             transaction=None)
        identifier = transaction.identifier
        try:
            restored = self._undo(transaction)
        except HostError as exc:
            return HostError(
                "%s Going back failed too: %s The old files are in %s; the next run tries again." % (
                    reason, exc, self.store.path("backups", identifier)),
                journal=journal, restored=[], transaction=identifier)
        return HostError("%s The old files are back and the service is as it was before." % reason,
                         journal=journal, restored=restored, transaction=identifier)

    def _undo(self, transaction):
        before = transaction.record["before"]
        transaction.undo()
        systemctl("daemon-reload")
        self.unit = self.unit.refresh()
        if not before["active"]:
            systemctl("stop", self.unit.name)
        elif self.started or not self._as_before(before):
            self._restart()
            self._wait(lambda: self._difference(before))
        restored = [entry["path"] for entry in transaction.record["files"]]
        transaction.close()
        return restored

    def _as_before(self, before):
        return self.unit.active and not self._difference(before)

    def _difference(self, before):
        """What the running service lacks of what it showed before the transaction."""
        failures = []
        for old in before["endpoints"]:
            now = probe.observe(old["address"], old["port"])
            if (now["tls"], now["http"], now["certificate"]) != (old["tls"], old["http"], old["certificate"]):
                failures.append("port %d does not answer as it did before" % old["port"])
        return failures

    @staticmethod
    def _own_words(journal):
        """The first lines of the journal that tell of an error, as a sentence."""
        for index, line in enumerate(journal):
            if "rror" in line:
                return " Its own words: " + " ".join(line.strip() for line in journal[index:index + ERROR_LINES])
        return ""

    def _journal(self):
        """The service's own last lines, without secrets."""
        if self.started is None:
            return []
        run = subprocess.run(
            ["journalctl", "--unit", self.unit.name, "--since", "@%d" % self.started, "--output", "cat", "--no-pager",
             "--lines", str(JOURNAL_LINES)], stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
        return [line for line in redact(run.stdout).splitlines() if line.strip()]
