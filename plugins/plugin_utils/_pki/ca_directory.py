# Copyright (c) 2026, the pifleet.nodered maintainers
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The directory of a certificate authority on the control node: its files, their lock, what is kept of former ones."""

from __future__ import annotations

import contextlib
import fcntl
import os
import pathlib
from collections.abc import Iterator

from .names import PkiError
from .x509 import number_of_keys


class CaDirectory:
    """The files of an authority; nothing else here touches files.

    Whatever is written lies complete on the disk before the first file is replaced, and each file is replaced at once.
    So a full disk changes nothing, and after a kill there is a pair to go on with: `unfinished` and `finish`.
    """

    def __init__(self, directory: str | os.PathLike[str]) -> None:
        self.path = pathlib.Path(directory).expanduser()
        self.certificate = self.path / "ca.pem"
        self.key = self.path / "ca.key"

    def read(self) -> tuple[bytes | None, bytes | None]:
        """Certificate and key as they were at one moment, even if another process replaces them meanwhile."""
        certificate = self._read(self.certificate)
        while True:
            key = self._read(self.key)
            again = self._read(self.certificate)
            if again == certificate:
                return certificate, key
            certificate = again

    def complete(self, certificate: bytes | None, key: bytes | None) -> tuple[bytes, bytes] | None:
        """The pair, or None if neither is there.

        :raises PkiError: only one of them is there
        """
        if certificate is not None and key is not None:
            return certificate, key
        if certificate is None and key is None:
            return None
        present, missing = (self.key, self.certificate) if certificate is None else (self.certificate, self.key)
        raise PkiError(
            f"{present} is there, but {missing} is missing: restore it from a backup. Only if the fleet shall get a new"
            f" CA, which every browser has to trust anew, move {present.name} away as well."
        )

    def unfinished(self) -> bytes:
        """The certificate of an authority whose making was killed after its key was in place; else empty."""
        return self._read(self._beside(self.certificate)) or b""

    def finish(self, key: bytes) -> None:
        """Do what a killed run has left to do. Call it locked.

        :param key: the one that fits the certificate
        """
        with _as_pki_errors(self.path):
            if not self.certificate.exists():
                self._put_in_place(self._beside(self.certificate), self.certificate)
            if number_of_keys(self.key.read_bytes()) > 1:
                self._put_in_place(self._write_beside(self.key, key, 0o600), self.key)
            for left in (self._beside(self.key), self._beside(self.key, "last"), self._beside(self.certificate)):
                left.unlink(missing_ok=True)
        self.restrict_permissions()

    @contextlib.contextmanager
    def locked(self) -> Iterator[None]:
        """Alone among all processes that lock this folder, which is made if missing."""
        with _as_pki_errors(self.path):
            self.path.mkdir(mode=0o700, parents=True, exist_ok=True)
            # An empty folder was made for us and gets our mode; one that has other things in it keeps its own.
            if not any(self.path.iterdir()):
                self.path.chmod(0o700)
            lock = os.open(self.path / ".lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
        try:
            with _as_pki_errors(self.path):
                fcntl.flock(lock, fcntl.LOCK_EX)
            yield
        finally:
            os.close(lock)

    def wait(self) -> None:
        """Until nobody is writing; writes nothing itself."""
        with _as_pki_errors(self.path), contextlib.suppress(FileNotFoundError):
            lock = os.open(self.path / ".lock", os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW)
            try:
                fcntl.flock(lock, fcntl.LOCK_SH)
            finally:
                os.close(lock)

    def create(self, certificate: bytes, key: bytes) -> None:
        """Put both in place. Call it locked, on a folder that has neither."""
        with _as_pki_errors(self.path):
            new_key = self._write_beside(self.key, key, 0o600)
            if _others_may_read(new_key, key):
                new_key.unlink()
                raise self._keeps_no_rights()
            new_certificate = self._write_beside(self.certificate, certificate, 0o644)
            self._put_in_place(new_key, self.key)
            self._put_in_place(new_certificate, self.certificate)

    def put_certificates(self, certificates: bytes) -> None:
        """Other certificates for the same key. Call it locked."""
        with _as_pki_errors(self.path):
            self._put_in_place(self._write_beside(self.certificate, certificates, 0o644), self.certificate)

    def put(self, certificates: bytes, key: bytes, former_key: bytes) -> None:
        """Other certificates and another key. Call it locked.

        In between, `ca.key` has both keys: whichever `ca.pem` is there finds its own.
        """
        with _as_pki_errors(self.path):
            both_keys = self._write_beside(self.key, key + former_key, 0o600)
            new_certificates = self._write_beside(self.certificate, certificates, 0o644)
            new_key = self._write_beside(self.key, key, 0o600, "last")
            self._put_in_place(both_keys, self.key)
            self._put_in_place(new_certificates, self.certificate)
            self._put_in_place(new_key, self.key)

    def restrict_permissions(self) -> None:
        """Take back what a checkout or a copy gave to others.

        :raises PkiError: that cannot be taken back, and no passphrase protects the key
        """
        with _as_pki_errors(self.key):
            if self.key.stat().st_mode & 0o077:
                self.key.chmod(0o600)
                if _others_may_read(self.key, self.key.read_bytes()):
                    raise self._keeps_no_rights()

    def exposure(self) -> str:
        """What to tell where others may read a key that no passphrase protects; empty where all is well."""
        with _as_pki_errors(self.key), contextlib.suppress(FileNotFoundError):
            if _others_may_read(self.key, self.key.read_bytes()):
                return (
                    f"Other users of this computer may read {self.key}, and whoever has it can pose as any host of the"
                    f" fleet: chmod 600 {self.key}. Where that does not last, the folder is on a file system that keeps no"
                    " rights, such as a disk of Windows in WSL: move it below your home, and set nodered_ca_dir."
                )
        return ""

    def _keeps_no_rights(self) -> PkiError:
        return PkiError(
            f"{self.path} is on a file system that keeps no rights, such as a disk of Windows in WSL (/mnt/c): every user of"
            " this computer could read the key of the CA. Set nodered_ca_dir to a folder below your home, or protect the"
            " key with nodered_ca_passphrase."
        )

    @staticmethod
    def _read(path: pathlib.Path) -> bytes | None:
        with _as_pki_errors(path), contextlib.suppress(FileNotFoundError):
            return path.read_bytes()
        return None

    @staticmethod
    def _beside(path: pathlib.Path, suffix: str = "new") -> pathlib.Path:
        return path.with_name(f".{path.name}.{suffix}")

    @classmethod
    def _write_beside(cls, path: pathlib.Path, content: bytes, mode: int, suffix: str = "new") -> pathlib.Path:
        temporary = cls._beside(path, suffix)
        temporary.unlink(missing_ok=True)
        descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        with open(descriptor, "wb") as file:
            os.fchmod(file.fileno(), mode)
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        return temporary

    def _put_in_place(self, temporary: pathlib.Path, final: pathlib.Path) -> None:
        """Under its name for good, also if the power fails before the next one is."""
        temporary.rename(final)
        directory = os.open(self.path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            # Some network file systems cannot do this for folders; the file is in place already.
            with contextlib.suppress(OSError):
                os.fsync(directory)
        finally:
            os.close(directory)


def refuse_to_forget(directory: str | os.PathLike[str]) -> None:
    """Refuse to make an authority that would be gone with its run.

    An execution environment is a container for one run, and its home is gone afterwards. A path that does not begin with
    the home is taken for a volume.

    :param directory: as the user writes it
    :raises PkiError: an execution environment would make it in its home
    """
    # ansible-runner says so to Ansible where it runs that in a container, as AWX does.
    inside = os.environ.get("AWX_ISOLATED_DATA_DIR", "").startswith("/runner/")
    if inside and str(directory).startswith("~"):
        raise PkiError(
            f"This run is in an execution environment, which forgets {directory} at its end: a certificate authority that"
            " is made there would be lost. Make one beforehand with pifleet.nodered.authority, on a computer that keeps"
            " it, and give it to this run from a vault with nodered_ca_certificate and nodered_ca_key. Or set nodered_ca_dir"
            " to the path of a volume."
        )


def known_authorities(given: str | None, directory: str | os.PathLike[str]) -> str:
    """The certificates of the fleet's authority in PEM, empty where this control node has none.

    :param given: those that do not come from a directory; None or empty for none
    :param directory: where they are otherwise
    """
    if given:
        return given
    try:
        return CaDirectory(directory).certificate.read_text("ascii")
    except (OSError, UnicodeError):
        return ""


def _others_may_read(path: pathlib.Path, key: bytes) -> bool:
    """Whether a file with a private key that is not encrypted is open to others."""
    return b"ENCRYPTED" not in key and bool(path.stat().st_mode & 0o077)


@contextlib.contextmanager
def _as_pki_errors(path: pathlib.Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        reason = error.strerror or error
        raise PkiError(f"The folder of the CA cannot be used: {error.filename or path}: {reason}.") from None
