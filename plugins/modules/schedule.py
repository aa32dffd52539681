#!/usr/bin/python
# Copyright (c) 2026, the pifleet.nodered maintainers
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: schedule
short_description: Prepares regular runs on the control node
version_added: 0.1.0
description:
  - Works on the control node only. It checks what the playbook C(pifleet.nodered.schedule) is asked for, keeps what the
    runs tell and to whom in O(results), and returns the units of systemd, which the playbook puts in place.
  - Messages name the variables of the playbook, such as C(nodered_schedule_calendar) for O(calendar).
extends_documentation_fragment:
  - pifleet.nodered.attributes
attributes:
  check_mode:
    support: full
  diff_mode:
    support: none
  idempotent:
    support: full
options:
  state:
    description:
      - V(absent) takes away what belongs to the runs in O(results), and the directory where nothing else is in it.
    type: str
    default: present
    choices: [present, absent]
  scope:
    description:
      - V(user) is a timer of whoever runs this. It needs no root, and works while that user is logged in, or always with
        C(loginctl enable-linger).
      - V(system) is a timer of the system, whose runs are those of the same user. To put it in place needs root.
      - Without it V(system) for root, V(user) for everybody else.
    type: str
    choices: [user, system]
  name:
    description:
      - The name of the units, without their endings. Another fleet on the same control node needs another one.
    type: str
    default: pifleet-nodered
  calendar:
    description:
      - When the runs are, as C(OnCalendar=) of systemd has it.
    type: str
    default: daily
  random_delay:
    description:
      - Seconds of which a random part is waited before each run.
    type: int
    default: 3600
  directory:
    description:
      - The directory in which Ansible runs, with its C(ansible.cfg) if there is one.
      - Without it the one in which this runs.
    type: path
  results:
    description:
      - The directory of what the runs write. Only its owner can enter it.
      - Without it the one named O(name) in C(~/.pifleet/schedule).
    type: path
  hosts:
    description:
      - The group or hosts, C(nodered_hosts) of both playbooks.
    type: str
    default: nodered
  arguments:
    description:
      - Further arguments for C(ansible-playbook) of C(secure) and C(audit), such as C(--forks=50). Every user of the
        control node can see them, so none may have a secret.
    type: list
    elements: str
    default: []
  vault_password_file:
    description:
      - A file with the password of Ansible Vault, mode 0600, or a program that prints it.
    type: path
  become_password_file:
    description:
      - The same with the password for C(sudo) on the hosts.
    type: path
  command:
    description:
      - As O(pifleet.nodered.notify#module:command).
    type: raw
  mail:
    description:
      - As O(pifleet.nodered.notify#module:mail).
    type: str
  off_runs:
    description:
      - As O(pifleet.nodered.notify#module:off_runs).
    type: int
    default: 3
  certificate_days:
    description:
      - As O(pifleet.nodered.notify#module:certificate_days).
    type: int
    default: 14
requirements:
  - systemd 252 or newer on the control node
author:
  - The pifleet.nodered maintainers (@pifleet)
seealso:
  - module: pifleet.nodered.notify
"""

EXAMPLES = r"""
- name: Prepare runs in each night
  pifleet.nodered.schedule:
    calendar: "*-*-* 03:00"
    vault_password_file: ~/.pifleet/vault-password
    mail: ann@example.org
  register: nodered_schedule
"""

RETURN = r"""
present:
  description: Whether there is to be a timer.
  returned: success
  type: bool
scope:
  description: That of the timer, V(user) or V(system).
  returned: success
  type: str
become:
  description: Whether the units are to be written by root.
  returned: success
  type: bool
timer:
  description: The name of the timer.
  returned: success
  type: str
units:
  description: The units, the timer first.
  returned: success
  type: list
  elements: dict
  contains:
    path:
      description: The file.
      type: str
    content:
      description: Its text, empty with O(state=absent).
      type: str
messages:
  description: When and where it runs, and what is left to be done for that.
  returned: success
  type: list
  elements: str
"""
