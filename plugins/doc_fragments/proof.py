# Copyright (c) 2026, the pifleet.nodered maintainers
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Documentation of the options for the proof of a change, and for what the host does and keeps after it."""

from __future__ import annotations


class ModuleDocFragment:
    DOCUMENTATION = r"""
options:
  timeout:
    description:
      - Seconds that Node-RED may take to answer after a start, and that its settings may take to load.
      - It has as long to end as its unit says (C(TimeoutStopSec)) and half a minute, but no longer than ten minutes, or than
        this where it is more. Then its processes are killed.
    type: int
    default: 180
  stable:
    description:
      - Seconds after which the same process must still run and answer.
    type: int
    default: 3
  watch_minutes:
    description:
      - For how long the host itself watches, after the proof of what was replaced, whether Node-RED lives on. One that ends by
        itself meanwhile is put back as it was before, and the next run says so. The task does not wait for that.
      - A stop, a start or a restart that systemd is asked for, and a reboot, are nothing that ends by itself.
      - A change that has locked somebody out is not put back; Node-RED is started again then.
      - At most 1440; V(0) for no watch.
    type: int
    default: 10
  keep_states:
    description:
      - How many states of the host are kept for M(pifleet.nodered.restore), each as it was before a change, from 1 to 100.
        Older ones are removed after a change that was proved.
    type: int
    default: 10
"""
