#!/usr/bin/python
# Copyright (c) 2026, the pifleet.nodered maintainers
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: summary
short_description: Tells what has become of the hosts of a run
version_added: 0.1.0
description:
  - Works on the control node only, on what the tasks of the playbook C(pifleet.nodered.secure) have registered. No host
    is visited. It is meant to run once, at the end, for all hosts of the play.
  - Shows how many hosts were secured, unchanged, failed (with the reason) or off, where their editors are, who may log in
    there, what browsers have to trust, and which certificate ends next.
  - The same is C(nodered_summary) of the run's statistics, as of M(ansible.builtin.set_stats). AWX keeps it as an artifact of
    the job.
extends_documentation_fragment:
  - pifleet.nodered.attributes
attributes:
  check_mode:
    support: full
    details:
      - Tells what would change, and writes no file.
  diff_mode:
    support: none
  idempotent:
    support: full
options:
  path:
    description:
      - A file on the control node that gets the same as JSON.
      - Without it no file is written.
    type: path
author:
  - The pifleet.nodered maintainers (@pifleet)
"""

EXAMPLES = r"""
- name: Say what has become of each host
  pifleet.nodered.summary:
    path: reports/summary.json
  run_once: true
"""

RETURN = r"""
summary:
  description: What was told.
  returned: success
  type: dict
  contains:
    counts:
      description: How many hosts had each outcome, V(secured), V(would change), V(unchanged), V(failed), V(off) and
        V(not begun).
      type: dict
    hosts:
      description: The hosts.
      type: list
      elements: dict
      contains:
        name:
          description: Its name in the inventory.
          type: str
        outcome:
          description: What has become of it, one of the keys of C(counts).
          type: str
        changes:
          description: What has changed, or would in check mode.
          type: list
          elements: str
        reason:
          description: Why it failed, empty where it did not.
          type: str
        url:
          description: Where its editor is, empty where that is not known.
          type: str
        ssh:
          description: Where only the host itself reaches its editor, the command that has it answer on the control node as
            well; else empty.
          type: str
        users:
          description: Who may log in to its editor.
          type: list
          elements: str
        sign_on:
          description: The name of the provider by which others may, empty without one.
          type: str
        certificate_ends:
          description: When its certificate ends (ISO 8601), empty without one.
          type: str
        authority:
          description: The file on the control node that browsers have to trust, or what gives it instead; empty without
            one.
          type: str
        authority_fingerprint:
          description: SHA-256 of that certificate, as browsers show it; empty where it is in a file.
          type: str
    authorities:
      description: What browsers have to trust.
      type: list
      elements: dict
      contains:
        file:
          description: The file on the control node, or C(nodered_ca_certificate) and the name of the authority in it.
          type: str
        fingerprint:
          description: SHA-256 of the certificate, as browsers show it.
          type: str
"""
