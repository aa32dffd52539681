# Copyright (c) 2026, the pifleet.nodered maintainers
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a run makes once must be there before the process of each host is forked."""

from __future__ import annotations

import os
import subprocess
import sys

PROGRAM = """
import bcrypt
from ansible_collections.pifleet.nodered.plugins.action import preflight
from ansible_collections.pifleet.nodered.plugins.module_utils._shared.host_state import HostState
from ansible_collections.pifleet.nodered.plugins.plugin_utils._accounts import passwords
from ansible_collections.pifleet.nodered.plugins.plugin_utils._action import answers
from ansible_collections.pifleet.nodered.plugins.plugin_utils._javascript import parser
from ansible_collections.pifleet.nodered.plugins.plugin_utils._settings.document import SettingsDocument
from host_state import make_state

computed = []
hashpw = bcrypt.hashpw
bcrypt.hashpw = lambda *arguments: computed.append(arguments) or hashpw(*arguments)
assert passwords.fits("secret", hashpw(b"secret", b"$2b$04$" + b"." * 22).decode())
assert len(computed) == 1
caches = (answers._hints, parser._language, parser._query)
before = [cache.cache_info().misses for cache in caches]
answers.checked(HostState, make_state(), "host_info")
SettingsDocument("module.exports = { /* é */ uiPort: 1880, a: { b: 'c' } }".encode()).set("a.b", "d")
assert all(before)
after = [cache.cache_info().misses for cache in caches]
assert after == before, (before, after)
"""


def test_nothing_that_all_hosts_need_is_left_to_the_process_of_one() -> None:
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    run = subprocess.run([sys.executable, "-c", PROGRAM], capture_output=True, text=True, check=False, env=environment)
    assert run.returncode == 0, run.stderr
