# Copyright (c) 2026, the pifleet.nodered maintainers
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The authority of a fleet, proved with the openssl command, which shares no code with what made it."""

from __future__ import annotations

import datetime
import errno
import multiprocessing
import os
import pathlib
import re
import subprocess
import sys
import typing as t

import pytest
from pki_tools import DAY, NAMES, NO_CERTIFICATE, NOW, CertificateFactory, lint, mode, openssl, text, verify

from ansible_collections.pifleet.nodered.plugins.plugin_utils._pki import certificates
from ansible_collections.pifleet.nodered.plugins.plugin_utils._pki.authority import CertificateAuthority
from ansible_collections.pifleet.nodered.plugins.plugin_utils._pki.ca_directory import CaDirectory
from ansible_collections.pifleet.nodered.plugins.plugin_utils._pki.names import (
    PkiError,
)


class TestAuthority:
    def test_root(self, ca: CertificateAuthority) -> None:
        assert ca.created
        expected = text(ca.certificate_pem)
        assert re.search(r"Subject: CN ?= ?Node-RED fleet CA [0-9a-f]{8}\n", expected)
        assert re.search(r"Basic Constraints: critical\s+CA:TRUE, pathlen:2\n", expected)
        assert re.search(r"Key Usage: critical\s+Certificate Sign, CRL Sign\n", expected)
        assert "X509v3 Subject Key Identifier" in expected
        assert "ASN1 OID: prime256v1" in expected
        assert "Not Before: Feb 28 12:00:00 2026 GMT" in expected
        assert "Not After : Feb 27 11:59:59 2036 GMT" in expected
        assert ca.intermediates == ()
        assert lint(ca.certificate_pem) == []

    def test_a_chain_of_rsa_keys(self, tmp_path: pathlib.Path, factory: CertificateFactory) -> None:
        ca = CertificateAuthority.load_or_create(tmp_path / "rsa", now=NOW, key_type="rsa-3072")
        assert ca.key_type == "rsa-3072"
        chain = certificates.issue(ca, factory.request("rsa2048"), NAMES, now=NOW)
        assert "Signature Algorithm: sha256WithRSAEncryption" in text(chain)
        assert verify(tmp_path, ca.certificate_pem, chain).endswith(": OK\n")
        assert lint(ca.certificate_pem + chain) == []
        # One that exists keeps its key.
        again = CertificateAuthority.load_or_create(tmp_path / "rsa", key_type="ecdsa-p256")
        assert again.certificate == ca.certificate
        assert "rsa-3072, although nodered_ca_key_type says ecdsa-p256" in (again.key_type_warning("ecdsa-p256") or "")
        assert again.key_type_warning("rsa-3072") is None

    def test_a_file_system_that_keeps_no_rights(self, tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> None:
        """As a disk of Windows in WSL: chmod succeeds, and everything stays open."""
        kept = tmp_path / "kept"
        CertificateAuthority.load_or_create(kept, now=NOW)
        (kept / "ca.key").chmod(0o777)
        original = os.fchmod
        monkeypatch.setattr(os, "fchmod", lambda descriptor, _mode: original(descriptor, 0o777))
        monkeypatch.setattr(pathlib.Path, "chmod", lambda *_arguments, **_more: None)
        folder = tmp_path / "ca"
        with pytest.raises(PkiError, match="keeps no rights.*nodered_ca_dir"):
            CertificateAuthority.load_or_create(folder, now=NOW)
        assert [path.name for path in folder.iterdir()] == [".lock"]
        with pytest.raises(PkiError, match="keeps no rights"):
            CertificateAuthority.load_or_create(kept)
        # The key in the file is of no use without the passphrase.
        assert CertificateAuthority.load_or_create(folder, "a passphrase for tests", now=NOW).created
        assert CaDirectory(folder).exposure() == ""
        assert f"may read {kept / 'ca.key'}" in CaDirectory(kept).exposure()

    def test_an_unknown_type_of_key(self, tmp_path: pathlib.Path) -> None:
        with pytest.raises(PkiError, match="must be one of ecdsa-p256, rsa-2048"):
            CertificateAuthority.load_or_create(tmp_path / "dsa", key_type="dsa")

    def test_two_fleets_can_be_told_apart(self, tmp_path: pathlib.Path) -> None:
        one, two = (CertificateAuthority.load_or_create(tmp_path / name) for name in "ab")
        assert one.certificate.subject != two.certificate.subject
        assert one.certificate.serial_number != two.certificate.serial_number

    def test_name_and_validity_can_be_chosen(self, tmp_path: pathlib.Path) -> None:
        ca = CertificateAuthority.load_or_create(tmp_path, common_name="Küche", days=30, now=NOW)
        described = certificates.describe(ca.certificate_pem)
        assert described["subject"].startswith("CN=Küche ")
        assert described["not_after"] == "2026-03-31T11:59:59Z"

    @pytest.mark.parametrize("options", [{"common_name": ""}, {"common_name": 56 * "x"}, {"days": 0}, {"days": 36501}])
    def test_impossible_names_and_validities(self, tmp_path: pathlib.Path, options: dict[str, t.Any]) -> None:
        with pytest.raises(PkiError, match="CA must"):
            CertificateAuthority.load_or_create(tmp_path / "ca", **options)
        assert sorted(path.name for path in (tmp_path / "ca").iterdir()) == [".lock"]

    def test_files_and_modes(self, tmp_path: pathlib.Path) -> None:
        old = os.umask(0)
        try:
            CertificateAuthority.load_or_create(tmp_path / "deep" / "ca")
        finally:
            os.umask(old)
        folder = tmp_path / "deep" / "ca"
        modes = {path.name: mode(path) for path in folder.iterdir()}
        assert modes == {"ca.pem": 0o644, "ca.key": 0o600, ".lock": 0o600}
        assert mode(folder) == 0o700

    def test_an_empty_directory_is_closed_and_one_in_use_is_not(self, tmp_path: pathlib.Path) -> None:
        for name in ("empty", "used"):
            (tmp_path / name).mkdir()
            (tmp_path / name).chmod(0o755)
        (tmp_path / "used" / "playbook.yml").touch()
        for name in ("empty", "used"):
            CertificateAuthority.load_or_create(tmp_path / name)
        assert mode(tmp_path / "empty") == 0o700
        assert mode(tmp_path / "used") == 0o755

    def test_loaded_again_it_is_the_same_and_nothing_is_written(self, tmp_path: pathlib.Path) -> None:
        made = CertificateAuthority.load_or_create(tmp_path)
        before = {path: (path.stat().st_mtime_ns, path.read_bytes()) for path in tmp_path.iterdir()}
        loaded = CertificateAuthority.load_or_create(tmp_path)
        assert {path: (path.stat().st_mtime_ns, path.read_bytes()) for path in tmp_path.iterdir()} == before
        assert loaded.certificate == made.certificate
        assert not loaded.created

    def test_a_key_open_to_others_is_closed(self, tmp_path: pathlib.Path) -> None:
        CertificateAuthority.load_or_create(tmp_path)
        (tmp_path / "ca.key").chmod(0o644)
        CertificateAuthority.load_or_create(tmp_path)
        assert mode(tmp_path / "ca.key") == 0o600

    def test_peek_creates_nothing(self, tmp_path: pathlib.Path) -> None:
        assert CertificateAuthority.peek(tmp_path / "ca") is None
        assert CertificateAuthority.peek(tmp_path) is None
        assert list(tmp_path.iterdir()) == []

    def test_peek_loads(self, tmp_path: pathlib.Path) -> None:
        made = CertificateAuthority.load_or_create(tmp_path, "secret-value")
        peeked = CertificateAuthority.peek(tmp_path, "secret-value")
        assert peeked is not None
        assert peeked.certificate == made.certificate
        with pytest.raises(PkiError, match="encrypted"):
            CertificateAuthority.peek(tmp_path)

    @pytest.mark.parametrize("lost", ["ca.pem", "ca.key"])
    def test_half_a_pair_is_never_completed(self, tmp_path: pathlib.Path, lost: str) -> None:
        CertificateAuthority.load_or_create(tmp_path)
        kept = next(name for name in ("ca.pem", "ca.key") if name != lost)
        (tmp_path / lost).unlink()
        content = (tmp_path / kept).read_bytes()
        for use in (CertificateAuthority.load_or_create, CertificateAuthority.peek):
            with pytest.raises(PkiError) as caught:
                use(tmp_path)
            assert f"{tmp_path / kept} is there" in str(caught.value)
            assert f"{tmp_path / lost} is missing" in str(caught.value)
        assert not (tmp_path / lost).exists()
        assert (tmp_path / kept).read_bytes() == content

    def test_a_killed_run_leaves_nothing_that_disturbs(self, tmp_path: pathlib.Path) -> None:
        (tmp_path / ".ca.key.new").write_text("half a k")
        (tmp_path / ".ca.key.new").chmod(0o666)
        (tmp_path / ".lock").touch()
        CertificateAuthority.load_or_create(tmp_path)
        assert mode(tmp_path / "ca.key") == 0o600
        assert not (tmp_path / ".ca.key.new").exists()

    @pytest.mark.parametrize("failing", [1, 2])
    def test_a_full_disk_leaves_no_half_pair(
        self, failing: int, tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        synced = []

        def fsync(descriptor: int) -> None:
            synced.append(descriptor)
            if len(synced) == failing:
                raise OSError(errno.ENOSPC, "No space left on device")

        monkeypatch.setattr(os, "fsync", fsync)
        with pytest.raises(PkiError, match=f"{tmp_path}: No space left"):
            CertificateAuthority.load_or_create(tmp_path)
        assert CertificateAuthority.peek(tmp_path) is None

    def test_twenty_processes_make_one_authority(self, tmp_path: pathlib.Path) -> None:
        context = multiprocessing.get_context("fork")
        barrier, results = context.Barrier(20), context.Queue()

        def work() -> None:
            barrier.wait()
            authority = CertificateAuthority.load_or_create(tmp_path / "ca", "secret-value")
            results.put((authority.created, certificates.fingerprint(authority.certificate_pem)))

        processes = [context.Process(target=work) for _number in range(20)]
        for process in processes:
            process.start()
        found = [results.get(timeout=600) for _process in processes]
        for process in processes:
            process.join()
        assert sum(created for created, _fingerprint in found) == 1
        assert len({fingerprint for _created, fingerprint in found}) == 1

    def test_what_cannot_be_written_is_named(self, tmp_path: pathlib.Path) -> None:
        (tmp_path / "file").touch()
        with pytest.raises(PkiError, match=str(tmp_path / "file")):
            CertificateAuthority.load_or_create(tmp_path / "file")
        with pytest.raises(PkiError, match=str(tmp_path / "file")):
            CertificateAuthority.peek(tmp_path / "file")

    def test_a_lock_is_not_followed_elsewhere(self, tmp_path: pathlib.Path) -> None:
        (tmp_path / "ca").mkdir()
        (tmp_path / "ca" / ".lock").symlink_to(tmp_path / "elsewhere")
        with pytest.raises(PkiError, match=".lock"):
            CertificateAuthority.load_or_create(tmp_path / "ca")
        assert not (tmp_path / "elsewhere").exists()

    def test_the_home_directory_can_be_abbreviated(
        self, tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("HOME", str(tmp_path))
        CertificateAuthority.load_or_create("~/ca")
        assert (tmp_path / "ca" / "ca.pem").exists()

    def test_a_key_of_another_pair_is_refused(self, tmp_path: pathlib.Path) -> None:
        one, two = tmp_path / "one", tmp_path / "two"
        CertificateAuthority.load_or_create(one)
        CertificateAuthority.load_or_create(two)
        (one / "ca.key").write_bytes((two / "ca.key").read_bytes())
        with pytest.raises(PkiError, match="does not fit"):
            CertificateAuthority.load_or_create(one)

    @pytest.mark.parametrize("name", ["ca.pem", "ca.key"])
    @pytest.mark.parametrize("content", [b"", b"garbage", NO_CERTIFICATE])
    def test_damaged_files_are_named(self, tmp_path: pathlib.Path, name: str, content: bytes) -> None:
        CertificateAuthority.load_or_create(tmp_path)
        (tmp_path / name).write_bytes(content)
        with pytest.raises(PkiError, match=str(tmp_path / name)):
            CertificateAuthority.load_or_create(tmp_path)
        assert (tmp_path / name).read_bytes() == content

    def test_nothing_secret_is_shown(self, tmp_path: pathlib.Path) -> None:
        ca = CertificateAuthority.load_or_create(tmp_path)
        secret = ca.key.private_numbers().private_value  # type: ignore[union-attr]
        assert "key" not in repr(ca)
        assert str(secret) not in repr(ca)


class TestPassphrase:
    def test_openssl_opens_the_key_with_it_only(self, tmp_path: pathlib.Path) -> None:
        CertificateAuthority.load_or_create(tmp_path, "gänse füße")
        key = (tmp_path / "ca.key").read_bytes()
        assert key.startswith(b"-----BEGIN ENCRYPTED PRIVATE KEY-----")
        public = openssl("pkey", "-pubout", "-passin", "pass:gänse füße", content=key)
        certificate = (tmp_path / "ca.pem").read_bytes()
        assert public == openssl("x509", "-noout", "-pubkey", content=certificate)
        assert "PUBLIC KEY" not in openssl("pkey", "-pubout", "-passin", "pass:other", content=key, check=False)
        assert not CertificateAuthority.load_or_create(tmp_path, "gänse füße").created

    def test_missing(self, tmp_path: pathlib.Path) -> None:
        CertificateAuthority.load_or_create(tmp_path, "secret-value")
        with pytest.raises(PkiError, match="is encrypted: set the passphrase"):
            CertificateAuthority.load_or_create(tmp_path)

    def test_wrong(self, tmp_path: pathlib.Path) -> None:
        CertificateAuthority.load_or_create(tmp_path, "secret-value")
        with pytest.raises(PkiError, match="does not open") as caught:
            CertificateAuthority.load_or_create(tmp_path, "secret-valuE")
        assert "secret-value" not in str(caught.value).lower()
        assert caught.value.__context__ is None

    def test_superfluous(self, tmp_path: pathlib.Path) -> None:
        CertificateAuthority.load_or_create(tmp_path)
        with pytest.raises(PkiError, match="is not encrypted") as caught:
            CertificateAuthority.load_or_create(tmp_path, "secret-value")
        assert "secret-value" not in str(caught.value)

    @pytest.mark.parametrize("passphrase", ["", 1024 * "x"])
    def test_impossible(self, tmp_path: pathlib.Path, passphrase: str) -> None:
        with pytest.raises(PkiError, match=f"has {len(passphrase)} bytes"):
            CertificateAuthority.load_or_create(tmp_path, passphrase)
        assert CertificateAuthority.peek(tmp_path) is None

    def test_the_longest(self, tmp_path: pathlib.Path) -> None:
        CertificateAuthority.load_or_create(tmp_path, 1023 * "x")
        assert not CertificateAuthority.load_or_create(tmp_path, 1023 * "x").created

    def test_traditional_encryption(self, ca: CertificateAuthority, factory: CertificateFactory) -> None:
        certificate = factory.self_signed("p256", "-addext", "keyUsage=keyCertSign")
        options = ["-traditional", "-aes256", "-passout", "pass:secret-value"]
        pem = openssl("pkey", "-in", factory.key("p256"), *options)
        assert "Proc-Type: 4,ENCRYPTED" in pem
        assert CertificateAuthority.from_pem(certificate, pem, "secret-value")
        with pytest.raises(PkiError, match="is encrypted"):
            CertificateAuthority.from_pem(certificate, pem)


@pytest.fixture(scope="module")
def company(tmp_path_factory: pytest.TempPathFactory, factory: CertificateFactory) -> pathlib.Path:
    """A root (RSA), an authority below it (P-384), and one below that (P-256), all made by openssl."""
    folder = tmp_path_factory.mktemp("company")
    (folder / "ca.cnf").write_text(
        "basicConstraints=critical,CA:TRUE\nkeyUsage=critical,keyCertSign\nsubjectKeyIdentifier=hash\n",
        encoding="ascii",
    )
    root = factory.self_signed("rsa2048", "-days", "3650", "-addext", "keyUsage=keyCertSign", subject="/CN=root")
    (folder / "root.pem").write_bytes(root)
    for name, kind, issuer, issuer_kind in (("middle", "p384", "root", "rsa2048"), ("low", "p256", "middle", "p384")):
        openssl("req", "-new", "-key", factory.key(kind), "-subj", f"/CN={name}", "-out", folder / f"{name}.csr")
        openssl(
            "x509",
            "-req",
            "-in",
            folder / f"{name}.csr",
            "-CA",
            folder / f"{issuer}.pem",
            "-CAkey",
            factory.key(issuer_kind),
            "-days",
            "3650",
            "-extfile",
            folder / "ca.cnf",
            "-out",
            folder / f"{name}.pem",
        )
    return folder


class TestFromPem:
    def test_a_root_from_a_vault(self, tmp_path: pathlib.Path, factory: CertificateFactory) -> None:
        made = CertificateAuthority.load_or_create(tmp_path, now=NOW)
        given = CertificateAuthority.from_pem(
            (tmp_path / "ca.pem").read_text(encoding="ascii"), (tmp_path / "ca.key").read_text(encoding="ascii")
        )
        assert given.certificate == made.certificate
        assert not given.created
        chain = certificates.issue(given, factory.request("p256"), NAMES, now=NOW)
        assert chain.count(b"BEGIN CERTIFICATE") == 1

    @pytest.mark.parametrize("bundle", [["low", "middle"], ["low", "middle", "root"]])
    def test_intermediates_are_sent_and_the_root_is_not(
        self, bundle: list[str], company: pathlib.Path, factory: CertificateFactory, tmp_path: pathlib.Path
    ) -> None:
        given = b"".join((company / f"{name}.pem").read_bytes() for name in bundle)
        ca = CertificateAuthority.from_pem(given, factory.key("p256").read_bytes())
        now = datetime.datetime.now(datetime.UTC)
        chain = certificates.issue(ca, factory.request("rsa2048"), NAMES, now=now)
        assert chain.count(b"BEGIN CERTIFICATE") == 3
        root = (company / "root.pem").read_bytes()
        assert verify(tmp_path, root, chain, "-verify_hostname", "pi.local", when=now).endswith(": OK\n")
        assert lint(chain[: chain.index(b"-----END") + 26]) == []
        assert certificates.reasons_to_issue(chain, True, NAMES, ca.certificate, 30, now=now) == []
        assert certificates.describe(chain)["issuer"] == "CN=low"

    def test_a_p384_authority_signs_with_sha384(self, company: pathlib.Path, factory: CertificateFactory) -> None:
        ca = CertificateAuthority.from_pem((company / "middle.pem").read_bytes(), factory.key("p384").read_bytes())
        assert "ecdsa-with-SHA384" in text(certificates.issue(ca, factory.request("p256"), NAMES))

    def test_an_intermediate_that_expired_is_not_sent(self, company: pathlib.Path, factory: CertificateFactory) -> None:
        given = b"".join((company / f"{name}.pem").read_bytes() for name in ("low", "middle", "root"))
        ca = CertificateAuthority.from_pem(given, factory.key("p256").read_bytes())
        assert len(ca.sent_with(NAMES)) == 2
        assert ca.sent_with(NAMES, now=datetime.datetime.now(datetime.UTC) + 3651 * DAY) == ()
        assert ca.trusted_pem == (company / "root.pem").read_bytes()

    def test_an_end_above_it_is_told(self, company: pathlib.Path, factory: CertificateFactory) -> None:
        low = factory.signed(
            "p256",
            (company / "middle.pem").read_bytes(),
            "p384",
            (company / "ca.cnf").read_text(encoding="ascii"),
            "-days",
            "5000",
            subject="/CN=low",
        )
        given = low + (company / "middle.pem").read_bytes()
        ca = CertificateAuthority.from_pem(given, factory.key("p256").read_bytes())
        now = datetime.datetime.now(datetime.UTC)
        assert ca.warning(397, now=now) is None
        assert "The CA 'CN=middle', which signed" in (ca.warning(397, now=now + 3500 * DAY) or "")
        assert ca.trusted_pem == b""

    def test_a_bundle_in_the_wrong_order(self, company: pathlib.Path, factory: CertificateFactory) -> None:
        given = b"".join((company / f"{name}.pem").read_bytes() for name in ("low", "root", "middle"))
        with pytest.raises(PkiError, match="'CN=low' is not signed by the next, 'CN=root'"):
            CertificateAuthority.from_pem(given, factory.key("p256").read_bytes())

    def test_a_key_that_does_not_fit(self, company: pathlib.Path, factory: CertificateFactory) -> None:
        with pytest.raises(PkiError, match="does not fit"):
            CertificateAuthority.from_pem((company / "low.pem").read_bytes(), factory.key("p384").read_bytes())

    @pytest.mark.parametrize(
        "extensions",
        [
            ["-addext", "basicConstraints=critical,CA:FALSE"],
            ["-addext", "keyUsage=critical,digitalSignature"],
        ],
    )
    def test_a_certificate_that_may_not_sign(self, extensions: list[str], factory: CertificateFactory) -> None:
        certificate = factory.self_signed("p256", *extensions)
        with pytest.raises(PkiError, match="not that of a CA"):
            CertificateAuthority.from_pem(certificate, factory.key("p256").read_bytes())

    @pytest.mark.parametrize("kind", ["ed25519", "p521", "rsa1024"])
    def test_a_key_that_browsers_refuse(self, kind: str, factory: CertificateFactory) -> None:
        with pytest.raises(PkiError, match="browsers refuse"):
            CertificateAuthority.from_pem(factory.self_signed(kind), factory.key(kind).read_bytes())

    def test_a_key_instead_of_a_certificate_is_not_shown(self, factory: CertificateFactory) -> None:
        key = factory.key("p256").read_text(encoding="ascii")
        with pytest.raises(PkiError, match="cannot be read as a certificate") as caught:
            CertificateAuthority.from_pem(key, key)
        assert key.splitlines()[1][:20] not in str(caught.value)


@pytest.mark.parametrize(
    ("source", "expected"),
    [("raise ImportError('no cryptography')", "is missing"), ("__version__ = '38.0.4'", "38.0.4 on the control node")],
)
def test_a_missing_or_old_library_is_named(tmp_path: pathlib.Path, source: str, expected: str) -> None:
    script = (
        "from ansible_collections.pifleet.nodered.plugins.plugin_utils import _errors\n"
        "from ansible_collections.pifleet.nodered.plugins.plugin_utils._pki import authority\n"
        "try:\n authority.CertificateAuthority.peek('/nowhere')\nexcept _errors.UserError as e:\n print(e)"
    )
    if "38" in source:
        script = f"import cryptography\ncryptography.{source}\n{script}"
        libraries: list[str] = []
    else:
        (tmp_path / "cryptography.py").write_text(source, encoding="ascii")
        libraries = [str(tmp_path)]
    path = os.pathsep.join([*libraries, *sys.path])
    run = subprocess.run(
        [sys.executable, "-c", script],
        env={**os.environ, "PYTHONPATH": path, "PYTHONDONTWRITEBYTECODE": "1"},
        capture_output=True,
        text=True,
        check=True,
    )
    assert expected in run.stdout
    assert "requirements.txt" in run.stdout
