# Copyright (c) 2026, the pifleet.nodered maintainers
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Stops a program and its children before each system call that writes, and has somebody decide what becomes of it.

ptrace(2) with a filter of seccomp(2): all other calls go on at full speed. x86_64 only. A program that is not run as root
gets no other rights by setuid(2).
"""

from __future__ import annotations

import contextlib
import ctypes
import enum
import os
import pathlib
import platform
import signal
import struct
import time
import typing as t

if t.TYPE_CHECKING:
    from collections.abc import Callable

#: linux/ptrace.h, linux/seccomp.h, linux/prctl.h, linux/wait.h
_TRACEME, _CONT, _SETOPTIONS, _POKEUSER, _GET_SYSCALL_INFO = 0, 7, 0x4200, 6, 0x420E
_EVENT_SECCOMP, _EVENTS_OF_CHILDREN = 7, (1, 2, 3)
_EXIT_KILL = 1 << 20
_OPTIONS = 1 << 1 | 1 << 2 | 1 << 3 | 1 << _EVENT_SECCOMP | _EXIT_KILL
_SET_SECCOMP, _MODE_FILTER, _SET_NO_NEW_PRIVILEGES = 22, 2, 38
_RETURN_ALLOW, _RETURN_TRACE, _ARCHITECTURE = 0x7FFF0000, 0x7FF00000, 0xC000003E
_WALL, _WNOTHREAD = 0x40000000, 0x20000000
#: Where the kernel keeps the number and the result of a call in the registers of a process (sys/user.h, bytes).
_ORIG_RAX, _RAX = 15 * 8, 10 * 8
#: What changes something when systemctl is asked for it.
_CHANGING = frozenset({"daemon-reload", "disable", "enable", "kill", "reset-failed", "restart", "start", "stop"})
#: How long a program may do nothing that is seen here (seconds). A module waits for Node-RED for some minutes at most.
PATIENCE = 300
_WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC
_AT_FDCWD = -100 & 0xFFFFFFFF


class _Call(t.NamedTuple):
    """Where a system call has what it works on, as indices of its arguments."""

    path: int | None = None
    #: The directory that a relative path is in; or, without a path, the file itself.
    descriptor: int | None = None
    flags: int | None = None


#: By their numbers on x86_64. Of two paths, the one that appears or changes.
_NAMES = {
    1: ("write", _Call(descriptor=0)),
    2: ("open", _Call(path=0, flags=1)),
    18: ("pwrite64", _Call(descriptor=0)),
    20: ("writev", _Call(descriptor=0)),
    40: ("sendfile", _Call(descriptor=0)),
    59: ("execve", _Call(path=0)),
    74: ("fsync", _Call(descriptor=0)),
    75: ("fdatasync", _Call(descriptor=0)),
    76: ("truncate", _Call(path=0)),
    77: ("ftruncate", _Call(descriptor=0)),
    82: ("rename", _Call(path=1)),
    83: ("mkdir", _Call(path=0)),
    84: ("rmdir", _Call(path=0)),
    85: ("creat", _Call(path=0)),
    86: ("link", _Call(path=1)),
    87: ("unlink", _Call(path=0)),
    88: ("symlink", _Call(path=1)),
    90: ("chmod", _Call(path=0)),
    91: ("fchmod", _Call(descriptor=0)),
    92: ("chown", _Call(path=0)),
    93: ("fchown", _Call(descriptor=0)),
    94: ("lchown", _Call(path=0)),
    231: ("exit_group", _Call()),
    257: ("openat", _Call(descriptor=0, path=1, flags=2)),
    258: ("mkdirat", _Call(descriptor=0, path=1)),
    260: ("fchownat", _Call(descriptor=0, path=1)),
    263: ("unlinkat", _Call(descriptor=0, path=1)),
    264: ("renameat", _Call(descriptor=2, path=3)),
    265: ("linkat", _Call(descriptor=2, path=3)),
    266: ("symlinkat", _Call(descriptor=1, path=2)),
    268: ("fchmodat", _Call(descriptor=0, path=1)),
    285: ("fallocate", _Call(descriptor=0)),
    316: ("renameat2", _Call(descriptor=2, path=3)),
}
#: What writes to a disk, and what of it needs room there. A file has its room when it is written, in the eyes of a program.
WRITING = frozenset(name for _number, (name, _call) in _NAMES.items() if name not in ("execve", "exit_group"))
ALLOCATING = frozenset(
    name
    for name in WRITING
    if name.startswith(("creat", "fallocate", "link", "mkdir", "open", "pwrite", "symlink", "write"))
)

_libc = ctypes.CDLL(None, use_errno=True)
_libc.ptrace.argtypes = [ctypes.c_long, ctypes.c_long, ctypes.c_void_p, ctypes.c_void_p]
_libc.ptrace.restype = ctypes.c_long


class Boundary(t.NamedTuple):
    """A system call that has not begun yet."""

    #: Its name in the manual.
    call: str
    #: What it works on, as the host names it; the words of a command line where a program is started, empty at an end.
    path: str
    #: Whether it is the module's own; its children are others.
    own: bool


class Stuck(Exception):
    """A program has neither ended nor called anything for `PATIENCE`, with what its processes wait for."""


class Verdict(enum.Enum):
    """What becomes of a system call."""

    GO_ON = enum.auto()
    #: The module is killed before it, as by kill -9; its children go on to their end.
    KILL = enum.auto()
    #: It fails with EIO, this once.
    FAIL = enum.auto()


def run(
    command: list[str], given: bytes, on_boundary: Callable[[Boundary], Verdict], roots: tuple[str, ...]
) -> tuple[int, bytes]:
    """Run a program and ask before each writing system call what is to become of it.

    :param command: the program with its arguments. It may start another one first, such as nsenter; what reads the standard
        input is the one that is meant
    :param given: its standard input
    :param on_boundary: called while the program stands still
    :param roots: the directories of which calls count; so do the end of the program, and what asks systemd for a change
    :returns: its status, as `subprocess` has it, and what it and its children have printed
    :raises Stuck: when it stands still; it and its children are killed
    """
    if platform.machine() != "x86_64":
        raise NotImplementedError("System calls are known by their numbers on x86_64 only.")
    with _memory_file(given) as stdin, _memory_file(b"") as stdout:
        child = os.fork()
        if child == 0:
            _become(command, stdin, stdout)
        status = _trace(child, command[-1], on_boundary, roots)
        return status, os.pread(stdout, os.fstat(stdout).st_size, 0)


@contextlib.contextmanager
def _memory_file(content: bytes) -> t.Iterator[int]:
    descriptor = os.memfd_create("faults")
    try:
        os.write(descriptor, content)
        os.lseek(descriptor, 0, os.SEEK_SET)
        yield descriptor
    finally:
        os.close(descriptor)


def _become(command: list[str], stdin: int, stdout: int) -> t.NoReturn:
    """Turn this process into the program, with a filter of its system calls."""
    try:
        _libc.ptrace(_TRACEME, 0, None, None)
        os.kill(os.getpid(), signal.SIGSTOP)
        os.dup2(stdin, 0)
        os.dup2(stdout, 1)
        os.dup2(stdout, 2)
        instructions = _filter()
        buffer = ctypes.create_string_buffer(instructions)
        program = struct.pack("HxxxxxxP", len(instructions) // 8, ctypes.addressof(buffer))
        # Without it, only root may filter.
        if os.geteuid() != 0:
            _libc.prctl(_SET_NO_NEW_PRIVILEGES, 1, 0, 0, 0)
        if _libc.prctl(_SET_SECCOMP, _MODE_FILTER, ctypes.c_char_p(program), 0, 0):
            raise OSError(ctypes.get_errno(), "the kernel takes no filter of system calls")
        os.execvp(command[0], command)
    finally:
        os._exit(127)


def _filter() -> bytes:
    """The filter as instructions of the kernel's packet filter (linux/bpf_common.h): code, jumps, constant."""
    numbers = sorted(_NAMES)
    instructions = [struct.pack("HBBI", 0x20, 0, 0, 4), struct.pack("HBBI", 0x15, 0, len(numbers) + 1, _ARCHITECTURE)]
    instructions.append(struct.pack("HBBI", 0x20, 0, 0, 0))
    instructions += [struct.pack("HBBI", 0x15, len(numbers) - index, 0, number) for index, number in enumerate(numbers)]
    instructions.append(struct.pack("HBBI", 0x06, 0, 0, _RETURN_ALLOW))
    instructions.append(struct.pack("HBBI", 0x06, 0, 0, _RETURN_TRACE))
    return b"".join(instructions)


def _trace(first: int, program: str, on_boundary: Callable[[Boundary], Verdict], roots: tuple[str, ...]) -> int:
    """See a program and its children to their end; returns the status of the one that is meant."""
    os.waitpid(first, _WALL)
    _libc.ptrace(_SETOPTIONS, first, None, _OPTIONS)
    _libc.ptrace(_CONT, first, None, None)
    main, started, status, killed = first, False, 0, False
    alive = {first}
    try:
        while True:
            try:
                process, code = _next_of(alive)
            except ChildProcessError:
                return status
            if not os.WIFSTOPPED(code):
                alive.discard(process)
                if process == main:
                    status = os.waitstatus_to_exitcode(code)
                continue
            alive.add(process)
            event, number = code >> 16, os.WSTOPSIG(code)
            boundary = _boundary(process, main) if event == _EVENT_SECCOMP and not killed else None
            if boundary:
                if not started and boundary.call == "execve" and boundary.path == program:
                    main, started = process, True
                elif started and _counts(boundary, roots):
                    verdict = on_boundary(boundary)
                    if verdict is Verdict.KILL:
                        killed = True
                        os.kill(main, signal.SIGKILL)
                    elif verdict is Verdict.FAIL:
                        _libc.ptrace(_POKEUSER, process, _ORIG_RAX, -1)
                        _libc.ptrace(_POKEUSER, process, _RAX, -5)
            # A new child begins with a stop, and so does a program.
            passed_on = 0 if event or number in (signal.SIGSTOP, signal.SIGTRAP) else number
            _libc.ptrace(_CONT, process, None, passed_on)
    finally:
        _end(alive)


def _next_of(alive: set[int]) -> tuple[int, int]:
    """Wait for the next process that has stopped or ended, with its status."""

    def give_up(_number: int, _frame: object) -> t.NoReturn:
        raise Stuck("; ".join(_waiting(process) for process in sorted(alive)))

    former = signal.signal(signal.SIGALRM, give_up)
    signal.alarm(PATIENCE)
    try:
        return os.waitpid(-1, _WALL | _WNOTHREAD)
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, former)


def _waiting(process: int) -> str:
    """A process, and what it waits for."""
    known = [f"process {process}"]
    for name in ("cmdline", "stat", "wchan", "syscall"):
        with contextlib.suppress(OSError):
            content = pathlib.Path(f"/proc/{process}/{name}").read_bytes()
            known.append(content.replace(b"\0", b" ").decode("utf-8", "replace").strip()[:200])
    return ", ".join(known)


def _end(alive: set[int]) -> None:
    """Kill what is left. Without its tracer to see it off, a container does not end."""
    for process in alive:
        with contextlib.suppress(ProcessLookupError):
            os.kill(process, signal.SIGKILL)
    deadline = time.monotonic() + 10
    while alive and time.monotonic() < deadline:
        try:
            process, code = os.waitpid(-1, _WALL | _WNOTHREAD | os.WNOHANG)
        except ChildProcessError:
            return
        if not process:
            time.sleep(0.01)
        elif not os.WIFSTOPPED(code):
            alive.discard(process)


def _counts(boundary: Boundary, roots: tuple[str, ...]) -> bool:
    if boundary.call == "execve":
        program, *arguments = boundary.path.split(" ")
        return os.path.basename(program) == "systemd-run" or (
            os.path.basename(program) == "systemctl" and not _CHANGING.isdisjoint(arguments)
        )
    return (boundary.own and boundary.call == "exit_group") or boundary.path.startswith(roots)


def _boundary(process: int, main: int) -> Boundary | None:
    """The call before which a process stands; None where it has been killed there, as a thread is when its program ends."""
    information = ctypes.create_string_buffer(88)
    if _libc.ptrace(_GET_SYSCALL_INFO, process, ctypes.c_void_p(len(information)), information) < 0:
        return None
    number, *arguments = struct.unpack_from("7Q", information.raw, 24)
    name, call = _NAMES[number]
    path = ""
    writes = call.flags is None or arguments[call.flags] & _WRITING
    with contextlib.suppress(OSError):
        if call.path is not None and writes:
            path = _string(process, arguments[call.path])
            if name == "execve":
                return Boundary(name, _command_line(process, path, arguments[1]), process == main)
            if not path.startswith("/"):
                path = os.path.join(_directory(process, call.descriptor, arguments), path)
        elif call.descriptor is not None and writes:
            path = os.readlink(f"/proc/{process}/fd/{arguments[call.descriptor]}")
    return Boundary(name, os.path.normpath(path) if path else "", process == main)


def _directory(process: int, descriptor: int | None, arguments: list[int]) -> str:
    if descriptor is None or arguments[descriptor] & 0xFFFFFFFF == _AT_FDCWD:
        return os.readlink(f"/proc/{process}/cwd")
    return os.readlink(f"/proc/{process}/fd/{arguments[descriptor]}")


def _command_line(process: int, program: str, address: int) -> str:
    """The words of a command line; none where there is no such program, as in the first directories of PATH."""
    if not os.path.exists(f"/proc/{process}/root{program}"):
        return ""
    words = [program]
    with open(f"/proc/{process}/mem", "rb", buffering=0) as memory:
        while len(words) < 16:
            memory.seek(address + 8 * len(words))
            word = int.from_bytes(memory.read(8), "little")
            if not word:
                break
            words.append(_string(process, word))
    return " ".join(words)


def _string(process: int, address: int) -> str:
    with open(f"/proc/{process}/mem", "rb", buffering=0) as memory:
        memory.seek(address)
        content = b""
        # A page may be the last one.
        while b"\0" not in content and len(content) < 4096:
            read = memory.read(4096 - (address + len(content)) % 4096)
            # The process has just been killed.
            if not read:
                break
            content += read
    return os.fsdecode(content.partition(b"\0")[0])
