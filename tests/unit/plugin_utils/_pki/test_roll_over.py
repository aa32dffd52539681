# Copyright (c) 2026, the pifleet.nodered maintainers
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Renewing and replacing the authority: openssl, as a browser that trusts one root, accepts what it should."""

from __future__ import annotations

import contextlib
import datetime
import errno
import multiprocessing
import os
import pathlib
import signal
import subprocess
import typing as t

import pytest
from pki_tools import DAY, NAMES, NOW, CertificateFactory, blocks, lint, mode, openssl, text

from ansible_collections.pifleet.nodered.plugins.plugin_utils._pki import certificates
from ansible_collections.pifleet.nodered.plugins.plugin_utils._pki.authority import CertificateAuthority
from ansible_collections.pifleet.nodered.plugins.plugin_utils._pki.names import PkiError

LATER = NOW + 10 * DAY


@pytest.fixture
def folder(tmp_path: pathlib.Path) -> pathlib.Path:
    return tmp_path / "ca"


def browser(trusted: bytes, chain: bytes, when: datetime.datetime = LATER) -> str:
    """What a client that trusts nothing else says of what a server sends."""
    with contextlib.ExitStack() as stack:
        files = []
        for content in (trusted, chain):
            descriptor = os.memfd_create("pem")
            stack.callback(os.close, descriptor)
            os.write(descriptor, content)
            files.append(f"/proc/self/fd/{descriptor}")
        run = subprocess.run(
            [
                "openssl",
                "verify",
                "-x509_strict",
                "-purpose",
                "sslserver",
                "-attime",
                str(int(when.timestamp())),
                "-no-CApath",
                "-no-CAstore",
                "-trusted",
                files[0],
                "-untrusted",
                files[1],
                "-verify_hostname",
                NAMES.dns[0],
                files[1],
            ],
            capture_output=True,
            text=True,
            check=False,
            pass_fds=[int(file.rpartition("/")[2]) for file in files],
        )
    return run.stdout + run.stderr


def accepts(trusted: bytes, chain: bytes, when: datetime.datetime = LATER) -> bool:
    return browser(trusted, chain, when).endswith(": OK\n")


def subjects(pem: bytes) -> list[tuple[str, str]]:
    """Subject and issuer of each certificate."""
    return [(t.cast(str, d["subject"]), t.cast(str, d["issuer"])) for d in map(certificates.describe, blocks(pem))]


class TestReplace:
    def test_old_and_new_root_are_accepted_each_alone(self, folder: pathlib.Path, factory: CertificateFactory) -> None:
        old = CertificateAuthority.load_or_create(folder, now=NOW)
        before = certificates.issue(old, factory.request("p256"), NAMES, now=NOW)
        new = CertificateAuthority.replace(folder, now=LATER)
        assert new.created
        assert new.warnings == ()
        after = certificates.issue(new, factory.request("p256"), NAMES, now=LATER)
        assert len(blocks(after)) == 2
        for root in (old.certificate_pem, new.certificate_pem):
            assert accepts(root, after)
        assert accepts(old.certificate_pem, before)
        assert not accepts(new.certificate_pem, before)
        # Without the cross certificate, a browser that trusts the old one only is lost.
        assert not accepts(old.certificate_pem, blocks(after)[0])
        assert lint((folder / "ca.pem").read_bytes() + after) == []

    def test_the_type_of_the_key(self, folder: pathlib.Path, factory: CertificateFactory) -> None:
        old = CertificateAuthority.load_or_create(folder, now=NOW)
        new = CertificateAuthority.replace(folder, now=LATER, key_type="rsa-2048")
        assert new.key_type == "rsa-2048"
        after = certificates.issue(new, factory.request("rsa2048"), NAMES, now=LATER)
        for root in (old.certificate_pem, new.certificate_pem):
            assert accepts(root, after)
        # The next one is as the former, unless asked.
        assert CertificateAuthority.replace(folder, now=LATER + DAY).key_type == "rsa-2048"

    def test_the_files(self, folder: pathlib.Path) -> None:
        old = CertificateAuthority.load_or_create(folder, now=NOW)
        new = CertificateAuthority.replace(folder, now=LATER)
        a, b = (certificates.describe(each.certificate_pem)["subject"] for each in (old, new))
        assert subjects((folder / "ca.pem").read_bytes()) == [(b, b), (b, a), (a, a)]
        public = openssl("pkey", "-pubout", "-in", folder / "ca.key")
        assert public == openssl("x509", "-noout", "-pubkey", content=new.certificate_pem)
        assert (folder / "ca.key").read_bytes().count(b"BEGIN PRIVATE KEY") == 1
        modes = {path.name: mode(path) for path in folder.iterdir()}
        assert modes == {"ca.pem": 0o644, "ca.key": 0o600, ".lock": 0o600}

    def test_the_cross_certificate(self, folder: pathlib.Path) -> None:
        old = CertificateAuthority.load_or_create(folder, days=1000, now=NOW)
        new = CertificateAuthority.replace(folder, now=LATER)
        (cross,) = new.intermediates
        pem = blocks((folder / "ca.pem").read_bytes())[1]
        expected = text(pem)
        assert "CA:TRUE, pathlen:1" in expected
        assert "Certificate Sign, CRL Sign" in expected
        assert cross.not_valid_after_utc == old.certificate.not_valid_after_utc
        assert cross.public_key() == new.certificate.public_key()
        assert openssl("x509", "-noout", "-subject", content=pem) == openssl(
            "x509", "-noout", "-subject", content=new.certificate_pem
        )

    def test_loaded_again_it_is_the_same(self, folder: pathlib.Path, factory: CertificateFactory) -> None:
        CertificateAuthority.load_or_create(folder, now=NOW)
        new = CertificateAuthority.replace(folder, now=LATER)
        vault = CertificateAuthority.from_pem((folder / "ca.pem").read_bytes(), (folder / "ca.key").read_bytes())
        for loaded in (CertificateAuthority.load_or_create(folder), CertificateAuthority.peek(folder), vault):
            assert loaded is not None
            assert not loaded.created
            assert loaded.certificate == new.certificate
            assert loaded.others == new.others
            assert len(blocks(certificates.issue(loaded, factory.request("p256"), NAMES, now=LATER))) == 2

    def test_a_leaf_of_the_former_is_due(self, folder: pathlib.Path, factory: CertificateFactory) -> None:
        old = CertificateAuthority.load_or_create(folder, now=NOW)
        leaf = certificates.issue(old, factory.request("p256"), NAMES, now=NOW)
        new = CertificateAuthority.replace(folder, now=LATER)
        a, b = (certificates.describe(each.certificate_pem)["subject"] for each in (old, new))
        reasons = certificates.reasons_to_issue(leaf, True, NAMES, new.certificate, 30, now=LATER)
        assert reasons == [f"it was issued by '{a}' and should be by '{b}'"]
        leaf = certificates.issue(new, factory.request("p256"), NAMES, now=LATER)
        assert certificates.reasons_to_issue(leaf, True, NAMES, new.certificate, 30, now=LATER) == []

    def test_twice(self, folder: pathlib.Path, factory: CertificateFactory) -> None:
        roots = [CertificateAuthority.load_or_create(folder, now=NOW)]
        roots += [CertificateAuthority.replace(folder, now=NOW + days * DAY) for days in (1, 2)]
        a, b, c = (certificates.describe(each.certificate_pem)["subject"] for each in roots)
        assert subjects((folder / "ca.pem").read_bytes()) == [(c, c), (c, b), (b, b), (b, a), (a, a)]
        chain = certificates.issue(roots[-1], factory.request("p256"), NAMES, now=LATER)
        assert subjects(chain)[1:] == [(c, b), (b, a)]
        for root in roots:
            assert accepts(root.certificate_pem, chain)
        assert lint((folder / "ca.pem").read_bytes() + chain) == []

    def test_three_times_only_as_far_back_as_path_lengths_allow(
        self, folder: pathlib.Path, factory: CertificateFactory
    ) -> None:
        roots = [CertificateAuthority.load_or_create(folder, now=NOW)]
        roots += [CertificateAuthority.replace(folder, now=NOW + days * DAY) for days in (1, 2, 3)]
        chain = certificates.issue(roots[-1], factory.request("p256"), NAMES, now=LATER)
        assert len(blocks(chain)) == 3
        assert [accepts(root.certificate_pem, chain) for root in roots] == [False, True, True, True]
        assert len(blocks(roots[-1].trusted(LATER))) == 4

    def test_what_browsers_should_trust(self, folder: pathlib.Path) -> None:
        old = CertificateAuthority.load_or_create(folder, days=100, now=NOW)
        assert old.trusted(NOW) == old.certificate_pem
        new = CertificateAuthority.replace(folder, now=LATER)
        assert new.trusted(LATER) == new.certificate_pem + old.certificate_pem
        assert new.trusted(NOW + 101 * DAY) == new.certificate_pem
        assert new.trusted_pem.startswith(new.certificate_pem)

    def test_what_has_expired_is_not_sent_and_goes(self, folder: pathlib.Path, factory: CertificateFactory) -> None:
        old = CertificateAuthority.load_or_create(folder, days=100, now=NOW)
        new = CertificateAuthority.replace(folder, now=LATER)
        when = NOW + 101 * DAY
        chain = certificates.issue(new, factory.request("p256"), NAMES, now=when)
        assert len(blocks(chain)) == 1
        assert accepts(new.certificate_pem, chain, when)
        assert not accepts(old.certificate_pem, chain, when)
        newest = CertificateAuthority.replace(folder, now=when)
        assert len(newest.others) == 2
        assert old.certificate not in newest.others

    def test_a_root_that_expired_vouches_for_nothing(self, folder: pathlib.Path, factory: CertificateFactory) -> None:
        CertificateAuthority.load_or_create(folder, days=100, now=NOW)
        when = NOW + 101 * DAY
        new = CertificateAuthority.replace(folder, now=when)
        assert "is not valid today" in new.warnings[0]
        assert new.others == ()
        assert accepts(new.certificate_pem, certificates.issue(new, factory.request("p256"), NAMES, now=when), when)

    @pytest.mark.parametrize("kind", ["p256", "rsa2048"])
    def test_a_root_that_may_sign_no_other(self, kind: str, folder: pathlib.Path, factory: CertificateFactory) -> None:
        folder.mkdir()
        old = factory.self_signed(
            kind,
            "-days",
            "1000",
            "-addext",
            "basicConstraints=critical,CA:TRUE,pathlen:0",
            "-addext",
            "keyUsage=critical,keyCertSign",
        )
        now = datetime.datetime.now(datetime.UTC)
        (folder / "ca.pem").write_bytes(old)
        (folder / "ca.key").write_bytes(factory.key(kind).read_bytes())
        new = CertificateAuthority.replace(folder, now=now)
        assert "path length is 0" in new.warnings[0]
        assert "trust ca.pem before" in new.warnings[0]
        assert new.intermediates == ()
        loaded = CertificateAuthority.load_or_create(folder)
        assert loaded.trusted(now) == new.certificate_pem + old
        chain = certificates.issue(loaded, factory.request("p256"), NAMES, now=now)
        assert accepts(new.certificate_pem, chain, now)
        assert not accepts(old, chain, now)
        # Its successor may again.
        newest = CertificateAuthority.replace(folder, now=now)
        assert newest.warnings == ()
        assert len(newest.others) == 3

    def test_an_rsa_root_of_the_user(self, folder: pathlib.Path, factory: CertificateFactory) -> None:
        folder.mkdir()
        old = factory.self_signed("rsa2048", "-days", "1000", "-addext", "keyUsage=critical,keyCertSign")
        now = datetime.datetime.now(datetime.UTC)
        (folder / "ca.pem").write_bytes(old)
        (folder / "ca.key").write_bytes(factory.key("rsa2048").read_bytes())
        new = CertificateAuthority.replace(folder, now=now)
        chain = certificates.issue(new, factory.request("p256"), NAMES, now=now)
        assert [accepts(root, chain, now) for root in (old, new.certificate_pem)] == [True, True]

    def test_a_successor_from_a_vault(self, folder: pathlib.Path, factory: CertificateFactory) -> None:
        """Put there as it lies in the folder, it signs for browsers that trust either."""
        former = CertificateAuthority.load_or_create(folder, now=NOW)
        new = CertificateAuthority.replace(folder, now=NOW)
        given = CertificateAuthority.from_pem(
            (folder / "ca.pem").read_text("ascii"), (folder / "ca.key").read_text("ascii")
        )
        chain = certificates.issue(given, factory.request("p256"), NAMES, now=LATER)
        for root in (former, new):
            assert accepts(root.certificate_pem, chain)

    def test_an_intermediate_is_not_ours_to_replace(self, folder: pathlib.Path) -> None:
        CertificateAuthority.load_or_create(folder / "root", now=NOW)
        CertificateAuthority.replace(folder / "root", now=NOW)
        _root, *rest = blocks((folder / "root" / "ca.pem").read_bytes())
        (folder / "ca.pem").write_bytes(b"".join(rest))
        (folder / "ca.key").write_bytes((folder / "root" / "ca.key").read_bytes())
        for change in (CertificateAuthority.replace, CertificateAuthority.renew):
            with pytest.raises(PkiError, match="is not a root: have"):
                change(folder, now=NOW)

    def test_without_an_authority(self, folder: pathlib.Path) -> None:
        for change in (CertificateAuthority.replace, CertificateAuthority.renew):
            with pytest.raises(PkiError, match="no CA in"):
                change(folder)
        assert not folder.exists()

    def test_the_passphrase_is_kept(self, folder: pathlib.Path) -> None:
        CertificateAuthority.load_or_create(folder, "secret-value")
        with pytest.raises(PkiError, match="is encrypted"):
            CertificateAuthority.replace(folder)
        with pytest.raises(PkiError, match="does not open"):
            CertificateAuthority.replace(folder, "other")
        new = CertificateAuthority.replace(folder, "secret-value")
        public = openssl("pkey", "-pubout", "-passin", "pass:secret-value", "-in", folder / "ca.key")
        assert public == openssl("x509", "-noout", "-pubkey", content=new.certificate_pem)
        assert CertificateAuthority.load_or_create(folder, "secret-value").certificate == new.certificate
        assert "secret" not in repr(new)

    @pytest.mark.parametrize("options", [{"days": 0}, {"common_name": ""}, {"permitted": ["https://x"]}])
    def test_what_cannot_be_changes_nothing(self, options: dict[str, t.Any], folder: pathlib.Path) -> None:
        CertificateAuthority.load_or_create(folder)
        before = {path: path.read_bytes() for path in folder.iterdir()}
        with pytest.raises(PkiError):
            CertificateAuthority.replace(folder, **options)
        assert {path: path.read_bytes() for path in folder.iterdir()} == before


class TestRenew:
    def test_a_leaf_is_valid_under_either(self, folder: pathlib.Path, factory: CertificateFactory) -> None:
        old = CertificateAuthority.load_or_create(folder, days=300, now=NOW)
        before = certificates.issue(old, factory.request("p256"), NAMES, 200, now=NOW)
        new = CertificateAuthority.renew(folder, now=LATER)
        after = certificates.issue(new, factory.request("p256"), NAMES, 200, now=LATER)
        assert new.created
        assert blocks((folder / "ca.pem").read_bytes()) == [new.certificate_pem, old.certificate_pem]
        assert new.certificate.subject == old.certificate.subject
        assert new.certificate.public_key() == old.certificate.public_key()
        assert list(new.certificate.extensions) == list(old.certificate.extensions)
        assert new.certificate.serial_number != old.certificate.serial_number
        assert certificates.describe(new.certificate_pem)["not_after"] == "2036-03-08T11:59:59Z"
        for chain in (before, after):
            assert len(blocks(chain)) == 1
            for root in (old, new):
                assert accepts(root.certificate_pem, chain)
            assert certificates.reasons_to_issue(chain, True, NAMES, new.certificate, 30, now=LATER) == []
        assert new.trusted(LATER) == new.certificate_pem + old.certificate_pem
        assert lint((folder / "ca.pem").read_bytes() + after) == []

    def test_a_leaf_that_ended_with_its_authority_is_due(
        self, folder: pathlib.Path, factory: CertificateFactory
    ) -> None:
        old = CertificateAuthority.load_or_create(folder, days=100, now=NOW)
        leaf = certificates.issue(old, factory.request("p256"), NAMES, now=NOW)
        when = NOW + 90 * DAY
        assert certificates.reasons_to_issue(leaf, True, NAMES, old.certificate, 30, now=when) == []
        new = CertificateAuthority.renew(folder, now=when)
        assert "expires in 9 days" in certificates.reasons_to_issue(leaf, True, NAMES, new.certificate, 30, now=when)[0]

    def test_the_former_goes_when_it_has_expired(self, folder: pathlib.Path) -> None:
        CertificateAuthority.load_or_create(folder, days=100, now=NOW)
        new = CertificateAuthority.renew(folder, days=200, now=NOW + 101 * DAY)
        assert new.others == ()
        assert (folder / "ca.pem").read_bytes() == new.certificate_pem

    def test_replaced_then_renewed_and_the_other_way_round(
        self, folder: pathlib.Path, factory: CertificateFactory
    ) -> None:
        a1 = CertificateAuthority.load_or_create(folder, days=1000, now=NOW)
        a2 = CertificateAuthority.renew(folder, days=2000, now=NOW)
        b1 = CertificateAuthority.replace(folder, days=1000, now=NOW)
        b2 = CertificateAuthority.renew(folder, days=2000, now=NOW)
        c = CertificateAuthority.replace(folder, now=NOW)
        loaded = CertificateAuthority.load_or_create(folder)
        assert loaded.others == c.others
        chain = certificates.issue(loaded, factory.request("p256"), NAMES, now=LATER)
        assert len(blocks(chain)) == 3
        for root in (a1, a2, b1, b2, c):
            assert accepts(root.certificate_pem, chain)
        when = NOW + 1001 * DAY
        chain = certificates.issue(loaded, factory.request("p256"), NAMES, now=when)
        assert [accepts(root.certificate_pem, chain, when) for root in (a1, a2, b1, b2, c)] == [
            False,
            True,
            False,
            True,
            True,
        ]

    def test_the_key_is_not_touched(self, folder: pathlib.Path) -> None:
        CertificateAuthority.load_or_create(folder, "secret-value")
        before = (folder / "ca.key").read_bytes()
        CertificateAuthority.renew(folder, "secret-value")
        assert (folder / "ca.key").read_bytes() == before

    @pytest.mark.parametrize("days", [0, 36501, True])
    def test_impossible_validities(self, days: int, folder: pathlib.Path) -> None:
        CertificateAuthority.load_or_create(folder)
        with pytest.raises(PkiError, match="1 to 36500"):
            CertificateAuthority.renew(folder, days=days)

    def test_a_root_whose_extensions_name_its_own_serial(
        self, folder: pathlib.Path, factory: CertificateFactory
    ) -> None:
        folder.mkdir()
        old = factory.self_signed(
            "p384",
            "-days",
            "1000",
            "-addext",
            "keyUsage=critical,keyCertSign",
            "-addext",
            "authorityKeyIdentifier=keyid,issuer:always",
        )
        (folder / "ca.pem").write_bytes(old)
        (folder / "ca.key").write_bytes(factory.key("p384").read_bytes())
        now = datetime.datetime.now(datetime.UTC)
        new = CertificateAuthority.renew(folder, now=now)
        chain = certificates.issue(new, factory.request("p256"), NAMES, now=now)
        assert [accepts(root, chain, now) for root in (old, new.certificate_pem)] == [True, True]


def killed_at(number: int, change: t.Callable[[], object]) -> bool:
    """Whether SIGKILL met a process at the given one of its renames (counted from 1, half of the numbers after it)."""
    child = os.fork()
    if child == 0:
        rename, count = pathlib.Path.rename, 0

        def killing(path: pathlib.Path, target: pathlib.Path) -> None:
            nonlocal count
            count += 1
            if count * 2 - 1 == number:
                os.kill(os.getpid(), signal.SIGKILL)
            rename(path, target)
            if count * 2 == number:
                os.kill(os.getpid(), signal.SIGKILL)

        pathlib.Path.rename = killing  # type: ignore[method-assign, assignment]
        with contextlib.suppress(BaseException):
            change()
        os._exit(0)
    return os.WIFSIGNALED(os.waitpid(child, 0)[1])


class TestKilled:
    @pytest.mark.parametrize("passphrase", [None, "secret-value"])
    @pytest.mark.parametrize("number", range(1, 7))
    def test_replacing(
        self, number: int, passphrase: str | None, folder: pathlib.Path, factory: CertificateFactory
    ) -> None:
        old = CertificateAuthority.load_or_create(folder, passphrase, now=NOW)
        assert killed_at(number, lambda: CertificateAuthority.replace(folder, passphrase, now=LATER))
        before = {path: path.read_bytes() for path in folder.iterdir()}
        peeked = CertificateAuthority.peek(folder, passphrase)
        assert {path: path.read_bytes() for path in folder.iterdir()} == before
        loaded = CertificateAuthority.load_or_create(folder, passphrase, now=LATER)
        assert peeked is not None
        assert loaded.certificate == peeked.certificate
        assert (loaded.certificate == old.certificate) == (number < 4)
        assert (folder / "ca.key").read_bytes().count(b"-----BEGIN") == 1
        if number != 1:
            assert {path.name for path in folder.iterdir()} == {"ca.pem", "ca.key", ".lock"}
        chain = certificates.issue(loaded, factory.request("p256"), NAMES, now=LATER)
        assert accepts(old.certificate_pem, chain)
        assert accepts(loaded.certificate_pem, chain)
        again = CertificateAuthority.replace(folder, passphrase, now=LATER)
        assert accepts(old.certificate_pem, certificates.issue(again, factory.request("p256"), NAMES, now=LATER))

    @pytest.mark.parametrize("number", [1, 2])
    def test_renewing(self, number: int, folder: pathlib.Path) -> None:
        old = CertificateAuthority.load_or_create(folder, now=NOW)
        assert killed_at(number, lambda: CertificateAuthority.renew(folder, now=LATER))
        loaded = CertificateAuthority.load_or_create(folder)
        assert (loaded.certificate == old.certificate) == (number == 1)

    @pytest.mark.parametrize("number", range(1, 5))
    def test_making(self, number: int, folder: pathlib.Path) -> None:
        assert killed_at(number, lambda: CertificateAuthority.load_or_create(folder, "secret-value", now=NOW))
        before = {path: path.read_bytes() for path in folder.iterdir()}
        peeked = CertificateAuthority.peek(folder, "secret-value")
        assert {path: path.read_bytes() for path in folder.iterdir()} == before
        made = CertificateAuthority.load_or_create(folder, "secret-value", now=NOW)
        assert made.created == (number == 1)
        assert (peeked is None) == (number == 1)
        assert peeked is None or peeked.certificate == made.certificate
        assert CertificateAuthority.load_or_create(folder, "secret-value").certificate == made.certificate
        assert {path.name for path in folder.iterdir()} == {"ca.pem", "ca.key", ".lock"}

    def test_what_another_run_left_does_not_complete_half_a_pair(self, folder: pathlib.Path) -> None:
        CertificateAuthority.load_or_create(folder, now=NOW)
        assert killed_at(1, lambda: CertificateAuthority.replace(folder, now=LATER))
        (folder / "ca.pem").unlink()
        for use in (CertificateAuthority.load_or_create, CertificateAuthority.peek, CertificateAuthority.replace):
            with pytest.raises(PkiError, match="ca.pem is missing"):
                use(folder)

    @pytest.mark.parametrize("failing", [1, 2, 3])
    def test_a_full_disk_changes_nothing(
        self, failing: int, folder: pathlib.Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        CertificateAuthority.load_or_create(folder, now=NOW)
        before = {name: (folder / name).read_bytes() for name in ("ca.pem", "ca.key")}
        synced: list[int] = []

        def fsync(descriptor: int) -> None:
            synced.append(descriptor)
            if len(synced) == failing:
                raise OSError(errno.ENOSPC, "No space left on device")

        monkeypatch.setattr(os, "fsync", fsync)
        with pytest.raises(PkiError, match="No space left"):
            CertificateAuthority.replace(folder, now=LATER)
        assert {name: (folder / name).read_bytes() for name in before} == before


class TestTogether:
    def run(self, number: int, work: t.Callable[[int], t.Any]) -> list[t.Any]:
        """What as many processes return that do the same at the same time."""
        context = multiprocessing.get_context("fork")
        barrier, results = context.Barrier(number), context.Queue()

        def one(index: int) -> None:
            barrier.wait()
            try:
                results.put(work(index))
            except (AssertionError, PkiError) as error:
                results.put(repr(error))

        processes = [context.Process(target=one, args=[index]) for index in range(number)]
        for process in processes:
            process.start()
        found = [results.get(timeout=600) for _process in processes]
        for process in processes:
            process.join()
        return found

    @pytest.mark.parametrize("change", ["replace", "renew"])
    def test_one_of_many_does_it(self, change: str, folder: pathlib.Path) -> None:
        old = CertificateAuthority.load_or_create(folder, "secret-value", now=NOW)
        expected = certificates.fingerprint(old.certificate_pem)

        def work(_index: int) -> tuple[bool, str]:
            done = getattr(CertificateAuthority, change)(folder, "secret-value", instead_of=expected, now=LATER)
            return done.created, certificates.fingerprint(done.certificate_pem)

        found = self.run(12, work)
        assert sorted(created for created, _fingerprint in found) == [False] * 11 + [True]
        assert len({fingerprint for _created, fingerprint in found}) == 1
        assert certificates.fingerprint((folder / "ca.pem").read_bytes()) == found[0][1] != expected

    def test_readers_always_find_a_pair(self, folder: pathlib.Path) -> None:
        CertificateAuthority.load_or_create(folder, now=NOW)

        def work(index: int) -> str:
            if index % 4 == 0:
                for _time in range(3):
                    CertificateAuthority.replace(folder, now=LATER)
            else:
                for _time in range(40):
                    CertificateAuthority.load_or_create(folder)
                    assert CertificateAuthority.peek(folder) is not None
            return "fine"

        assert self.run(8, work) == ["fine"] * 8

    def test_peeking_while_another_makes_it(self, folder: pathlib.Path) -> None:
        def work(_index: int) -> str:
            CertificateAuthority.peek(folder)
            CertificateAuthority.load_or_create(folder)
            assert CertificateAuthority.peek(folder) is not None
            return "fine"

        assert self.run(12, work) == ["fine"] * 12
