#!/usr/bin/python
# Copyright (c) 2026, the pifleet.nodered maintainers
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: notify
short_description: Tells what is new in a regular run
version_added: 0.1.0
description:
  - Works on the control node only, on what the playbooks C(pifleet.nodered.secure) and C(pifleet.nodered.audit) have
    written to O(directory). No host is visited.
  - Tells of a playbook that did not come to its end, of hosts that failed, that were off for some runs or that C(secure)
    has closed again, of certificates that end soon, and of new findings that count. Each is told once; that a host has
    failed is told again after it has not.
  - What was told is remembered in C(memory.json) in O(directory), as soon as everybody was told.
  - It shows the same on the terminal. Where nothing is new it calls nobody.
extends_documentation_fragment:
  - pifleet.nodered.attributes
attributes:
  check_mode:
    support: full
    details:
      - Shows what it would tell, calls nobody and remembers nothing.
  diff_mode:
    support: none
  idempotent:
    support: partial
    details:
      - It counts runs, so it is meant to be run once for each.
options:
  directory:
    description:
      - The directory on the control node with C(summary.json) (C(nodered_summary_path) of C(secure)) and C(report.json)
        (C(nodered_report_dir) of C(audit)). Remove both before the run, so that one that did not come to its end is seen.
    type: path
    default: ~/.pifleet/schedule/pifleet-nodered
  command:
    description:
      - A command that is run when something is new, as a list of words, or as a text with blanks between and quotes as in a
        shell. No shell runs it.
      - It gets what is new as a text on its standard input, the first line says it in short.
      - The environment variable E(NODERED_NEWS) is the path of C(news.json), which has the same as data, with the paths of
        C(summary.json) and C(report.json).
      - Every user of the control node can see its words while it runs. A secret belongs into a file that it reads.
    type: raw
  mail:
    description:
      - An address that gets the same by the program C(sendmail) of the control node.
    type: str
  off_runs:
    description:
      - A host is told that was off in so many runs, one after the other.
    type: int
    default: 3
  certificate_days:
    description:
      - A certificate is told that ends in fewer days. C(secure) renews those of its own earlier, so it is told where that
        has failed for some time.
    type: int
    default: 14
author:
  - The pifleet.nodered maintainers (@pifleet)
seealso:
  - module: pifleet.nodered.schedule
  - module: pifleet.nodered.report
  - module: pifleet.nodered.summary
"""

EXAMPLES = r"""
- name: Tell what is new, to a phone
  pifleet.nodered.notify:
    directory: /home/ann/.pifleet/schedule/pifleet-nodered
    command: curl --silent --fail --data-binary @- https://ntfy.example/pis
"""

RETURN = r"""
news:
  description: What is new.
  returned: always
  type: list
  elements: dict
  contains:
    kind:
      description: What it is about, one of V(run), V(failed), V(off), V(changed), V(certificate) and V(finding).
      type: str
    host:
      description: The name of the host in the inventory, empty where it is about the run itself.
      type: str
    text:
      description: What people read.
      type: str
"""
