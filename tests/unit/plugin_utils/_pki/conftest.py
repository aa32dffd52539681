# Copyright (c) 2026, the pifleet.nodered maintainers
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What several tests of certificates start with."""

from __future__ import annotations

import pytest
from pki_tools import NOW

from ansible_collections.pifleet.nodered.plugins.plugin_utils._pki.authority import CertificateAuthority


@pytest.fixture(scope="session")
def ca(tmp_path_factory: pytest.TempPathFactory) -> CertificateAuthority:
    """An authority that no test changes."""
    return CertificateAuthority.load_or_create(tmp_path_factory.mktemp("authority"), now=NOW)
