# Copyright (c) 2026, the pifleet.nodered maintainers
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A run that fails tells its reason once, by the task that failed; what follows says what has become of the host."""

from __future__ import annotations

import pathlib

from ad_hoc import PROJECT, program

PLAYBOOK = f"""\
- name: Break
  hosts: localhost
  gather_facts: false
  vars:
    ansible_become: false
  tasks:
    - name: Change something
      block:
        - name: Break it
          ansible.builtin.fail:
            msg: This cannot be.
      rescue:
        - name: Put it back
          ansible.builtin.import_tasks: {PROJECT}/playbooks/tasks/put_back.yml
"""


def test_the_reason_is_told_by_the_task_that_failed(tmp_path: pathlib.Path) -> None:
    (tmp_path / "play.yml").write_text(PLAYBOOK)
    done = program(tmp_path, "ansible-playbook", "-i", "localhost,", "-c", "local", "--check", "play.yml")
    told = dict(part.split("]", 1) for part in done.stdout.split("TASK [")[1:])
    assert done.returncode == 2, done.stdout
    assert "This cannot be." in told["Break it"]
    assert "ok: [localhost]" in told["Put the host back as it was"]
    assert "Nothing was changed. Why: see the task Break it above." in told["Count the host as failed"]
    assert done.stdout.count("This cannot be.") == told["Break it"].count("This cannot be.")
