# Copyright (c) 2026, the pifleet.nodered maintainers
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Restarts Node-RED and believes nothing but its answers; goes back to the old state when they are wrong."""

from __future__ import annotations

import contextlib
import os
import subprocess
import time
import typing as t

from ansible_collections.pifleet.nodered.plugins.module_utils._credentials.reencryption import encrypt_anew, plan_of
from ansible_collections.pifleet.nodered.plugins.module_utils._host import files
from ansible_collections.pifleet.nodered.plugins.module_utils._host.account import Account
from ansible_collections.pifleet.nodered.plugins.module_utils._host.errors import HostError
from ansible_collections.pifleet.nodered.plugins.module_utils._host.origin import modes_of, note_enabled, note_modes
from ansible_collections.pifleet.nodered.plugins.module_utils._host.store import PROVED, Store
from ansible_collections.pifleet.nodered.plugins.module_utils._host.systemd import (
    LONGEST_STOP,
    end,
    match_watchers,
    stop_limit,
    systemctl,
)
from ansible_collections.pifleet.nodered.plugins.module_utils._host.transaction import Transaction
from ansible_collections.pifleet.nodered.plugins.module_utils._node_red import login_directory
from ansible_collections.pifleet.nodered.plugins.module_utils._node_red.endpoints import endpoints, listening_of
from ansible_collections.pifleet.nodered.plugins.module_utils._node_red.exposed_files import (
    allowed_modes,
    exposed_files,
    wanted_umask,
)
from ansible_collections.pifleet.nodered.plugins.module_utils._node_red.unit import located
from ansible_collections.pifleet.nodered.plugins.module_utils._proxy import nginx
from ansible_collections.pifleet.nodered.plugins.module_utils._proxy.placement import went_on
from ansible_collections.pifleet.nodered.plugins.module_utils._shared import probe
from ansible_collections.pifleet.nodered.plugins.module_utils._shared.layout import (
    DROP_IN,
    ENVIRONMENT_FILE,
    NGINX_UNIT,
    certificate_file,
    is_of_proxy,
    proxy_certificate,
)
from ansible_collections.pifleet.nodered.plugins.module_utils._shared.redact import redact
from ansible_collections.pifleet.nodered.plugins.module_utils._shared.sentences import of_displaced

from . import login_page
from .proof import PAUSE, Prover, difference, probed
from .pruning import prune
from .sessions import end_sessions, sessions_file

if t.TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from ansible_collections.pifleet.nodered.plugins.module_utils._node_red.unit import Unit
    from ansible_collections.pifleet.nodered.plugins.module_utils._shared.host_state import (
        Expected,
        Proof,
        ProofResult,
        Requirements,
        ServiceBefore,
        UndoResult,
        WatchPlan,
    )

#: Seconds that nginx may take to answer with what it has read; Node-RED runs by then.
NGINX_TIMEOUT = 30
#: How many lines of the journal a failure shows.
JOURNAL_LINES = 20
#: How many of them its message has, from the first that tells of an error.
ERROR_LINES = 4


class DesiredService(t.NamedTuple):
    """What a service is to be restarted into."""

    #: The content of the systemd drop-in file; empty for none.
    drop_in: str
    #: The content of the environment file beside it; empty for none.
    environment: str
    #: What must hold beside what the settings say.
    expected: Requirements
    #: Users of the editor whose sessions end; "*" stands for all.
    revoke: Sequence[str] = ()
    #: A user of the editor who has to be able to log in.
    username: str | None = None
    #: Whether what was replaced can still be put back, until `Service.commit`; the login is proved no sooner either.
    keep_open: bool = False
    #: Minutes for which the host watches whether what was replaced lasts; 0 for not at all.
    watch_minutes: int = 0
    #: Whether a service that is still starting is spared the restart, if it can be proved as it is.
    wait_before_restart: bool = False


class Service:
    """The systemd service of one Node-RED, to be brought into a proved state.

    :param unit: its unit
    :param timeout: seconds that Node-RED may take to answer after a start, and its settings to load
    :param stable: seconds after which the same process must still run and answer
    :param keep_states: how many states are kept at a commit, so that they can be brought back; 0 keeps all
    :raises HostError: the host has no such service
    """

    def __init__(self, unit: Unit, timeout: int, stable: int, keep_states: int = 0) -> None:
        if not unit.exists:
            raise HostError(f"This host has no service {unit.name}.")
        self.unit = located(unit)
        self.timeout = timeout
        self.stable = stable
        self.keep_states = keep_states
        self.store = Store(unit.name)
        #: When this run has started it, in seconds since 1970-01-01 UTC.
        self.started: float | None = None

    @property
    def prover(self) -> Prover:
        """What proves the unit as it was read last."""
        return Prover(self.unit, self.timeout, self.stable)

    # Forward

    def prove(
        self,
        desired: DesiredService,
        change: Callable[[Transaction], None] | None = None,
        settle: Callable[[], object] | None = None,
    ) -> ProofResult:
        """Restart into the new state and prove it; back to the old one when that fails.

        :param desired: the new state
        :param change: what replaces further files for it, within the transaction
        :param settle: what is done when it is proved, instead of `restrict_permissions`
        :returns: what was proved
        :raises HostError: it could not be proved; the old state runs again
        """
        with self.store.lock():
            transaction = Transaction(self.store)
            try:
                if change:
                    change(transaction)
                target, restarted = self._bring_up(transaction, desired)
                # Of a function that was not called, the settings do not tell.
                target["client_certificate"] = probe.wants_client_certificate(target)
                self.prover.prove_login(target, None if desired.keep_open else desired.username)
                self.prover.prove_login_page(target)
                served = target["certificate"]
                if target["tls"] and not served:
                    served = probe.served_certificate(target["address"], target["port"])
                elif (proxy := target.get("proxy")) and not served:
                    served = probe.served_certificate("127.0.0.1", proxy["https"], name=proxy["name"])
            # Whatever it was, Node-RED may be stopped.
            except Exception as exc:
                raise self._roll_back(transaction, exc) from exc
            (settle or self.restrict_permissions)()
            remarks = [*self.prover.sign_on_remarks(target), *self.prover.proxy_remarks(target)]
            proof: Proof = {"expected": target, "settings": target["settings"]}
            identifier = transaction.identifier
            watch = self._watch_plan(desired.watch_minutes)
            if desired.keep_open:
                transaction.note_proof(proof, watch, desired.username)
            else:
                transaction.commit(proof, watch)
                self._prune()
        return {"changed": restarted, "proof": proof, "transaction": identifier, "served": served, "remarks": remarks}

    def commit(self, identifier: str, username: str | None) -> None:
        """Finish the transaction that `prove` has left open.

        :param identifier: its name; nothing is left to do where another run has finished it, to go on from there
        :param username: as in `DesiredService`; None where the control node has logged in
        :raises HostError: the login could not be proved, and the old state runs again; or another run has undone it
        """
        with self.store.lock():
            transaction = Transaction(self.store)
            if transaction.identifier != identifier:
                proved = self.store.read(PROVED) or {}
                if proved.get("transaction") == identifier:
                    return
                raise HostError(
                    f"What this run had proved ({identifier}) does not count any more: another run has replaced it"
                    f" ({transaction.identifier or proved.get('transaction') or 'its name is not known'}). Run again to see what"
                    " is left to do.",
                    restored=[],
                )
            proof = transaction.proof
            if proof is None:
                raise HostError(f"The transaction {identifier} was not proved, so it cannot be finished.")
            try:
                self.prover.prove_login(proof["expected"], username)
            except HostError as exc:
                raise self._roll_back(transaction, exc) from exc
            transaction.commit(proof)
            self._prune()

    def _finished(self, transaction: Transaction) -> bool:
        """Finish what a run has proved here that has ended before it could log in, or say so; tells whether it still holds."""
        proof, username = transaction.proof, transaction.open_record.get("username")
        if proof is None:
            return False
        try:
            # One that was stopped meanwhile is started, and proved, by who needs it.
            self.prover.prove_login(proof["expected"], username if self.unit.active else None)
        except HostError:
            return False
        transaction.commit(proof)
        return True

    def _watch_plan(self, minutes: int) -> WatchPlan | None:
        if not minutes:
            return None
        return {
            "minutes": minutes,
            "restarts": int(self.unit.now().get("NRestarts") or 0),
            "timeout": self.timeout,
            "stable": self.stable,
            "user": self.unit.user,
            "user_dir": self.unit.user_dir,
            "settings_path": self.unit.settings_path,
        }

    def _prune(self) -> None:
        if self.keep_states:
            prune(self.store, self.keep_states, os.path.basename(self.unit.settings_path))

    def restrict_permissions(self) -> bool:
        """Take the rights of other users away from the files that hold secrets; returns whether there were any."""
        changed = False
        account = self.unit.account
        umask = wanted_umask(self.unit.name)
        of_directory, of_files = allowed_modes(umask)
        exposed = exposed_files(self.unit.user_dir, account, umask)
        before = modes_of(exposed, account)
        for path in exposed:
            changed |= files.restrict(path, of_directory if os.path.isdir(path) else of_files, account)
        if changed:
            note_modes(self.store, before, modes_of(exposed, account))
        for path in login_directory.exposed(self.unit):
            changed |= files.restrict(path, 0o700, account)
        return changed

    def _bring_up(self, transaction: Transaction, desired: DesiredService) -> tuple[Expected, bool]:
        """Bring the service into the new state; returns what was proved, and whether that took a restart."""
        self._write_drop_in(transaction, desired)
        if desired.revoke or (desired.keep_open and not transaction.open):
            transaction.begin(self.before())
            transaction.plan(revoke=desired.revoke, login={**transaction.login_plan, "revoke": list(desired.revoke)})
        prover = self.prover
        target = prover.target(transaction, desired.expected)
        note_enabled(self.store, self.unit.properties.get("UnitFileState") != "disabled")
        systemctl("enable", "--quiet", self.unit.name)
        if prover.only_proxy_changed(transaction, target) and not plan_of(transaction):
            self._prove_through_nginx(transaction, target)
            return target, False
        if not plan_of(transaction) and (
            (desired.wait_before_restart and prover.comes_up(target)) or prover.refreshes(transaction, target)
        ):
            return target, False
        self._change_while_stopped(transaction, target)
        proxy = target.get("proxy")
        if not proxy and self._concerns_nginx(transaction):
            # Before the start: it may have the port that Node-RED is to have.
            nginx.read_anew()
        self._restart(transaction)
        alone = probed({**target, "proxy": None})
        prover.wait(alone if proxy else lambda: [*alone(), *went_on(transaction)])
        if proxy:
            self._prove_through_nginx(transaction, target)
        return target, True

    @staticmethod
    def _concerns_nginx(transaction: Transaction) -> bool:
        """Whether files that nginx reads were replaced."""
        return bool(transaction.record) and any(
            is_of_proxy(entry["path"]) for entry in transaction.open_record["files"]
        )

    def _prove_through_nginx(self, transaction: Transaction, target: Expected) -> None:
        """Have nginx read what was replaced of its files, and prove Node-RED through it, and all of its other sites.

        :raises HostError: something of that is wrong
        """
        systemctl("enable", "--quiet", NGINX_UNIT)
        if self._concerns_nginx(transaction) or not nginx.is_active():
            nginx.read_anew()
        through = probed(target)
        prover = Prover(self.unit, min(self.timeout, NGINX_TIMEOUT), self.stable)
        prover.wait(lambda: [*through(), *self._open_ports(target["port"]), *went_on(transaction)])

    def _open_ports(self, port: int) -> list[str]:
        """Where Node-RED itself answers the network, a phrase each; whatever its settings say."""
        listening = listening_of(self.unit.processes(), self.unit.account)
        return [
            f"Node-RED itself listens on port {port} of {address}"
            for address, own in listening
            if own == port and not address.startswith("127.") and address != "::1"
        ]

    def before(self) -> ServiceBefore:
        """How it is now, for the way back to it."""
        return {"active": self.unit.active, "endpoints": endpoints(self.unit)}

    def _write_drop_in(self, transaction: Transaction, desired: DesiredService) -> None:
        # A run that was killed may have left the files without telling systemd of them.
        reload_needed = self.unit.now().get("NeedDaemonReload") == "yes"
        for pattern, string in ((DROP_IN, desired.drop_in), (ENVIRONMENT_FILE, desired.environment)):
            path = pattern % self.unit.name
            content = string.encode() or None
            if files.read(path) != content:
                reload_needed = True
                transaction.begin(self.before())
                transaction.make_directory(os.path.dirname(path), 0o755, Account("root"))
                transaction.replace(path, content, 0o600, 0, 0)
        if reload_needed:
            systemctl("daemon-reload")
            self.unit = located(self.unit.refresh())

    def _change_while_stopped(self, transaction: Transaction, target: Expected) -> None:
        """Change the files that a running Node-RED has in memory and would write anew."""
        sessions = sessions_file(self.unit, target) if transaction.ends_sessions else None
        of_page = login_page.has_work(self.unit, transaction)
        if sessions or of_page or plan_of(transaction):
            transaction.note(restarted=True)
            self._end("stop")
        if sessions:
            end_sessions(self.unit, transaction, sessions)
        if of_page:
            login_page.carry_out(self.unit, transaction)
        encrypt_anew(self.unit, transaction)

    def _restart(self, transaction: Transaction) -> None:
        self.started = time.time()
        # Once is enough: where it is stopped already, it must start whether there is room for a record or not.
        if transaction.open and not transaction.open_record["restarted"]:
            transaction.note(restarted=True)
        systemctl("reset-failed", self.unit.name, check=False)
        self._end("restart")

    def _end(self, verb: str) -> None:
        """Stop or restart the service; where it does not end even by force, it is started as soon as it has."""
        try:
            end(verb, self.unit.name, self._stop_limit)
        except HostError:
            systemctl("start", "--no-block", self.unit.name, check=False)
            raise

    @property
    def _stop_limit(self) -> float:
        return stop_limit(self.unit.now(), max(LONGEST_STOP, self.timeout))

    # Back

    def undo(self, identifier: str | None = None) -> UndoResult:
        """Put back what an open transaction has replaced, and prove that the old state runs.

        :param identifier: the transaction; one that was proved already is undone only where it is given, else finished
        :returns: what was put back
        :raises HostError: a file cannot be put back, or the old state does not run
        """
        nothing: UndoResult = {
            "changed": False,
            "restored": [],
            "displaced": [],
            "transaction": None,
            "finished": False,
        }
        # A look without the lock first: where there is nothing to undo, not even the directory of the lock is made.
        if not Transaction(self.store).open:
            return nothing
        with self.store.lock():
            transaction = Transaction(self.store)
            if not transaction.open or (identifier and transaction.identifier != identifier):
                # Another run has begun from this state.
                return nothing
            result: UndoResult = {**nothing, "transaction": transaction.identifier}
            if not identifier and self._finished(transaction):
                return {**result, "finished": True}
            restored = self._undo(transaction)
            transaction.end_idle_watch()
        return {**result, "changed": bool(restored), "restored": restored, "displaced": self._displaced(transaction)}

    def take_back(self, transaction: Transaction) -> None:
        """Put back what was proved, and has not lasted. To be used under the store's lock.

        :param transaction: one that is watched
        :raises HostError: as `undo`
        """
        transaction.reopen()
        self._undo(transaction)

    def _displaced(self, transaction: Transaction) -> list[str]:
        """Where the owner's own text is kept; other files Node-RED itself writes."""
        path = transaction.displaced.get(self.unit.settings_path)
        return [path] if path else []

    def _undo(self, transaction: Transaction) -> list[str]:
        record = transaction.open_record
        replaced = [entry["path"] for entry in record["files"]]
        if record["restarted"] and not replaced:
            self._discard_proof()
        if record["restarted"]:
            # A server that runs with the new files may write some of them anew.
            self._end("stop")
        try:
            restored = transaction.undo()
            systemctl("daemon-reload")
            match_watchers(replaced)
            if "nginx" in record:
                nginx.as_before(record["nginx"])
            elif any(map(is_of_proxy, replaced)):
                nginx.read_anew()
            self.unit = located(self.unit.refresh())
            self._start_as_before(transaction)
        except (HostError, OSError):
            systemctl("daemon-reload", check=False)
            if record["before"]["active"]:
                systemctl("start", "--no-block", self.unit.name, check=False)
            raise
        transaction.close_undone()
        return restored

    def _start_as_before(self, transaction: Transaction) -> None:
        """Have the service run, or not, as it did before the transaction."""
        record = transaction.open_record
        before = record["before"]
        own = os.path.join(self.unit.settings_directory, certificate_file(self.unit.settings_path))
        certificates = any(entry["path"] in (own, proxy_certificate(self.unit.name)) for entry in record["files"])
        if not before["active"]:
            end("stop", self.unit.name, self._stop_limit)
        # A server that has read the files which are gone now may well answer as before.
        elif record["restarted"] or not self._matches_previous(before, certificates):
            if not record["restarted"]:
                # The way back needs no room.
                with contextlib.suppress(HostError, OSError):
                    transaction.note(restarted=True)
            self._restart(transaction)
            self.prover.wait(lambda: [*difference(before, certificates), *went_on(transaction)])

    def _matches_previous(self, before: ServiceBefore, certificates: bool) -> bool:
        """Whether the service shows what it showed before, which nginx may take a moment for."""
        deadline = time.monotonic() + (NGINX_TIMEOUT if nginx.expected(self.unit.name) else 0)
        while not self.prover.matches_previous(before, certificates):
            if time.monotonic() > deadline:
                return False
            time.sleep(PAUSE)
        return True

    def _discard_proof(self) -> None:
        """What runs now was started anew, was not proved, and cannot be put back: not even an old file makes it good."""
        self.store.discard(PROVED)

    def _roll_back(self, transaction: Transaction, failure: Exception) -> HostError:
        """The error to raise after a failure, with the old state running again if there was anything to put back."""
        journal = self._journal()
        reason = str(failure) if isinstance(failure, (HostError, OSError)) else f"A fault: {failure!r}."
        reason += _first_error_lines(journal)
        if not transaction.open:
            if self.started:
                self._discard_proof()
            return HostError(
                f"{reason} Nothing had been changed before.", journal=journal, restored=[], transaction=None
            )
        identifier = transaction.open_record["id"]
        try:
            restored = self._undo(transaction)
            transaction.end_idle_watch()
        except (HostError, OSError) as exc:
            return HostError(
                f"{reason} Going back failed too: {exc} The old files are in {self.store.path('backups', identifier)};"
                " the next run tries again.",
                journal=journal,
                restored=[],
                transaction=identifier,
            )
        aside = of_displaced(self._displaced(transaction))
        return HostError(
            f"{reason} The old files are back and the service is as it was before.{aside}",
            journal=journal,
            restored=restored,
            transaction=identifier,
        )

    def _journal(self) -> list[str]:
        """The service's own last lines, without secrets."""
        if self.started is None:
            return []
        since = f"@{int(self.started)}"
        run = subprocess.run(
            [
                "journalctl",
                "--unit",
                self.unit.name,
                "--since",
                since,
                "--output",
                "cat",
                "--no-pager",
                # From the end: with --since, systemd 252 takes the first lines otherwise.
                "--reverse",
                "--lines",
                str(JOURNAL_LINES),
            ],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
        )
        said = "\n".join(reversed(run.stdout.splitlines()))
        return [line for line in redact(said).splitlines() if line.strip()]


def _first_error_lines(journal: list[str]) -> str:
    """The first lines of the journal that tell of an error, as a sentence."""
    for index, line in enumerate(journal):
        if "rror" in line:
            return f" Its own words: {' '.join(line.strip() for line in journal[index : index + ERROR_LINES])}"
    return ""
