# Copyright (c) 2026, the pifleet.nodered maintainers
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a visit of an unchanged host compiles there: what travels to a host has no compiled files."""

from __future__ import annotations

import os
import subprocess
import sys

PACKAGE = "ansible_collections.pifleet.nodered.plugins.module_utils."
#: What only a change needs, or an audit, or a host that is not as most are.
RARELY_NEEDED = {
    "_host.transaction",
    "_host.residents",
    "_info.audit_details",
    "_info.dependents",
    "_info.root_rights",
    "_node_red.elsewhere",
    "_node_red.scripts",
    "_node_red.shell_text",
    "_proxy.candidate",
}


def test_what_is_rarely_needed_is_not_imported() -> None:
    program = f"import sys, {PACKAGE}_info.gather; print(*sys.modules)"
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    command = [sys.executable, "-c", program]
    printed = subprocess.run(command, capture_output=True, text=True, check=True, env=environment).stdout
    imported = {name.removeprefix(PACKAGE) for name in printed.split() if name.startswith(PACKAGE)}
    assert "_info.gather" in imported
    assert imported & RARELY_NEEDED == set()
