# Copyright (c) 2026, the pifleet.nodered maintainers
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Restarts Node-RED and believes nothing but its answers; goes back to the old state when they are wrong."""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import secrets
import subprocess
import time

from ansible_collections.pifleet.nodered.plugins.module_utils._credentials.reencryption import encrypt_anew, plan_of
from ansible_collections.pifleet.nodered.plugins.module_utils._host import files
from ansible_collections.pifleet.nodered.plugins.module_utils._host.account import Account
from ansible_collections.pifleet.nodered.plugins.module_utils._host.errors import HostError
from ansible_collections.pifleet.nodered.plugins.module_utils._host.store import Store
from ansible_collections.pifleet.nodered.plugins.module_utils._host.systemd import systemctl
from ansible_collections.pifleet.nodered.plugins.module_utils._host.transaction import Transaction
from ansible_collections.pifleet.nodered.plugins.module_utils._node_red.endpoints import endpoints
from ansible_collections.pifleet.nodered.plugins.module_utils._node_red.exposed_files import exposed_files
from ansible_collections.pifleet.nodered.plugins.module_utils._node_red.settings_loader import (
    load_settings,
    runtime_of_service,
)
from ansible_collections.pifleet.nodered.plugins.module_utils._shared import probe
from ansible_collections.pifleet.nodered.plugins.module_utils._shared.checksum import checksum
from ansible_collections.pifleet.nodered.plugins.module_utils._shared.layout import (
    CERTIFICATE_FILE,
    DROP_IN,
    ENVIRONMENT_FILE,
)
from ansible_collections.pifleet.nodered.plugins.module_utils._shared.redact import redact

#: Seconds between two looks at a service that is starting.
PAUSE = 0.25
#: Seconds between two looks for a renewed certificate on the wire, and how much later than announced it may come.
REFRESH_PAUSE = 2
REFRESH_MARGIN = 10
#: Seconds that loading the settings with Node.js may take.
LOAD_TIMEOUT = 60
#: Seconds that a login may take: a Pi Zero needs several for one bcrypt hash.
LOGIN_TIMEOUT = 60
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

    def prove(
        self, drop_in, environment, expected, wait_before_restart=False, revoke=(), username=None, keep_open=False
    ):
        """Restart into the new state and prove it; back to the old one, and HostError, when that fails.

        ``drop_in`` and ``environment`` are the texts of two files. ``wait_before_restart`` spares a service that is still starting
        the restart, if it can be proved as it is. ``revoke`` are users whose sessions end, ``username`` one who has to be
        able to log in. With ``hold`` what was replaced can still be put back, until `commit`.
        """
        with self.store.lock():
            transaction = Transaction(self.store)
            try:
                self._write_drop_in(transaction, drop_in, environment)
                if revoke or keep_open and not transaction.open:
                    transaction.begin(self._before())
                    transaction.plan(revoke=revoke)
                target = self._target(transaction, expected)
                systemctl("enable", "--quiet", self.unit.name)
                restart = bool(plan_of(transaction)) or not (
                    wait_before_restart and self._comes_up(target) or self._refreshes(transaction, target)
                )
                if restart:
                    self._change_while_stopped(transaction, target)
                    self._restart(transaction)
                    self._wait(lambda: probe.prove(target))
                self._prove_login(target, username)
                served = target["certificate"]
                if target["tls"] and not served:
                    served = probe.served_certificate(target["address"], target["port"])
            # Whatever it was, Node-RED may be stopped.
            except Exception as exc:
                raise self._roll_back(transaction, exc) from exc
            self.restrict_permissions()
            proof = {"expected": target, "settings": target["settings"]}
            identifier = transaction.identifier
            if keep_open:
                transaction.note(proof=proof)
            else:
                transaction.commit(proof)
        return {"changed": restart, "proof": proof, "transaction": identifier, "served": served}

    def commit(self, identifier, username):
        """Finish the transaction that `prove` has left open; ``username`` as there."""
        with self.store.lock():
            transaction = Transaction(self.store)
            if transaction.identifier != identifier:
                # Another run has begun from this state, and finished it thereby.
                return
            try:
                self._prove_login(transaction.record["proof"]["expected"], username)
            except HostError as exc:
                raise self._roll_back(transaction, exc) from exc
            transaction.commit(transaction.record["proof"])

    @staticmethod
    def _prove_login(target, username):
        """What can be proved of a login without its password: that a wrong one is refused, and that the server lives on.

        On hardware that a bcrypt library does not know, the first login ends Node-RED.
        """
        if not username or target["admin_root"] is None or not target["auth"]:
            return
        try:
            with probe.Endpoint(target["address"], target["port"], target["tls"], LOGIN_TIMEOUT) as endpoint:
                status, body = probe.log_in(endpoint, target["admin_root"], username, secrets.token_hex(16))
        except (OSError, http.client.HTTPException) as exc:
            raise HostError("Node-RED did not answer to a login: %s." % exc) from exc
        if status != 403 and not probe.locked_out(status, body):
            raise HostError("Node-RED answers %d instead of 403 to a wrong password." % status)

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
        own = os.path.join(self.unit.settings_directory, CERTIFICATE_FILE)
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
                    return self._reaches(target)
            time.sleep(REFRESH_PAUSE)
        return False

    def _reaches(self, target):
        try:
            self._wait(lambda: probe.prove(target))
        except HostError:
            return False
        return True

    def restrict_permissions(self):
        """Take the rights of other users away from the files that hold secrets; returns whether there were any."""
        changed = False
        account = self.unit.account
        for path in exposed_files(self.unit.user_dir, account):
            changed |= files.restrict(path, 0o700 if os.path.isdir(path) else 0o600, account)
        return changed

    def undo(self, identifier=None):
        """Put back what an open transaction has replaced, and prove that the old state runs.

        One that was proved already is undone only where its ``identifier`` is given, else finished.
        """
        # A look without the lock first: where there is nothing to undo, not even the folder of the lock is made.
        if not Transaction(self.store).open:
            return {"changed": False, "restored": [], "transaction": None}
        with self.store.lock():
            transaction = Transaction(self.store)
            if identifier and transaction.identifier != identifier:
                # Another run has begun from this state.
                return {"changed": False, "restored": [], "transaction": None}
            present, restored = transaction.identifier, []
            if transaction.is_proved and not identifier:
                transaction.commit(transaction.record["proof"])
            elif transaction.open:
                restored = self._undo(transaction)
        return {"changed": bool(restored), "restored": restored, "transaction": present}

    def _before(self):
        return {"active": self.unit.active, "endpoints": endpoints(self.unit)}

    def _write_drop_in(self, transaction, drop_in, environment):
        # A run that was killed may have left the files without telling systemd of them.
        reload_needed = self.unit.now().get("NeedDaemonReload") == "yes"
        for pattern, text in ((DROP_IN, drop_in), (ENVIRONMENT_FILE, environment)):
            path = pattern % self.unit.name
            desired = text.encode() or None
            if files.read(path) != desired:
                reload_needed = True
                transaction.begin(self._before())
                transaction.make_directory(os.path.dirname(path), 0o755, Account("root"))
                transaction.replace(path, desired, 0o600, 0, 0)
        if reload_needed:
            systemctl("daemon-reload")
            self.unit = self.unit.refresh()

    def _target(self, transaction, expected):
        """What to prove, from what Node.js found in the settings and from what the user asked for."""
        content = files.read(self.unit.settings_path, self.unit.account)
        if content is None:
            raise HostError(
                "%s does not exist: Node-RED would start with its default settings, open to anyone."
                % self.unit.settings_path
            )
        settings = checksum(content)
        record = transaction.record or {}
        effective = record.get("effective") if record.get("settings") == settings else None
        if effective is None:
            effective = load_settings(
                runtime_of_service(self.unit), self.unit.settings_path, content, [], True, LOAD_TIMEOUT
            )["effective"]
        for name, sentence in (("tls", "serve TLS"), ("auth", "ask for a login (adminAuth)")):
            if expected.get(name) and not effective[name]:
                raise HostError("With %s Node-RED would not %s." % (self.unit.settings_path, sentence))
        port = self.unit.command_line.last("port") or effective["port"]
        try:
            port = int(port)
        except (TypeError, ValueError):
            raise HostError("uiPort of %s is %r: it must be a port number." % (self.unit.settings_path, port)) from None
        return {
            "address": probe.reachable(effective["host"]),
            "port": port,
            "tls": effective["tls"],
            "refresh": effective["refresh"],
            "user_dir": effective["user_dir"],
            "certificate": expected.get("certificate"),
            "admin_root": None if effective["admin_root"] is False else effective["admin_root"],
            "node_root": None if effective["node_root"] is False else effective["node_root"],
            "auth": effective["auth"],
            "anonymous": effective["anonymous"],
            "node_auth": effective["node_auth"],
            "static": effective["static"],
            "settings": settings,
        }

    def _change_while_stopped(self, transaction, target):
        """Change the files that a running Node-RED has in memory and would write anew."""
        sessions = self._sessions_file(target) if transaction.ends_sessions else None
        if sessions or plan_of(transaction):
            transaction.note(restarted=True)
            systemctl("stop", self.unit.name)
        if sessions:
            self._end_sessions(transaction, sessions)
        encrypt_anew(self.unit, transaction)

    def _sessions_file(self, target):
        """The path of the file with the sessions, or None where there is none."""
        # The command line wins over the key userDir of settings.js.
        named = self.unit.command_line.last("userDir")
        user_dir = self.unit.user_dir if named else target["user_dir"] or self.unit.user_dir
        path = os.path.join(self.unit.working_directory, user_dir, ".sessions.json")
        return path if files.read(path, self.unit.account) is not None else None

    def _end_sessions(self, transaction, path):
        """End the sessions of users who lost a right, and let the others last no longer than they would today."""
        record, account = transaction.record, self.unit.account
        latest = 1000 * (time.time() + record["session_expiry"]) if record["session_expiry"] else float("inf")
        kept = {}
        # Node-RED takes a damaged file for an empty one.
        with contextlib.suppress(ValueError, AttributeError, TypeError, KeyError, RecursionError):
            for token, session in json.loads(files.read(path, account) or b"{}").items():
                if "*" not in record["revoke"] and session["user"] not in record["revoke"]:
                    kept[token] = {**session, "expires": min(session["expires"], latest)}
        transaction.replace(path, json.dumps(kept).encode(), 0o600, account.uid, account.gid, account)

    def _restart(self, transaction):
        self.started = time.time()
        if transaction.open:
            transaction.note(restarted=True)
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
            raise HostError(
                "Node-RED answered rightly at first, but %d s later %s." % (self.stable, "; ".join(failures))
            )

    def _require_running(self):
        """The unit's properties; HostError when it has ended, because Node-RED ends with status 0 on some faults."""
        now = self.unit.now()
        if now["ActiveState"] != "active" and now["SubState"] not in ("start", "start-pre", "start-post"):
            raise HostError("Node-RED ended right after its start (%s, %s)." % (now["ActiveState"], now["Result"]))
        return now

    def _roll_back(self, transaction, failure):
        """The error to raise after a failure, with the old state running again if there was anything to put back."""
        journal = self._journal()
        reason = str(failure) if isinstance(failure, (HostError, OSError)) else "A fault: %r." % failure
        reason += self._first_error_lines(journal)
        if not transaction.open:
            if self.started:
                self._discard_proof()
            return HostError(
                "%s Nothing had been changed before." % reason, journal=journal, restored=[], transaction=None
            )
        identifier = transaction.identifier
        try:
            restored = self._undo(transaction)
        except HostError as exc:
            return HostError(
                "%s Going back failed too: %s The old files are in %s; the next run tries again."
                % (reason, exc, self.store.path("backups", identifier)),
                journal=journal,
                restored=[],
                transaction=identifier,
            )
        return HostError(
            "%s The old files are back and the service is as it was before." % reason,
            journal=journal,
            restored=restored,
            transaction=identifier,
        )

    def _undo(self, transaction):
        before = transaction.record["before"]
        if transaction.record["restarted"] and not transaction.record["files"]:
            self._discard_proof()
        if transaction.record["restarted"]:
            # A server that runs with the new files may write some of them anew.
            systemctl("stop", self.unit.name)
        try:
            transaction.undo()
        except HostError:
            systemctl("start", self.unit.name, check=False)
            raise
        systemctl("daemon-reload")
        self.unit = self.unit.refresh()
        if not before["active"]:
            systemctl("stop", self.unit.name)
        # A server that has read the files which are gone now may well answer as before.
        elif transaction.record["restarted"] or not self._matches_previous(before):
            self._restart(transaction)
            self._wait(lambda: self._difference(before))
        restored = [entry["path"] for entry in transaction.record["files"]]
        transaction.close()
        return restored

    def _discard_proof(self):
        """What runs now was started anew, was not proved, and cannot be put back: not even an old file makes it good."""
        self.store.discard("proved.json")

    def _matches_previous(self, before):
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
    def _first_error_lines(journal):
        """The first lines of the journal that tell of an error, as a sentence."""
        for index, line in enumerate(journal):
            if "rror" in line:
                return " Its own words: " + " ".join(line.strip() for line in journal[index : index + ERROR_LINES])
        return ""

    def _journal(self):
        """The service's own last lines, without secrets."""
        if self.started is None:
            return []
        run = subprocess.run(
            [
                "journalctl",
                "--unit",
                self.unit.name,
                "--since",
                "@%d" % self.started,
                "--output",
                "cat",
                "--no-pager",
                "--lines",
                str(JOURNAL_LINES),
            ],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
        )
        return [line for line in redact(run.stdout).splitlines() if line.strip()]
