# Copyright (c) 2026, the pifleet.nodered maintainers
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Where an authority is not made, because it would be gone with its run."""

from __future__ import annotations

import pathlib

import pytest

from ansible_collections.pifleet.nodered.plugins.plugin_utils._pki.authority import CertificateAuthority
from ansible_collections.pifleet.nodered.plugins.plugin_utils._pki.ca_directory import refuse_to_forget
from ansible_collections.pifleet.nodered.plugins.plugin_utils._pki.names import PkiError

HOME = "~/.pifleet/nodered-ca"


@pytest.fixture
def inside(monkeypatch: pytest.MonkeyPatch, tmp_path: pathlib.Path) -> None:
    """An execution environment."""
    monkeypatch.setenv("AWX_ISOLATED_DATA_DIR", "/runner/artifacts/7")
    monkeypatch.setenv("HOME", str(tmp_path))


@pytest.mark.usefixtures("inside")
def test_the_home_of_an_execution_environment_is_forgotten(tmp_path: pathlib.Path) -> None:
    with pytest.raises(PkiError, match=r"forgets ~/\.pifleet/nodered-ca at its end.*nodered_ca_key"):
        CertificateAuthority.load_or_create(HOME)
    assert CertificateAuthority.peek(HOME) is None
    assert CertificateAuthority.load_or_create(tmp_path / "volume").created
    refuse_to_forget("/volume/ca")


@pytest.mark.usefixtures("inside")
def test_one_that_is_there_is_used(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AWX_ISOLATED_DATA_DIR")
    made = CertificateAuthority.load_or_create(HOME)
    monkeypatch.setenv("AWX_ISOLATED_DATA_DIR", "/runner/artifacts/7")
    assert CertificateAuthority.load_or_create(HOME).certificate_pem == made.certificate_pem


@pytest.mark.parametrize("directory", ["", "/home/ann/jobs/artifacts/7", "/runners/artifacts/7"])
def test_ansible_runner_on_a_computer_that_keeps_it(monkeypatch: pytest.MonkeyPatch, directory: str) -> None:
    monkeypatch.setenv("AWX_ISOLATED_DATA_DIR", directory)
    refuse_to_forget(HOME)
