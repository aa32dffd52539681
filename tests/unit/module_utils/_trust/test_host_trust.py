# Copyright (c) 2026, the pifleet.nodered maintainers
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Whom hosts are told to trust, where a host keeps that, and what is taken away again."""

from __future__ import annotations

import datetime
import os
import pathlib
import pwd
import stat
import typing as t

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from ansible_collections.pifleet.nodered.plugins.action import trust as action
from ansible_collections.pifleet.nodered.plugins.module_utils._host.errors import HostError
from ansible_collections.pifleet.nodered.plugins.module_utils._trust import host_trust as host
from ansible_collections.pifleet.nodered.plugins.module_utils._trust import programs as programs_module
from ansible_collections.pifleet.nodered.plugins.module_utils._trust.nss_database import (
    Database,
    Databases,
    details_of,
    entries_of,
)
from ansible_collections.pifleet.nodered.plugins.module_utils._trust.system_store import Authority, SystemStore
from ansible_collections.pifleet.nodered.plugins.plugin_utils._errors import UserError
from ansible_collections.pifleet.nodered.plugins.plugin_utils._pki import certificates
from ansible_collections.pifleet.nodered.plugins.plugin_utils._pki.names import PkiError

NOW = datetime.datetime(2026, 11, 1, tzinfo=datetime.UTC)
KEY, OTHER_KEY = (ec.generate_private_key(ec.SECP256R1()) for _number in range(2))


def certificate(
    subject: str = "Fleet CA",
    days: int = 100,
    issuer: str | None = None,
    key: ec.EllipticCurvePrivateKey = KEY,
    signed_with: ec.EllipticCurvePrivateKey = KEY,
    ca: bool | None = True,
) -> bytes:
    """A certificate in PEM; ``ca`` is None where nothing says whether it may issue others."""
    names = [x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)]) for name in (subject, issuer or subject)]
    builder = (
        x509.CertificateBuilder()
        .subject_name(names[0])
        .issuer_name(names[1])
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(NOW - datetime.timedelta(days=1000))
        .not_valid_after(NOW + datetime.timedelta(days=days))
    )
    if ca is not None:
        builder = builder.add_extension(x509.BasicConstraints(ca=ca, path_length=None), critical=True)
    return builder.sign(signed_with, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)


def authority(pem: bytes) -> Authority:
    return Authority(pem.decode("ascii"), action.nickname(certificates.describe(pem)))


# The control node


def test_only_roots_that_have_not_expired() -> None:
    root, renewed = certificate(), certificate(days=200)
    pem = b"".join(
        [
            certificate(days=-1),
            root,
            certificate("Cross", issuer="Fleet CA", key=OTHER_KEY),
            renewed,
            certificate("leaf.example", ca=False),
            certificate("Old", ca=None),
        ]
    )
    found = action.roots(pem, "ca.pem", NOW)
    assert [*found] == [root.decode("ascii"), renewed.decode("ascii")]
    assert {description["subject"] for description in found.values()} == {"CN=Fleet CA"}


def test_certificate_that_only_names_itself_as_issuer() -> None:
    with pytest.raises(UserError, match="no root certificate"):
        action.roots(certificate(signed_with=OTHER_KEY), "ca.pem", NOW)


@pytest.mark.parametrize(
    "pem",
    [
        certificate(days=-1),
        certificate("leaf.example", ca=False),
        certificate("Below", issuer="Fleet CA", key=OTHER_KEY),
    ],
)
def test_nothing_to_trust(pem: bytes) -> None:
    with pytest.raises(UserError, match=r"^nodered_ca_certificate has no root certificate that hosts could trust"):
        action.roots(pem, "nodered_ca_certificate", NOW)


def test_what_is_no_certificate() -> None:
    with pytest.raises(PkiError):
        action.roots(b"", "ca.pem", NOW)
    with pytest.raises(PkiError):
        action.roots(b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n", "ca.pem", NOW)


def test_a_key_beside_the_certificates_goes_nowhere() -> None:
    key = KEY.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    found = action.roots(key + certificate() + key, "ca.pem", NOW)
    assert not any("PRIVATE" in root for root in found)


def test_file_that_is_not_there(tmp_path: pathlib.Path) -> None:
    options = {"ca_certificate": None, "ca_dir": str(tmp_path)}
    with pytest.raises(UserError, match="makes it in its first run"):
        action.ActionModule._authority(options)
    (tmp_path / "ca.pem").write_bytes(b"content")
    assert action.ActionModule._authority(options) == (b"content", str(tmp_path / "ca.pem"))
    assert action.ActionModule._authority({**options, "ca_certificate": "given"})[0] == b"given"


@pytest.mark.parametrize(
    ("subject", "name"),
    [
        ("CN=Node-RED fleet CA", "Node-RED fleet CA"),
        ("O=Home,CN=Fleet", "Fleet"),
        # NSS would take what is before a colon for a token, and a mail address for something else than a nickname.
        (r"CN=Fleet: a\, b@example.com,O=Home", "Fleet a b example.com"),
        ("O=Home", "O Home"),
        ("CN=" + "x" * 100, "x" * 64),
        ("", ""),
    ],
)
def test_nickname(subject: str, name: str) -> None:
    found = action.nickname({"subject": subject, "fingerprint": "0123456789abcdef" * 4})
    assert found == f"{name} (pifleet-nodered-0123456789abcdef)".strip()


def test_difference_tells_who_and_where_and_no_pem() -> None:
    known = {"ab" * 32: {"subject": "CN=Fleet", "fingerprint": "ab" * 32, "not_after": "2036-01-01T00:00:00Z"}}
    changes: list[dict[str, t.Any]] = [
        {"store": "system", "user": None, "fingerprint": "ab" * 32, "after": True},
        {"store": "/home/pi/.pki/nssdb", "user": "pi", "fingerprint": "ab" * 32, "after": True},
    ]
    shown = action.trust_difference(changes, known)
    assert shown["before"] == ""
    assert shown["after"] == (
        f"- subject: CN=Fleet\n  fingerprint: {':'.join(['AB'] * 32)}\n  not_after: '2036-01-01T00:00:00Z'\n"
        "  stores:\n  - system\n  - /home/pi/.pki/nssdb (user pi)\n"
    )
    gone = action.trust_difference([{**change, "after": False} for change in changes], known)
    assert (gone["before"], gone["after"]) == (shown["after"], "")


# The system's store


@pytest.fixture
def store(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> SystemStore:
    """A store, and a program that makes it as update-ca-certificates does, and tells how often."""
    given, effective, programs = (tmp_path / name for name in ("given", "effective", "programs"))
    for folder in (given, effective, programs):
        folder.mkdir()
    program = programs / "update"
    program.write_text(
        f"""#!/bin/sh
        set -eu
        echo "$*" >>{tmp_path}/runs
        [ ! -e {tmp_path}/broken ] || {{ echo "no space" >&2; exit 1; }}
        cd {effective}
        rm -f *
        number=0
        for file in {given}/*.crt; do
            [ -e "$file" ] || continue
            ln -s "$file" "$(basename "$file" .crt).pem"
            ln -s "$(basename "$file" .crt).pem" "0123abcd.$number"
            cat "$file" >>ca-certificates.crt
            number=$((number + 1))
        done
        """,
        encoding="utf-8",
    )
    program.chmod(0o755)
    monkeypatch.setattr(programs_module, "PATH", f"{programs}:{os.environ['PATH']}")
    found = SystemStore(str(given), str(effective), "update")
    found.check()
    return found


def runs(tmp_path: pathlib.Path) -> list[str]:
    path = tmp_path / "runs"
    return path.read_text("utf-8").splitlines() if path.exists() else []


def test_store_of_the_system(store: SystemStore, tmp_path: pathlib.Path) -> None:
    roots = [authority(certificate()), authority(certificate(days=200))]
    assert store.trusted(roots) == set()
    store.add(roots)
    assert store.trusted(roots) == {root.fingerprint for root in roots}
    for root in roots:
        path = tmp_path / "given" / f"pifleet-nodered-{root.fingerprint[:16]}.crt"
        assert stat.S_IMODE(path.stat().st_mode) == 0o644
    assert {fingerprint for _path, fingerprint, _pem in store.entries_of_ours()} == {root.fingerprint for root in roots}
    store.remove([path for path, _fingerprint, _pem in store.entries_of_ours()])
    assert store.entries_of_ours() == []
    assert os.listdir(tmp_path / "given") == os.listdir(tmp_path / "effective") == []


@pytest.mark.parametrize("spoil", ["given/pifleet*", "effective/ca-certificates.crt", "effective/0123abcd.0"])
def test_file_without_effect_is_not_enough(store: SystemStore, tmp_path: pathlib.Path, spoil: str) -> None:
    root = authority(certificate())
    store.add([root])
    (path,) = tmp_path.glob(spoil)
    path.unlink()
    assert store.trusted([root]) == set()
    store.add([root])
    assert store.trusted([root]) == {root.fingerprint}


def test_mode_and_content_are_mended(store: SystemStore, tmp_path: pathlib.Path) -> None:
    root = authority(certificate())
    store.add([root])
    (path,) = (tmp_path / "given").iterdir()
    path.chmod(0o600)
    assert store.trusted([root]) == set()
    path.write_bytes(certificate("Somebody else"))
    path.chmod(0o644)
    assert store.trusted([root]) == set()
    store.add([root])
    assert store.trusted([root]) == {root.fingerprint}


def test_link_in_place_of_the_file_is_replaced(store: SystemStore, tmp_path: pathlib.Path) -> None:
    root = authority(certificate())
    (tmp_path / "target").write_bytes(root.pem)
    path = tmp_path / "given" / f"pifleet-nodered-{root.fingerprint[:16]}.crt"
    path.symlink_to(tmp_path / "target")
    store.add([root])
    assert not path.is_symlink()
    assert (tmp_path / "target").read_bytes() == root.pem


def test_what_is_not_ours_stays(store: SystemStore, tmp_path: pathlib.Path) -> None:
    given = tmp_path / "given"
    (given / "company.crt").write_bytes(certificate("Company"))
    (given / "pifleet-nodered-0123456789abcdef.crt").write_bytes(certificate("Other content"))
    (given / "pifleet-nodered-0123456789abcdee.crt").write_bytes(b"nothing")
    assert store.entries_of_ours() == []


def test_killed_removal_is_found_again(store: SystemStore, tmp_path: pathlib.Path) -> None:
    root = authority(certificate())
    store.add([root])
    (tmp_path / "broken").touch()
    with pytest.raises(HostError, match="cannot be updated: no space"):
        store.remove([path for path, _fingerprint, _pem in store.entries_of_ours()])
    (tmp_path / "broken").unlink()
    ((path, fingerprint, _pem),) = store.entries_of_ours()
    assert (path.endswith(".crt.removed"), fingerprint) == (True, root.fingerprint)
    store.remove([path])
    assert os.listdir(tmp_path / "given") == os.listdir(tmp_path / "effective") == []
    assert runs(tmp_path) == ["", "--fresh", "--fresh"]


def test_program_that_does_nothing(store: SystemStore, tmp_path: pathlib.Path) -> None:
    (tmp_path / "programs" / "update").write_text("#!/bin/sh\n", encoding="utf-8")
    with pytest.raises(HostError, match="does not show the authority"):
        store.add([authority(certificate())])


def test_host_without_a_store(tmp_path: pathlib.Path) -> None:
    with pytest.raises(HostError, match="install its package ca-certificates"):
        SystemStore(str(tmp_path), str(tmp_path / "none")).check()


def test_check_mode_writes_nothing(store: SystemStore, tmp_path: pathlib.Path) -> None:
    root = authority(certificate())
    result = host.HostTrust([], True, store).present([root])
    assert result["changed"]
    assert result["differences"] == [{"store": "system", "user": None, "fingerprint": root.fingerprint, "after": True}]
    assert os.listdir(tmp_path / "given") == runs(tmp_path) == []
    assert host.HostTrust([], False, store).present([root])["changed"]
    assert not host.HostTrust([], False, store).present([root])["changed"]
    result = host.HostTrust([], True, store).absent()
    assert result["differences"] == [{"store": "system", "user": None, "fingerprint": root.fingerprint, "after": False}]
    assert [*result["certificates"]] == [root.fingerprint]
    assert store.trusted([root])
    assert runs(tmp_path) == [""]


# The databases of browsers

LISTED = """
Certificate Nickname                                         Trust Attributes
                                                             SSL,S/MIME,JAR/XPI

Fleet CA (pifleet-nodered-0123456789abcdef)                  C,,
A nickname that is longer than the sixty characters that the column has C,,
by hand                                                      CT,C,C
cached intermediate                                          ,,
client                                                       u,u,u
""".replace(",,\n", ",,  \n")
PRINTED = """Certificate:
    Data:
        Subject: "CN=Fleet CA"
    Fingerprint (SHA-256):
        {one}
    Fingerprint (SHA1):
        61:2A:B6:9E:FF:23:6A:24:2F:1D:8D:F6:B4:D7:23:EB:31:53:28:1F

    Mozilla-CA-Policy: false (attribute missing)
    Certificate Trust Flags:
        SSL Flags:
            Valid CA
            Trusted CA
        Email Flags:
        Object Signing Flags:

Certificate:
    Data:
        Subject: "CN=Fleet CA"
    Fingerprint (SHA-256):
        {two}
    Certificate Trust Flags:
        SSL Flags:
            Valid CA
            Trusted Client CA
        Email Flags:
            Trusted CA
        Object Signing Flags:

Certificate:
    Fingerprint (SHA-256):
        {three}

"""


def test_what_certutil_lists() -> None:
    assert entries_of(LISTED) == [
        ("Fleet CA (pifleet-nodered-0123456789abcdef)", "C"),
        ("A nickname that is longer than the sixty characters that the column has", "C"),
        ("by hand", "CT"),
        ("cached intermediate", ""),
        ("client", "u"),
    ]
    assert entries_of("") == []


def test_what_certutil_prints_of_certificates_with_one_subject() -> None:
    digits = {name: ":".join([byte] * 32) for name, byte in (("one", "AB"), ("two", "CD"), ("three", "EF"))}
    assert details_of(PRINTED.format(**digits)) == {"ab" * 32: True, "cd" * 32: False, "ef" * 32: False}
    assert details_of("") == {}


@pytest.fixture
def home(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> pathlib.Path:
    """The home folder of an account that is our own but for that folder."""
    entry = pwd.getpwuid(os.getuid())
    monkeypatch.setattr(pwd, "getpwnam", lambda name: pwd.struct_passwd((name, *entry[1:5], str(tmp_path), *entry[6:])))
    return tmp_path


def folders(databases: list[Database], home: pathlib.Path) -> list[str]:
    return [os.path.relpath(database.directory, home) for database in databases]


def database(home: pathlib.Path, path: str) -> None:
    (home / path).mkdir(parents=True)
    (home / path / "cert9.db").touch()


def test_home_without_browsers(home: pathlib.Path) -> None:
    user = Databases("pi")
    assert user.present() == []
    assert folders(user.missing(), home) == [".pki/nssdb"]


def test_databases_of_debian_snap_and_flatpak(home: pathlib.Path) -> None:
    paths = [
        ".pki/nssdb",
        ".local/share/pki/nssdb",
        "snap/chromium/2900/.pki/nssdb",
        ".var/app/org.chromium.Chromium/data/pki/nssdb",
        ".mozilla/firefox/abc.default-release",
        ".mozilla/firefox/def.work",
        ".config/mozilla/firefox/ghi.default",
        "snap/firefox/common/.mozilla/firefox/jkl.default",
        ".var/app/org.mozilla.firefox/.mozilla/firefox/mno.default",
    ]
    for path in paths:
        database(home, path)
    # Without a database, or one of an old format: a profile that was never used.
    (home / ".mozilla/firefox/Crash Reports").mkdir()
    (home / ".mozilla/firefox/profiles.ini").touch()
    (home / "snap/chromium/current").symlink_to("2900")
    user = Databases("pi")
    expected = {path.replace("2900", "current") for path in paths}
    assert set(folders(user.present(), home)) == expected
    assert len(user.present()) == len(expected)
    assert user.missing() == []


def test_folder_of_newer_chromiums_is_enough(home: pathlib.Path) -> None:
    """A ~/.pki made beside it would hide it: Chromium takes the older folder where it is."""
    database(home, ".local/share/pki/nssdb")
    assert Databases("pi").missing() == []


def test_link_to_another_database_counts_once(home: pathlib.Path) -> None:
    database(home, ".pki/nssdb")
    (home / ".local/share/pki").mkdir(parents=True)
    (home / ".local/share/pki/nssdb").symlink_to(home / ".pki/nssdb")
    assert folders(Databases("pi").present(), home) == [".pki/nssdb"]


def test_browsers_as_snap_and_flatpak_that_were_never_started(home: pathlib.Path) -> None:
    for path in ("snap/chromium/current", ".var/app/org.chromium.Chromium"):
        (home / path).mkdir(parents=True)
    assert folders(Databases("pi").missing(), home) == [
        ".pki/nssdb",
        "snap/chromium/current/.pki/nssdb",
        ".var/app/org.chromium.Chromium/.pki/nssdb",
    ]


def test_user_or_home_that_is_not_there(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(HostError, match="nobody-here does not exist on this host. Correct nodered_trust_users"):
        Databases("nobody-here")
    entry = pwd.getpwuid(os.getuid())
    gone = pwd.struct_passwd((*entry[:5], str(tmp_path / "gone"), entry[6]))
    monkeypatch.setattr(pwd, "getpwnam", lambda name: gone)
    with pytest.raises(HostError, match="has no home directory"):
        Databases("pi")


def test_host_without_certutil(
    store: SystemStore, home: pathlib.Path, tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Is told of before anything is written; check mode goes on."""
    monkeypatch.setattr(programs_module, "PATH", str(tmp_path / "programs"))
    root = authority(certificate())
    with pytest.raises(HostError, match="package libnss3-tools"):
        host.HostTrust(["pi"], False, store).present([root])
    assert runs(tmp_path) == []
    result = host.HostTrust(["pi"], True, store).present([root])
    assert [(each["store"], each["user"]) for each in result["differences"]] == [
        ("system", None),
        (str(home / ".pki/nssdb"), "pi"),
    ]
    assert "libnss3-tools" in result["remarks"][0]
    # Nothing of ours can be where no database is.
    assert not host.HostTrust(["pi"], False, store).absent()["changed"]
