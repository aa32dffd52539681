# Copyright (c) 2026, the pifleet.nodered maintainers
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What several unit tests start with."""

from __future__ import annotations

import os
import pathlib
import subprocess
import typing as t

import pytest
from pki_tools import CertificateFactory


@pytest.fixture(scope="session")
def factory(tmp_path_factory: pytest.TempPathFactory) -> CertificateFactory:
    """Makes certificates; a key of each kind is made only once."""
    return CertificateFactory(tmp_path_factory.mktemp("factory"))


@pytest.fixture(autouse=True, scope="session")
def usual_umask() -> t.Iterator[None]:
    """Where each user has a group, as in Debian 13, files of a login are the group's to write, which some tests refuse."""
    former = os.umask(0o022)
    yield
    os.umask(former)


@pytest.fixture
def files_stay_the_users(monkeypatch: pytest.MonkeyPatch) -> None:
    """For what is not about owners: where not root runs the tests, no file can be given to root."""
    if os.geteuid() != 0:
        monkeypatch.setattr(os, "fchown", lambda *_arguments: None)


@pytest.fixture(scope="session")
def pem(tmp_path_factory: pytest.TempPathFactory) -> tuple[pathlib.Path, str]:
    """A key with a certificate, and the fingerprint that openssl gives it."""
    path = tmp_path_factory.mktemp("pem") / "server.pem"
    run = subprocess.run(
        [
            "openssl",
            "req",
            "-x509",
            "-newkey",
            "ec",
            "-pkeyopt",
            "ec_paramgen_curve:P-256",
            "-nodes",
            "-keyout",
            path,
            "-subj",
            "/CN=test",
            "-days",
            "2",
        ],
        check=True,
        capture_output=True,
    )
    with path.open("ab") as stream:
        stream.write(run.stdout)
    printed = subprocess.run(
        ["openssl", "x509", "-in", path, "-noout", "-fingerprint", "-sha256"],
        check=True,
        capture_output=True,
        text=True,
    ).stdout
    return path, printed.strip().partition("=")[2].replace(":", "").lower()
