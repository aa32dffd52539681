# Copyright (c) 2026, the pifleet.nodered maintainers
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Injects faults at the system calls of one run, and has the host judged after each.

What becomes of a host depends on what it holds and what runs on it, and on nothing else. So each different state is
recovered once, however many points lead to it.

When a case is whole. `Campaign` asks nothing else, and all of it; docs/reliability.md says the same to readers:

1. Files. Where a module or the run was killed, and where a run has ended on a disk that is full or broken or has failed
   once, each file is the old one or the new one, with its content, mode and owner. `_core` says which files these are. Rights
   that a proved change takes away from others do not come back, and count for neither state.
2. One state. When the run has gone back or on, or the host was started anew, all files are old, or all are new. Not asked
   where the way back may still be to come: of a run that was killed, and of a disk that is still full or broken.
3. Clients. Wherever all files are of one state, Node-RED is up, and curl, openssl and the host's Node.js find the view of
   that state (`Judge.faults`): key and certificate belong together and to the authority, settings.js loads and is open or
   closed, a stranger is answered as there (closed: 401 over TLS, nothing without; with nginx, nothing by Node-RED itself),
   the owner logs in and sees the flows, credentials of flows open. While a disk is full or broken his login is not asked for.
   Where files may be of both states there: Node-RED is up, and a stranger is refused if he was before.
4. The next run, with the same variables and no fault, has status 0; then all files are new, and clients find that.
5. The third run has status 0 and changes nothing. `rotate` is not asked, because it changes something each time.
6. The stranger. Somebody who asks three ports for the flows all the time is never answered 200, from the first fault of a
   kind to its last. Not asked of `secure-first`, which begins open.

A frozen disk makes nothing fail: the modules all end well, and 3 to 6 hold. `install` begins without Node-RED, has nothing
to go back to and starts nothing. Instead of 1 to 3 and 6: from the fault on Node-RED neither runs nor starts with the host,
and nobody answers on any port. After 4 the unit, the programs and all that npm has installed are those of a run without a
fault, byte by byte; systemd takes the unit, npm misses no package, the userDir is its owner's alone, and Node-RED answers when
it is started for a moment, to the host alone. What Debian's programs write of a new user is theirs, and not compared.
"""

from __future__ import annotations

import collections
import contextlib
import json
import os
import pathlib
import re
import tempfile
import threading
import time
import typing as t

import states
import tracing
from disks import Disk, mirror, mounted
from host import PATIENCE, PYTHON, STORE, UNITS, USER_DIR, Host, Module, Run
from judge import Judge, Stranger, sentences
from operations import OWNER, Operation, View
from results import Kept, Result
from states import State
from tracing import Boundary, Verdict

if t.TYPE_CHECKING:
    from collections.abc import Callable, Sequence

#: By the directories of which a state tells, the disks that they are on.
_TREES = {
    USER_DIR: "userDir",
    UNITS: "etc",
    "/etc/nginx/sites-enabled": "etc",
    "/etc/pifleet-nodered": "etc",
    STORE: "store",
}
#: The same for a host without Node-RED.
_TREES_OF_BARE = {f"/home/{OWNER}": "home", "/etc": "etc", "/usr/local/bin": "local"}
#: Where npm puts what it installs. What it has done when it is killed is not looked at, but what comes of that.
_PACKAGES = "/usr/local/lib/node_modules"
#: Of the system calls by which npm writes there, one in so many is a point.
_ONE_IN = 4000
_STAGED_KEY = f"{STORE}/nodered/staged.key"
#: What is no part of what a client meets: records, second and temporary names, sessions, what watches and goes back,
#: and what fills a disk.
_BESIDE = re.compile(
    rf"^{STORE}|\.pifleet(~|-<process>)$|/\.sessions\.json$|/\.config\.runtime\.json|/pifleet-[\w-]+\.service$|\.wants$|/\.filler$"
)
#: What `install` has to have made. What the programs of Debian make of a new user is theirs.
_INSTALLED = re.compile(rf"^{UNITS}/nodered\.service$|^/usr/local/bin/|^{_PACKAGES}$|^/home/{OWNER}/\.node-red$")
#: Puts a file where Ansible has a directory of its own.
_PUT = 'mkdir -p "${1%/*}" && cat >"$1"'
#: Names that are chosen at random.
_CHOSEN = [
    (re.compile(r"(/tmp|/var/tmp)/\w{8}$"), r"\1/<temporary>"),
    (re.compile(r"_payload_\w{8}"), "_payload_<temporary>"),
]
#: Seconds for which a disk is frozen once a call waits for it.
_FROZEN = 0.05


class Point(t.NamedTuple):
    """A system call of a run, before it begins."""

    #: Which of the modules it is in.
    module: int
    call: str
    path: str
    #: How often the module had come to the same call on the same path before.
    former: int
    #: Whether it is the module's own, not that of a program that it has started.
    own: bool
    #: The short names of the states that the host is in, and that its disks are in.
    state: str
    on_disks: str

    @property
    def key(self) -> tuple[str, str, int]:
        return self.call, self.path, self.former

    def __str__(self) -> str:
        return f"module {self.module + 1}, before {self.call} {self.path} ({self.former + 1})"


class Replayed(t.NamedTuple):
    """A module that has come to an end."""

    #: What it has answered, None where it was killed or has said nothing.
    answer: dict[str, t.Any] | None
    printed: str

    @property
    def failed(self) -> bool:
        # Whether the status of a program is a failure is the task's to say.
        return self.answer is None or (bool(self.answer.get("failed")) and "rc" not in self.answer)


class Campaign:
    """Faults in one run on one host.

    :param host: the host, which is up and open
    :param operation: the run
    :param kept: what former campaigns have found, which this one goes on from and adds to, after each case
    :param most: how many cases of a kind of fault are tried; None for all that were not tried yet
    :param matching: what the points have in their names, as a regular expression
    :param tell: is told what goes on
    """

    def __init__(
        self,
        host: Host,
        operation: Operation,
        kept: Kept,
        most: int | None,
        matching: str,
        tell: Callable[[str], None],
    ) -> None:
        self.host = host
        self.operation = operation
        self.most = most
        self.matching = re.compile(matching)
        self.tell = tell
        self.kept = kept
        self.judge = Judge(host)
        self.work = host.directory / operation.name
        self.variables = dict(operation.variables)
        self.trees = _TREES_OF_BARE if operation.bare else _TREES
        self.known: dict[str, str] = {}
        self.modules: list[Module] = []
        #: Those of the runs before and of the run itself that restart Node-RED.
        self._restarts: list[Module] = []
        self.points: list[Point] = []
        self.results: dict[str, Result] = collections.defaultdict(Result)
        self.old: State = {}
        self.new: State = {}
        #: What was wrong with the next run, by the state before it.
        self._tried: dict[str, list[str]] = {}
        #: The private key of the run without faults.
        self._key: re.Match[bytes] | None = None
        #: The first module that restarts Node-RED, by its index.
        self._restarting = 0
        #: Node-RED's process since the host was started, and what `_service` says as long as nothing was restarted.
        self._process = ""
        self._as_started = ""
        #: What npm has installed without a fault.
        self._installed = ""
        #: What Ansible has sent to the host beside the modules, by its path.
        self._sent: dict[str, bytes] = {}
        self._disturbed = True

    def run(self, kinds: Sequence[str]) -> bool:
        """Inject faults; tells whether no host was found that is not whole.

        :param kinds: the kinds, of `KINDS`
        """
        self._prepare()
        self._record()
        self._survey()
        self.results.update(self.kept.read(self._program))
        former = {name: result.in_words() for name, result in self.results.items()}
        for kind in kinds:
            if kind not in (self.operation.kinds or kinds):
                continue
            started = time.monotonic()
            with Stranger(self.host) as stranger:
                KINDS[kind](self)
            answers = {answer: times for answer, times in stranger.seen.items() if self._is_bad(answer)}
            if answers:
                self.results[kind].failures.append(f"a stranger was answered {answers}")
            self.kept.write(self._program, self.results)
            seconds = time.monotonic() - started
            for name, result in self.results.items():
                if former.get(name) != result.in_words():
                    former[name] = result.in_words()
                    self.tell(f"{self.operation.name}, {name}: {result.in_words()}; {seconds:.0f} s")
        return not any(result.failures for result in self.results.values())

    @property
    def _program(self) -> str:
        """The short name of what runs on the host."""
        contents = {name: number for module in self.modules for name, number in module.contents.items()}
        return states.digest({name: str(number) for name, number in contents.items()})

    # The run without faults

    def _prepare(self) -> None:
        """Bring the host to the state before, and keep its disks."""
        self.work.mkdir(parents=True)
        if self.operation.bare:
            self._strip()
        for playbook, variables in self.operation.before:
            self._green(self.host.play(playbook, variables))
        if self.operation.deploys_credentials:
            self.judge.deploy(self.operation.old)
        if self.operation.restores:
            self.variables["nodered_restore"] = max(
                path.name for path in self.host.file(f"{STORE}/nodered/backups").iterdir()
            )
        self._restarts = [module for module in self.host.recorded() if module.name.startswith("host_restart")]
        self.host.save(self.work / "old")
        self._start("old")
        self.known = states.contents(self._trees(), "old")
        self.old = self._state()
        self._agreed(self._wrong(self.operation.old))

    def _strip(self) -> None:
        """Take Node-RED off the host."""
        package = self.host.file(f"{_PACKAGES}/node-red/package.json").read_text("utf-8")
        self.variables["nodered_version"] = json.loads(package)["version"]
        for command in (
            ("systemctl", "disable", "--now", "nodered"),
            ("npm", "uninstall", "--global", "node-red"),
            ("rm", "-r", "/usr/lib/systemd/system/nodered.service", USER_DIR),
            ("systemctl", "daemon-reload"),
        ):
            self.host.output(*command)

    def _record(self) -> None:
        """Run it once, and keep what Ansible sends, and the disks before each module."""
        self._green(self.host.play(self.operation.playbook, self.variables))
        self.modules = [module for module in self.host.recorded() if module.name not in ("host_info", "ping")]
        self._restarts += [module for module in self.modules if module.name.startswith("host_restart")]
        for module in self.modules:
            if {"src", "dest"} <= module.options.keys():
                self._sent[module.options["src"]] = self.host.file(module.options["dest"]).read_bytes()
        self.new = self._state()
        self._installed = self._packages(of_contents=True) if self.operation.bare else ""
        self._agreed(self._wrong(self.operation.new))
        pem = self.judge.certificate() or b""
        run = self.host.play(self.operation.playbook, self.variables)
        self._green(run)
        if run.changed and self.operation.playbook != "rotate":
            raise AssertionError(f"The run of {self.operation.name} changes something each time.\n{run.output}")
        self._key = re.search(
            rb"-----BEGIN [A-Z ]*PRIVATE KEY-----.*?-----END [A-Z ]*PRIVATE KEY-----\n", pem, re.DOTALL
        )
        self.host.recorded()
        self._start("old")
        for index in range(len(self.modules)):
            self.host.save(self._before(index))
            if self._service() == self._as_started:
                self._restarting = index
            replayed = self._replay(index)
            if replayed.failed:
                raise AssertionError(f"{self.modules[index].name} does not end as it did: {replayed.printed[-2000:]}")

    def _survey(self) -> None:
        """Go through the run once more, and look at the host and its disks before each system call. Nothing is written to
        the disks for that."""
        self._start("old")
        disks = _Disks(self)
        for index in range(len(self.modules)):
            counts: collections.Counter[tuple[str, str]] = collections.Counter()
            service, of_npm = "", 0

            def look(boundary: Boundary) -> Verdict:
                nonlocal service, of_npm
                name = (boundary.call, _named(boundary.path))
                if boundary.path.startswith(f"{_PACKAGES}/node-red/"):
                    of_npm += 1
                    if of_npm % _ONE_IN:
                        counts[name] += 1
                        return Verdict.GO_ON
                # Nothing else changes what runs.
                service = service or self._service()
                state = states.digest(self._state(), service)
                self.points.append(Point(index, *name, counts[name], boundary.own, state, disks.look()))
                counts[name] += 1
                if boundary.call == "execve":
                    service = ""
                return Verdict.GO_ON

            if self._replay(index, look).failed:
                raise AssertionError(f"{self.modules[index].name} does not end as it did.")
        self.tell(
            f"{self.operation.name}: {len(self.modules)} modules, {len(self.points)} system calls,"
            f" {len({point.state for point in self.points})} states,"
            f" {len({point.on_disks for point in self.points})} on the disks"
        )

    # Faults

    def module_killed(self) -> None:
        """The module is killed, and the run goes back."""
        result = self.results["module killed"]
        for point in self._of_each_state(result):
            wrong = self._kill(point)
            self._run(self.modules[-1].going_back(self._restarts[-1]))
            found, which = self._by_itself()
            self._count(result, point, [*wrong, *found, *self._next_run()], which)

    def host_reset(self) -> None:
        """All of the host is killed at once, and started anew with all that was written."""
        result = self.results["host reset"]
        images = self.work / "killed"

        def keep(_boundary: Boundary) -> Verdict:
            self.host.save(images)
            return Verdict.KILL

        for point in self._of_each_state(result):
            self._reach(point)
            self._replay(point.module, _at(point, keep))
            self.host.kill()
            self.host.start(images)
            found, which = self._by_itself()
            self._count(result, point, [*found, *self._next_run()], which)

    def run_killed(self) -> None:
        """The module and the control node are killed, and the next run follows."""
        result = self.results["run killed"]
        for point in self._of_each_state(result):
            self._count(result, point, [*self._kill(point), *self._next_run()], "new")

    def _kill(self, point: Point) -> list[str]:
        """Kill the module at a point; returns what is wrong with the host then."""
        self._reach(point)
        self._replay(point.module, _at(point, Verdict.KILL))
        self._settle()
        return self._wrong(self.operation.old) if self.operation.bare else self._not_whole(self._state())

    def without_power(self) -> None:
        """The host loses its power, and with it all that was not synchronized."""
        result = self.results["without power"]
        for point in self._chosen(result, self.points, lambda point: point.on_disks):
            self.host.kill()
            self.host.start(self.work / "disks" / point.on_disks)
            self._disturbed = True
            found, which = self._by_itself()
            self._count(result, point, [*found, *self._next_run()], which)

    def full(self) -> None:
        """A disk has no room any more."""
        self._each("full", tracing.ALLOCATING, Disk.fill, Disk.empty)

    def read_only(self) -> None:
        """A disk cannot be written any more, until the host is started anew."""
        self._each("read-only", tracing.WRITING, Disk.break_down, None)

    def failing(self) -> None:
        """A single call fails."""
        self._each("failing", tracing.WRITING, None, None)

    def frozen(self) -> None:
        """Before each call, the disk that it is about does nothing until the call waits for it: one run with all of that."""
        result = self.results["frozen"]
        points = [point for point in self.points if self._disk(point)]
        if not self._chosen(result, points, lambda _point: "all of them"):
            return
        self._reach(points[0])
        failed = any(self._replay(index, self._freeze).failed for index in range(len(self.modules)))
        self._settle()
        wrong = ["a module fails"] if failed else []
        self._count(result, points[0], [*wrong, *self._as(self._state(), "new"), *self._next_run()], "new")

    def _freeze(self, boundary: Boundary) -> Verdict:
        disk = next((each for each in self.host.disks.values() if boundary.path.startswith(f"{each.place}/")), None)
        # A call that did not have to wait may be over before that.
        if disk and not disk.frozen:
            disk.freeze()
            threading.Timer(_FROZEN, disk.thaw).start()
        return Verdict.GO_ON

    def _each(
        self, kind: str, calls: frozenset[str], fault: Callable[[Disk], None] | None, end: Callable[[Disk], None] | None
    ) -> None:
        """Try each point of a kind.

        :param calls: the system calls before which it is tried
        :param fault: what happens to the disk; None has the call fail, this once
        :param end: what ends that without a new start of the host
        """
        result = self.results[kind]
        points = [point for point in self.points if point.own and point.call in calls and self._disk(point)]
        # One more write to a file that nobody reads yet is the same case.
        for point in self._chosen(result, points, lambda point: (point.state, point.call, point.path)):
            disk = self.host.disks[t.cast("str", self._disk(point))]
            self._reach(point)
            said = self._run_on(point, disk, fault)
            self._settle()
            state = self._state()
            wrong, which = self._not_whole(state), self._which(state)
            if not self.judge.wait_until_up(self._view(which or "old")):
                wrong.append("Node-RED is down")
            elif which:
                wrong += self._wrong(self._view(which), on_broken_disk=fault is not None)
            elif not fault:
                wrong.append(self._mixed(state))
            elif self.operation.old.password:
                wrong += self.judge.faults_of_strangers(self.operation.old)
            if fault and end:
                end(disk)
            elif fault:
                self.host.kill()
                self.host.start()
                found, which = self._by_itself()
                wrong += found
            wrong += self._next_run()
            # What could not go back with the disk as it was does so in the next run.
            self._count(result, point, [*wrong, f"the run said: {said}"] if wrong else [], which or "old")

    def _run_on(self, point: Point, disk: Disk, fault: Callable[[Disk], None] | None) -> str:
        """Run the module with the fault, and what follows it in a run: the way back, or the next modules.

        :returns: what the run said of a failure
        """

        def at_point(_boundary: Boundary) -> Verdict:
            if fault is None:
                return Verdict.FAIL
            fault(disk)
            return Verdict.GO_ON

        for index in range(point.module, len(self.modules)):
            replayed = self._replay(index, _at(point, at_point) if index == point.module else None)
            if not replayed.failed:
                continue
            said = [replayed]
            # What has gone back itself is not told to do so again.
            if "restored" not in (replayed.answer or {}):
                said.append(self._run(self.modules[-1].going_back(self._restarts[-1])))
            return " ".join(str((each.answer or {}).get("msg", each.printed[-500:])) for each in said)
        return "nothing"

    # To a point

    def _start(self, images: str) -> None:
        """Start the host with copies of its disks, and wait for Node-RED."""
        self.host.kill()
        self.host.start(self.work / images)
        if not self.judge.wait_until_up(self.operation.old):
            raise AssertionError("Node-RED does not come up with the old files.")
        self._process = self._property("MainPID")
        self._as_started = self._service()
        self._disturbed = False

    def _reach(self, point: Point) -> None:
        """Bring the host to where the module of a point begins."""
        if self.operation.bare:
            self._start(f"before-{point.module}")
            return
        if self._disturbed or self._service() != self._as_started:
            self._start("old")
        self._disturbed = True
        # Behind a restart it is not enough to have the files of then.
        nearest = min(point.module, self._restarting)
        for place, name in self.trees.items():
            disk = self.host.disks[name]
            with mounted(self._before(nearest) / disk.image.name) as root:
                inside = pathlib.Path(place).relative_to(disk.place)
                mirror(root / inside, disk.path / inside)
            # What was there before the module is not what a fault takes away.
            disk.synchronize()
        self.host.output("systemctl", "daemon-reload")
        for index in range(nearest, point.module):
            self._replay(index)

    def _replay(self, index: int, on_boundary: Callable[[Boundary], Verdict] | None = None) -> Replayed:
        """Run a module of the run."""
        module = self.modules[index]
        with contextlib.suppress(OSError, ValueError):
            module = module.about(
                json.loads(self.host.file(f"{STORE}/nodered/transaction.json").read_text("utf-8"))["id"]
            )
        for place, content in self._sent.items():
            # With the rights of who logs in, as Ansible does.
            self.host.run(self.host.entering("runuser", "--user=pi", "--", "sh", "-c", _PUT, "sh", place), content)
        replayed = self._run(module, on_boundary)
        staged = self.host.file(_STAGED_KEY)
        # The certificate of the recorded run belongs to the key of that run.
        if not replayed.failed and self._key and staged.exists() and staged.stat().st_size:
            with contextlib.suppress(OSError), open(staged, "r+b") as stream:
                stream.write(self._key[0])
                stream.truncate()
        return replayed

    def _run(self, module: Module, on_boundary: Callable[[Boundary], Verdict] | None = None) -> Replayed:
        command = self.host.entering(PYTHON)
        if on_boundary:
            _status, printed = tracing.run(command, module.program, on_boundary, tuple(self.host.places.values()))
        else:
            printed = self.host.run(command, module.program)
        text = printed.decode("utf-8", "replace")
        answer = None
        for line in text.splitlines():
            with contextlib.suppress(ValueError):
                answer = json.loads(line)
        return Replayed(answer if isinstance(answer, dict) else None, text)

    def _before(self, index: int) -> pathlib.Path:
        return self.work / f"before-{index}"

    # What there is

    def _trees(self) -> dict[str, pathlib.Path]:
        return {
            place: self.host.disks[name].path / pathlib.Path(place).relative_to(self.host.disks[name].place)
            for place, name in self.trees.items()
        }

    def _state(self) -> State:
        state = states.read(self._trees(), self.known)
        return state | {_PACKAGES: self._packages()} if self.operation.bare else state

    def _packages(self, of_contents: bool = False) -> str:
        """What npm has installed, in short."""
        disk = self.host.disks["local"]
        return packages(disk, disk.path, of_contents)

    def _service(self) -> str:
        """Whether Node-RED runs, and whether it is the process of the beginning."""
        properties = self.host.output("systemctl", "show", "nodered", "--property=ActiveState,SubState,MainPID")
        return properties.replace(f"MainPID={self._process}\n", "the same\n") if self._process else properties

    def _property(self, name: str) -> str:
        return self.host.output("systemctl", "show", "nodered", f"--property={name}", "--value").strip()

    def _settle(self) -> None:
        """Wait until systemd has done what it was asked for."""
        deadline = time.monotonic() + PATIENCE
        while "No jobs" not in self.host.output("systemctl", "list-jobs"):
            if time.monotonic() > deadline:
                raise TimeoutError("systemd does not come to an end with its jobs.")
            time.sleep(0.1)

    def _disk(self, point: Point) -> str | None:
        return next((name for name, place in self.host.places.items() if point.path.startswith(f"{place}/")), None)

    # What it is worth

    def _is_bad(self, answer: str) -> bool:
        """Whether a stranger must never be answered so."""
        return answer != "000" if self.operation.bare else answer == "200" and self.operation.old.password is not None

    def _core(self, state: State) -> State:
        """What a client meets, and what decides it."""
        if self.operation.bare:
            return {path: what for path, what in state.items() if _INSTALLED.search(path)}
        closed = states.closed(self.old, self.new)
        return {
            path: "closed or not" if path in closed and what in (self.old[path], self.new[path]) else what
            for path, what in state.items()
            if not _BESIDE.search(path)
        }

    def _view(self, which: str) -> View:
        return self.operation.old if which == "old" else self.operation.new

    def _which(self, state: State) -> str | None:
        """Whether the files are all old, or all new."""
        for which, whole in (("old", self.old), ("new", self.new)):
            if self._core(state) == self._core(whole):
                return which
        return None

    def _not_whole(self, state: State) -> list[str]:
        """The files that are neither old nor new."""
        core, old, new = (self._core(each) for each in (state, self.old, self.new))
        return [
            f"{path} is neither old nor new"
            for path in sorted({*core, *old, *new})
            if core.get(path) not in (old.get(path), new.get(path))
        ]

    def _as(self, state: State, which: str) -> list[str]:
        """What is wrong with a host whose files are to be all old, or all new."""
        whole = self.old if which == "old" else self.new
        differing = states.differences(self._core(state), self._core(whole))
        wrong = [f"{path} is not {which}" for path in differing]
        if not self.judge.wait_until_up(self._view(which)):
            return [*wrong, "Node-RED is down"]
        if self.operation.bare and which == "new" and self._packages(of_contents=True) != self._installed:
            wrong.append("npm has installed something else")
        return [*wrong, *self._wrong(self._view(which))]

    def _wrong(self, view: View, on_broken_disk: bool = False) -> list[str]:
        found = self.judge.faults(view)
        # Node-RED keeps a login on its disk before it lets in.
        return [each for each in found if not (on_broken_disk and "owner" in each)]

    def _by_itself(self) -> tuple[list[str], str]:
        """What is wrong with a host that has started, and which state it is in."""
        self._settle()
        state = self._state()
        which = self._which(state)
        if which is None and self.operation.bare:
            return self._wrong(self.operation.old), "old"
        if which is None:
            return [self._mixed(state)], "old"
        return self._as(state, which), which

    def _mixed(self, state: State) -> str:
        """That files are of both states, with those that are not old."""
        return f"not of one state: {', '.join(states.differences(self._core(state), self._core(self.old)))} are not old"

    def _next_run(self) -> list[str]:
        """What is wrong with the next run, and with the one after it."""
        state = self._in_short()
        if state not in self._tried:
            self._let_a_minute_pass()
            run = self.host.play(self.operation.playbook, self.variables)
            self._disturbed = True
            wrong = [] if run.status == 0 else [f"the next run fails: {_reason(run)}"]
            self._tried[state] = [*wrong, *self._as(self._state(), "new"), *self._third_run()]
        return self._tried[state]

    def _in_short(self) -> str:
        """The short name of what a next run finds."""
        state = self._state() if self.operation.restores else states.without_leftovers(self._state())
        return states.digest(state, self._property("ActiveState"))

    def _let_a_minute_pass(self) -> None:
        """Date back a change that is proved: for a minute a next run leaves it to the control node that has proved it."""
        with contextlib.suppress(FileNotFoundError):
            record = self.host.file(f"{STORE}/nodered/transaction.json")
            os.utime(record, (time.time() - 3600,) * 2)

    def _third_run(self) -> list[str]:
        state = f"third {self._in_short()}"
        if state not in self._tried and self.operation.playbook != "rotate":
            run = self.host.play(self.operation.playbook, self.variables)
            green = run.status == 0 and run.changed == 0
            self._tried[state] = [] if green else [f"a third run changes {run.changed}: {_reason(run)}"]
        return self._tried.get(state, [])

    def _count(self, result: Result, point: Point, wrong: list[str], which: str) -> None:
        result.tried[str(point)] = which
        if wrong:
            result.failures.append(f"{point}: {sentences(wrong)}")
            self.tell(f"FAILED {result.failures[-1]}")
        self.kept.write(self._program, self.results)

    def _of_each_state(self, result: Result) -> list[Point]:
        """One of the points that lead to each state of the host, at most so many of them."""
        return self._chosen(result, self.points, lambda point: point.state)

    def _chosen(self, result: Result, points: list[Point], case: Callable[[Point], t.Hashable]) -> list[Point]:
        """One point of each case that was not tried yet, at most so many of them.

        :param case: what is the same for all points of a case
        """
        cases = collections.defaultdict(list)
        for point in points:
            cases[case(point)].append(point)
        result.points, result.cases = len(points), len(cases)
        untried = [of_case for of_case in cases.values() if not any(str(point) in result.tried for point in of_case)]
        named = [[point for point in of_case if self.matching.search(str(point))] for of_case in untried]
        return spread([of_case[0] for of_case in named if of_case], self.most)

    def _green(self, run: Run) -> None:
        if run.status:
            raise AssertionError(f"A run without a fault fails:\n{run.output[-6000:]}")

    def _agreed(self, wrong: list[str]) -> None:
        if wrong:
            raise AssertionError(f"Without a fault: {sentences(wrong)}")


class _Disks:
    """What is on the disks of a host, with the copies of each different state."""

    def __init__(self, campaign: Campaign) -> None:
        self._campaign = campaign
        self._written: dict[str, int] = {}
        self._parts: dict[str, State] = {}
        self._last = ""
        self._copies = pathlib.Path()

    def look(self) -> str:
        """The short name of the state; its copies are in a directory of that name."""
        host = self._campaign.host
        written = {name: disk.sectors_written() for name, disk in host.disks.items()}
        if written == self._written:
            return self._last
        with tempfile.TemporaryDirectory(dir=self._campaign.work) as directory:
            copies = pathlib.Path(directory, "copies")
            copies.mkdir()
            for name, disk in host.disks.items():
                copy = copies / disk.image.name
                if written[name] == self._written.get(name):
                    os.link(self._copies / disk.image.name, copy)
                    continue
                disk.save(copy)
                looked_at = pathlib.Path(directory, disk.image.name)
                disk.save(looked_at)
                with mounted(looked_at) as root:
                    trees = {
                        place: root / pathlib.Path(place).relative_to(disk.place)
                        for place, of_disk in self._campaign.trees.items()
                        if of_disk == name
                    }
                    self._parts[name] = states.read(trees, self._campaign.known)
                    if self._campaign.operation.bare and name == "local":
                        self._parts[name][_PACKAGES] = packages(disk, root)
            self._written = written
            self._last = states.digest({path: what for part in self._parts.values() for path, what in part.items()})
            self._copies = self._campaign.work / "disks" / self._last
            if not self._copies.exists():
                self._copies.parent.mkdir(exist_ok=True)
                copies.rename(self._copies)
        return self._last


def _at(point: Point, verdict: Verdict | Callable[[Boundary], Verdict]) -> Callable[[Boundary], Verdict]:
    """Does something at a point, and lets all other calls go on."""
    counts: collections.Counter[tuple[str, str]] = collections.Counter()

    def decide(boundary: Boundary) -> Verdict:
        name = (boundary.call, _named(boundary.path))
        counts[name] += 1
        if (*name, counts[name] - 1) != point.key:
            return Verdict.GO_ON
        return verdict(boundary) if callable(verdict) else verdict

    return decide


def spread(points: list[Point], most: int | None) -> list[Point]:
    """At most so many of a list, evenly."""
    if most is None or len(points) <= most:
        return points
    return [points[(2 * index + 1) * len(points) // (2 * most)] for index in range(most)]


def packages(disk: Disk, root: pathlib.Path, of_contents: bool = False) -> str:
    """A short name for what npm has installed.

    :param disk: that it is on
    :param root: where that is now
    :param of_contents: whether the contents of files count
    """
    return states.summary(root / pathlib.Path(_PACKAGES).relative_to(disk.place), of_contents)


def _named(path: str) -> str:
    """A path without what is another one in each run."""
    path = states.TRANSACTION.sub("<transaction>", states.TEMPORARY.sub(r"\1<process>", path))
    for pattern, word in _CHOSEN:
        path = pattern.sub(word, path)
    return path


def _reason(run: Run) -> str:
    """Why a run has failed, in short."""
    found = re.search(r'"msg": "(.*?)"[,}]|\[ERROR\]: (.*)', run.output)
    return (found[1] or found[2])[:500] if found else run.output[-500:]


#: What is injected, in the order in which that is done.
KINDS: dict[str, t.Callable[[Campaign], None]] = {
    "module killed": Campaign.module_killed,
    "host reset": Campaign.host_reset,
    "run killed": Campaign.run_killed,
    "without power": Campaign.without_power,
    "frozen": Campaign.frozen,
    "full": Campaign.full,
    "read-only": Campaign.read_only,
    "failing": Campaign.failing,
}
