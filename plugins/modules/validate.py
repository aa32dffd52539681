#!/usr/bin/python
# Copyright (c) 2026, the pifleet.nodered maintainers
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: validate
short_description: Checks variables and settings files before any host is touched
version_added: 0.1.0
description:
  - Looks at everything that the playbook C(pifleet.nodered.secure) would look at, without a host. No host is visited, no
    connection is made and no other program is started. Lookups in the variables run only with O(lookups).
  - Of a host it checks the variables that the inventory has for it, as C(secure) would, and what they would make of its
    settings file.
  - Of O(files) it checks what can be told from each text alone.
  - What is wrong is returned and does not fail the task. The playbook C(pifleet.nodered.validate) makes reports of it
    and an exit code.
extends_documentation_fragment:
  - pifleet.nodered.attributes
attributes:
  check_mode:
    support: full
    details:
      - It never changes anything.
  diff_mode:
    support: none
  idempotent:
    support: full
options:
  settings:
    description:
      - A copy of the settings file of this host on the control node. What the variables ask for is applied to it in
        memory, and what comes of it is checked.
      - When not given, it is what the variable C(nodered_validate_settings) says. Without that too, they are applied to a
        file without any settings.
    type: path
  files:
    description:
      - Settings files on the control node to check instead of the host, as paths or patterns such as
        V(fleet/**/*.js), relative to the working directory. With O(results), it is what the variable
        C(nodered_validate_files) says when not given.
      - Files of at most 256 KiB. A pattern that no file fits is refused.
    type: list
    elements: path
  results:
    description:
      - What this module has returned for hosts, to be put together with that of O(files).
      - What several of them have from the same line of a file is then said once, of the file.
    type: list
    elements: dict
  suppressions:
    description:
      - Findings that are accepted for a while, which M(pifleet.nodered.report) takes from RV(results).
      - When not given, it is what the variable C(nodered_suppressions) says.
    type: raw
  lookups:
    description:
      - Whether lookups in the variables are evaluated. They read files and run programs on the control node, as the author
        of the inventory likes, so switch them on for an inventory that you trust.
      - When not given, it is what the command line says with C(-e nodered_validate_lookups=true). The inventory has no say
        in it.
      - Without them, what needs a lookup counts as not known, and is left out of the checks.
    type: bool
author:
  - The pifleet.nodered maintainers (@pifleet)
seealso:
  - module: pifleet.nodered.report
  - module: pifleet.nodered.settings
"""

EXAMPLES = r"""
- name: Check what is asked for, against the settings file that the repository has for each host
  pifleet.nodered.validate:
    settings: "fleet/{{ inventory_hostname }}.js"
  register: validated

- name: Check all settings files of the repository
  pifleet.nodered.validate:
    files: ["fleet/**/*.js"]
  register: validated
  delegate_to: localhost
  run_once: true

- name: Name what is wrong
  ansible.builtin.debug:
    msg: "{{ validated.results | map(attribute='findings') | flatten | map(attribute='message') }}"
"""

RETURN = r"""
results:
  description: What was looked at, and what is wrong with it.
  returned: success
  type: list
  elements: dict
  contains:
    subject:
      description: The host or the settings file, with its C(name) and its C(kind).
      type: dict
    findings:
      description: Each with its C(rule), C(severity), C(message), C(file) and C(line).
      type: list
      elements: dict
    rules:
      description: The identifiers of the rules that were applied.
      type: list
      elements: str
    suppressions:
      description: What O(suppressions) is.
      type: raw
variables:
  description: The variables that the report needs, as far as they are set and known; those that begin with
    C(nodered_report_), C(nodered_fail_severity), C(nodered_baseline) and C(nodered_baseline_write).
  returned: with O(files) or O(results)
  type: dict
"""
