# Copyright (c) 2026, the pifleet.nodered maintainers
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the text of a shell runs, each command with the directory and the variables that it certainly has.

The text is the service's user's, and root reads it: what it may cost is bounded.
"""

from __future__ import annotations

import os
import re
import shlex
import typing as t

from .command_words import ASSIGNMENT

if t.TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

#: The most characters of a text, and of all of its words when their variables are expanded.
LONGEST_TEXT = 64 << 10
#: The same of one word.
_LONGEST_WORD = 4096
#: More make no small script.
_MOST_COMMANDS = 1000
_DEEPEST = 10

_NAME = re.compile(r"[A-Za-z_]\w*", re.ASCII)
#: What only the shell itself knows.
COMPUTED = re.compile(r"[$`]")
_VARIABLE = re.compile(r"\$(?:\{(\w+)\}|(\w+))")
#: Where a value has the home directory in it.
_TILDE = re.compile(r"(?:^|(?<=:))~(?=/|:|$)")
#: What separates the commands of a shell, and what leads their output elsewhere.
_SEPARATORS = re.compile(r"[;&|()\n]+")
_SEPARATOR = re.compile(r"&&|\|\||\|&|[;&|()\n]")
_REDIRECTION = re.compile(r"[&|]*[<>][<>&|]*")
#: What opens and closes what runs only sometimes, or later; what else stands before a command.
_OPEN = ("if", "for", "select", "while", "until", "case", "{")
_CLOSE = ("fi", "done", "esac", "}")
_LEAD = ("then", "do", "else", "elif", "!", "time")
#: Options of `set` that change neither variables nor arguments.
_HARMLESS_OPTION = re.compile(r"[-+][befhmuvxCEo]+|errexit|nounset|noglob|pipefail|verbose|xtrace")
#: Files that set nothing but what nvm needs itself.
_HARMLESS_FILES = ("nvm.sh", "bash_completion")
#: Variables from which follows where Node-RED has its files, and what it does.
_DECIDING = re.compile(r"HOME|PORT|NODE_RED_\w+")


class UnclearError(Exception):
    """Nobody but a shell can tell what a text runs."""


class Shell:
    """What a shell has when it comes to a command.

    :param directory: its working directory
    :param environment: the variables that it was started with
    """

    #: None where it is not known.
    directory: str | None
    #: Whether something may have given any variable another value.
    unclear: bool

    def __init__(self, directory: str | None, environment: Mapping[str, str]) -> None:
        self.directory = directory
        self.unclear = False
        self._given = environment
        #: None for a value that is not known.
        self._changed: dict[str, str | None] = {}
        #: Names of `_changed` that are not as in the shell of which this is a copy.
        self._own: set[str] = set()
        self._exported: set[str] = set()

    def copy(self) -> Shell:
        """The same, for what a command changes that may not run."""
        other = Shell(self.directory, self._given)
        other.unclear, other._changed, other._exported = self.unclear, dict(self._changed), set(self._exported)
        return other

    def environment(self) -> dict[str, str]:
        """The variables that a program gets."""
        changed = {
            name: value for name, value in self._changed.items() if name in self._given or name in self._exported
        }
        return {name: value for name, value in {**self._given, **changed}.items() if value is not None}

    def _value(self, name: str) -> str | None:
        return self._changed[name] if name in self._changed else self._given.get(name)

    def expanded(self, word: str) -> str:
        """A word with the variables that are known; the others stay.

        :raises UnclearError: it becomes too long
        """
        name, equals, value = word.partition("=") if ASSIGNMENT.match(word) else ("", "", word)
        home = self._value("HOME") or "/"
        if equals or re.match("~(?:/|$)", value):
            value = _TILDE.sub(lambda _tilde: home, value)
        parts, size, end = [name, equals], len(word), 0
        for variable in _VARIABLE.finditer(value):
            known = self._value(variable[1] or variable[2])
            parts += [value[end : variable.start()], variable[0] if known is None else known]
            end = variable.end()
            size += len(parts[-1])
            if size > _LONGEST_WORD:
                break
        if size > _LONGEST_WORD:
            raise UnclearError
        return "".join([*parts, value[end:]])

    def assign(self, word: str) -> None:
        """Take `NAME=value`."""
        name, _equals, value = word.partition("=")
        if COMPUTED.search(value):
            self.forget(name)
        else:
            self._set(name, value)

    def _set(self, name: str, value: str | None) -> None:
        self._changed[name] = value
        self._own.add(name)

    def export(self, word: str) -> None:
        """Take `export NAME` or `export NAME=value`."""
        name, equals, _value = word.partition("=")
        if not _NAME.fullmatch(name):
            # `export $(cat FILE)`
            self.unclear = True
        elif equals:
            self.assign(word)
        elif self._value(name) is None:
            self.forget(name)
        self._exported.add(name)

    def forget(self, word: str) -> None:
        """Take it that a variable may have any value now.

        :param word: its name, or `NAME=value`
        """
        name = word.partition("=")[0]
        # A search path mostly becomes longer; what runs tells the rest.
        if name != "PATH":
            self._set(name, None)
            self.unclear = self.unclear or _DECIDING.fullmatch(name) is not None

    def change_directory(self, words: list[str]) -> None:
        """Take `cd` with these words behind it."""
        words = [word for word in words if word not in ("--", "-L", "-P")] or [self._value("HOME") or "$"]
        known = len(words) == 1 and words[0][:1] != "-" and not COMPUTED.search(words[0])
        if known and (self.directory is not None or os.path.isabs(words[0])):
            self.directory = os.path.normpath(os.path.join(self.directory or "/", words[0]))
        else:
            self.directory = None

    def settle(self, other: Shell) -> None:
        """Become what is certain where a copy has run something that perhaps does not run."""
        self.unclear = self.unclear or other.unclear
        if other.directory != self.directory:
            self.directory = None
        for name in other._own:
            if self._value(name) != other._changed[name]:
                self.forget(name)
        for name in other._exported - self._exported:
            if name not in self._given:
                self.forget(name)


class Command(t.NamedTuple):
    """A command of a text."""

    #: With the variables that are known, without redirections.
    words: list[str]
    #: What it has. It changes when the next command is asked for.
    shell: Shell
    #: Whether it is no part of a loop or a branch, and has no directory and no variable that is not known.
    certain: bool


def commands(text: str, directory: str, environment: Mapping[str, str]) -> Iterator[Command]:
    """The commands of a text, without those that only change the shell itself.

    :param text: the text
    :param directory: the working directory of the shell
    :param environment: the variables that it is started with
    :raises UnclearError: the text is too long, or nobody but a shell can tell what it runs
    """
    # Lines of a here-document are no commands.
    if len(text) > LONGEST_TEXT or "<<" in text or "\0" in text:
        raise UnclearError
    shell, settled, before, size = Shell(directory, environment), None, "\n", 0
    outer: list[tuple[Shell, Shell | None]] = []
    compounds: list[str] = []
    for number, (written, after) in enumerate(_split(text)):
        if number > _MOST_COMMANDS:
            raise UnclearError
        if not written and after == "\n" and before in ("&&", "||", "|", "|&"):
            continue
        within = bool(compounds)
        led = _led(_without_redirections(written), compounds, shell)
        is_pattern = after == ")" and not outer and "case" in compounds
        # Words behind `$(...)` are the rest of a command that the shell computes.
        within = within or bool(compounds) or before == ")"
        # What runs only if something else has (not) succeeded is certain for what follows on that alone.
        if settled is None and (within or before in ("&&", "||")):
            settled, shell = shell, shell.copy()
        # A process of its own changes nothing here.
        own = shell.copy() if before in ("|", "|&") or after in ("|", "|&", "&") else shell
        words = []
        for word in [] if is_pattern else led:
            words.append(own.expanded(word))
            size += len(words[-1])
            if size > LONGEST_TEXT:
                raise UnclearError
        if words and not _changes(own, words):
            yield Command(words, own, not (within or own.unclear) and own.directory is not None)
        if after == "(":
            outer.append((shell, settled))
            shell, settled = shell.copy(), None
        elif after == ")" and not is_pattern:
            if not outer:
                raise UnclearError
            shell, settled = outer.pop()
        elif after != "&&" and settled is not None:
            settled.settle(shell)
            shell, settled = settled, None
        if len(outer) > _DEEPEST or len(compounds) > _DEEPEST:
            raise UnclearError
        before = ";" if is_pattern else after
    if outer or compounds:
        raise UnclearError


def _split(text: str) -> Iterator[tuple[list[str], str]]:
    """The words of each command, with what separates it from the next one.

    :raises UnclearError: a quote is not closed
    """
    lexer = shlex.shlex(text, posix=True, punctuation_chars="();<>|&\n")
    lexer.whitespace = " \t\r"
    lexer.whitespace_split = True
    lexer.commenters = ""
    words: list[str] = []
    comment = False
    try:
        for token in lexer:
            if _SEPARATORS.fullmatch(token):
                for separator in _SEPARATOR.findall(token):
                    comment = comment and separator != "\n"
                    if not comment:
                        yield words, separator
                        words = []
            elif comment or token.startswith("#"):
                comment = True
            else:
                words.append(token)
    except ValueError:
        raise UnclearError from None
    yield words, "\n"


def _led(words: list[str], compounds: list[str], shell: Shell) -> list[str]:
    """The words of a command behind those that open, close and part what runs only sometimes.

    :param compounds: what is open; it is changed
    """
    start = 0
    while start < len(words):
        word = words[start]
        if word in _OPEN:
            compounds.append(word)
            if word in ("for", "select", "case"):
                shell.forget("".join(words[start + 1 : start + 2]))
                return []
        elif word in _CLOSE:
            if not compounds:
                raise UnclearError
            compounds.pop()
        elif word == "function":
            start += 1
        elif word not in _LEAD:
            break
        start += 1
    return words[start:]


def _without_redirections(words: list[str]) -> list[str]:
    """The words of a command without what leads its input and output elsewhere."""
    kept: list[str] = []
    skip = False
    for word in words:
        if _REDIRECTION.fullmatch(word):
            # `2>` comes as two words.
            if kept and re.fullmatch("[0-9]", kept[-1]):
                kept.pop()
            skip = True
        elif not skip:
            kept.append(word)
        else:
            skip = False
    return kept


def _changes(shell: Shell, words: list[str]) -> bool:
    """Let a command change the shell; False where it is a program, or changes nothing."""
    name, rest = words[0], words[1:]
    if all(map(ASSIGNMENT.match, words)):
        for word in words:
            shell.assign(word)
    elif name in ("export", "declare", "typeset", "readonly", "local", "read", "unset"):
        take = shell.forget if name != "export" or any(word[:1] == "-" for word in rest) else shell.export
        for word in rest:
            take(word)
    elif name in ("cd", "pushd", "popd"):
        shell.change_directory(rest if name != "popd" else ["-"])
    elif name in (".", "source"):
        shell.unclear = shell.unclear or not rest or os.path.basename(rest[0]) not in _HARMLESS_FILES
    elif name in ("eval", "shift", "alias"):
        shell.unclear = True
    elif name == "set":
        shell.unclear = shell.unclear or not all(map(_HARMLESS_OPTION.fullmatch, rest))
    else:
        return words == ["exec"]
    return True
