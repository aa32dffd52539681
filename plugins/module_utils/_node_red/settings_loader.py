# Copyright (c) 2026, the pifleet.nodered maintainers
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a settings.js means: the host's own Node.js loads it as the service would, and says what it found.

The file's new content travels over standard input and is compiled under its real file name, so `__dirname`, `require`
and relative paths mean what they will mean, and nothing secret touches the disk before it is known to be good.
"""

from __future__ import annotations

import contextlib
import ctypes
import json
import os
import re
import secrets
import shutil
import signal
import subprocess
import time
import typing as t

from ansible_collections.pifleet.nodered.plugins.module_utils._host.account import Account
from ansible_collections.pifleet.nodered.plugins.module_utils._host.errors import HostError
from ansible_collections.pifleet.nodered.plugins.module_utils._shared.layout import LOGIN_PROGRAM, login_directory
from ansible_collections.pifleet.nodered.plugins.module_utils._shared.redact import redact

from .settings_loader_program import PROGRAM

if t.TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from ansible_collections.pifleet.nodered.plugins.module_utils._shared.host_state import EffectiveSettings

    from .unit import LocatedUnit

#: Variables that Node.js needs at its start and that are no secrets. All others go the way of the content, because systemd
#: shows the environment of a unit to every user of the host.
_AT_START = re.compile(r"(?:PATH|HOME|USER|LOGNAME|LANG|TZ|LC_\w+|LD_\w+|XDG_\w+|NODE_(?!RED_)\w+)$")
#: The search path of root's own commands: the service's user writes the environment of the service.
_ROOT_PATH = "/usr/sbin:/usr/bin:/sbin:/bin"
#: Seconds for processes that a settings file has left behind to go away.
_CLEANING = 5
_PR_SET_CHILD_SUBREAPER = 36


class Runtime(t.NamedTuple):
    """How Node.js is started to load a settings file."""

    #: The program; None where there is none.
    node: str | None
    environment: dict[str, str]
    #: The working directory.
    directory: str
    account: Account
    #: Whether it runs under systemd, and not as our own child.
    in_transient_unit: bool


class LoadedValue(t.TypedDict, total=False):
    """The value of a setting."""

    #: What `typeof` says of it.
    type: t.Required[str]
    #: Left out where JSON has no such value, as for a function.
    value: t.Any


class LoadedSettings(t.TypedDict):
    """What Node.js found in a settings file."""

    #: In the order in which they were asked for.
    values: list[LoadedValue]
    effective: EffectiveSettings


class LoadError(HostError):
    """Node.js refused a settings file.

    :param path: the file
    :param reason: Node's own words, without secrets
    """

    def __init__(self, path: str, reason: str) -> None:
        super().__init__(f"Node.js cannot load the new {path}: {reason}")
        self.reason = reason


def _words(stack: str) -> str:
    """What an error says, without the way to it that stands below."""
    return re.split(r"\n    at ", stack, maxsplit=1)[0].strip()


def runtime_of_service(unit: LocatedUnit) -> Runtime:
    """The Node.js, the user, the environment and the working directory that a service has."""
    in_transient_unit = os.geteuid() == 0 and os.path.isdir("/run/systemd/system")
    return Runtime(unit.node()[0], unit.environment, unit.working_directory, unit.account, in_transient_unit)


def runtime_of_file(path: str, account: Account) -> Runtime:
    """The Node.js on our own PATH, in the directory of a file.

    :param path: the file
    :param account: the user to run as
    """
    environment = dict(os.environ)
    if os.geteuid() == 0:
        environment.update(HOME=account.home, USER=account.name, LOGNAME=account.name)
    return Runtime(shutil.which("node"), environment, os.path.dirname(os.path.abspath(path)), account, False)


def load_settings(
    runtime: Runtime,
    path: str,
    source: bytes,
    key_paths: Sequence[Sequence[str]],
    load_tls: bool,
    timeout: int,
    beside: Mapping[str, str] | None = None,
) -> LoadedSettings:
    """Load a settings.js with Node.js, and leave nothing running that it may have started.

    :param runtime: how Node.js is started
    :param path: the file that it is loaded as; it need not exist
    :param source: its content
    :param key_paths: the settings to read back, each as its keys, outermost first
    :param load_tls: whether to read the key and the certificate that ``https`` names, too
    :param timeout: seconds that it may take
    :param beside: by their paths, the contents of files of the login page, which need not be there yet
    :returns: what Node.js found
    :raises LoadError: Node.js refuses them
    :raises HostError: they cannot be loaded otherwise
    """
    if not runtime.node:
        raise HostError(
            f"No Node.js was found on the PATH of {runtime.account.name}, so {path} cannot be checked. Install it; a file"
            " that belongs to no service can be edited without, with validate: false."
        )
    request = {
        "path": path,
        "source": source.decode("utf-8"),
        "wanted": key_paths,
        "load_tls": load_tls,
        "beside": beside or {},
        "login_page": os.path.join(os.path.dirname(path), login_directory(path), LOGIN_PROGRAM),
    }
    try:
        status, answer, stderr = ask(runtime, PROGRAM, request, timeout)
    except subprocess.TimeoutExpired:
        raise HostError(f"Loading {path} with Node.js did not end in {timeout} s.") from None
    if answer is None:
        reason = stderr or f"it took longer than {timeout} s, or the file ends the process"
        raise HostError(f"Node.js ended without having loaded {path} (status {status}): {reason}")
    if "error" in answer:
        raise LoadError(path, _words(redact(answer["error"])))
    return t.cast("LoadedSettings", answer)


def ask(
    runtime: Runtime, program: str, request: dict[str, t.Any], timeout: int
) -> tuple[int, dict[str, t.Any] | None, str]:
    """Run a program with Node.js and take its answer.

    :param runtime: how Node.js is started
    :param program: the JavaScript; it reads the request from standard input as JSON, with ``environment`` (variables that
        it should have) and ``mark`` added, and answers with a line of JSON behind the mark
    :param request: what it is asked
    :param timeout: seconds that it may take
    :returns: its exit status, its answer (None where it gave none), and what it wrote to standard error, without secrets
    :raises subprocess.TimeoutExpired: it took longer
    """
    mark = secrets.token_hex(16)
    at_start = {name: value for name, value in runtime.environment.items() if _AT_START.match(name)}
    others = {name: value for name, value in runtime.environment.items() if name not in at_start}
    sent = json.dumps({**request, "mark": mark, "environment": others})
    run: _Run = _run_in_transient_unit if runtime.in_transient_unit else _run_here
    status, output, errors = run([runtime.node or "node", "-e", program], runtime, at_start, sent.encode(), timeout)
    answers = [line[len(mark) :] for line in output.decode("utf-8", "replace").splitlines() if line.startswith(mark)]
    stderr = redact(errors.decode("utf-8", "replace").strip())
    return status, json.loads(answers[-1]) if answers else None, stderr


if t.TYPE_CHECKING:
    #: Runs a command with variables and a standard input for some seconds: its status, what it prints, and its errors.
    _Run = Callable[[list[str], Runtime, dict[str, str], bytes, int], tuple[int, bytes, bytes]]


def _run_in_transient_unit(
    command: list[str], runtime: Runtime, environment: dict[str, str], request: bytes, timeout: int
) -> tuple[int, bytes, bytes]:
    """Run under systemd, which ends whatever the command has started together with it."""
    options = [
        "--quiet",
        "--pipe",
        "--wait",
        "--collect",
        "--service-type=exec",
        f"--property=User={runtime.account.name}",
        f"--property=RuntimeMaxSec={timeout}",
        f"--property=WorkingDirectory=-{runtime.directory}",
    ]
    # These are no secrets, so the list of processes may show them. systemd-run itself must not be started with them.
    options += [f"--setenv={name}={value}" for name, value in environment.items()]
    run = subprocess.run(
        [shutil.which("systemd-run", path=_ROOT_PATH) or "systemd-run", *options, *command],
        input=request,
        capture_output=True,
        env={"PATH": _ROOT_PATH},
        timeout=timeout + 30,
        check=False,
    )
    return run.returncode, run.stdout, run.stderr


def _run_here(
    command: list[str], runtime: Runtime, environment: dict[str, str], request: bytes, timeout: int
) -> tuple[int, bytes, bytes]:
    """Run as a child, and kill it with all its descendants afterwards."""
    # What a descendant leaves without a parent becomes our own child, also when it has a session of its own.
    ctypes.CDLL(None).prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    switch: dict[str, t.Any] = {}
    if os.geteuid() == 0 and runtime.account.uid != 0:
        switch = {"user": runtime.account.uid, "group": runtime.account.gid, "extra_groups": runtime.account.groups}
    others = set(_children())
    # Files in memory: a pipe would stay open as long as any descendant lives.
    with _in_memory(request) as stdin, _in_memory() as stdout, _in_memory() as stderr:
        process = subprocess.Popen(
            command,
            stdin=stdin,
            stdout=stdout,
            stderr=stderr,
            env=environment,
            cwd=runtime.directory,
            start_new_session=True,
            **switch,
        )
        try:
            status = process.wait(timeout)
        finally:
            process.kill()
            process.wait()
            _kill_children(others)
        stdout.seek(0)
        stderr.seek(0)
        return status, stdout.read(), stderr.read()


def _in_memory(content: bytes = b"") -> t.BinaryIO:
    stream = os.fdopen(os.memfd_create("pifleet"), "w+b")
    stream.write(content)
    stream.seek(0)
    return stream


def _kill_children(others: set[int]) -> None:
    """Kill the children of this process but for the ``others``, and those that become its children by that."""
    deadline = time.monotonic() + _CLEANING
    while (children := set(_children()) - others) and time.monotonic() < deadline:
        for child in children:
            os.kill(child, signal.SIGKILL)
            os.waitpid(child, 0)


def _children() -> Iterator[int]:
    """The process ids of our children, of those too that have ended."""
    for name in os.listdir("/proc"):
        with contextlib.suppress(OSError, ValueError), open(f"/proc/{int(name)}/stat", "rb") as stream:
            if int(stream.read().rpartition(b")")[2].split()[1]) == os.getpid():
                yield int(name)
