# Copyright (c) 2026, the pifleet.nodered maintainers
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Documentation of the options that say which Node-RED of a host is meant."""

from __future__ import annotations


class ModuleDocFragment:
    DOCUMENTATION = r"""
options:
  service:
    description:
      - The systemd service that runs Node-RED, with or without its suffix.
    type: str
    default: nodered
  user:
    description:
      - The user that runs Node-RED.
      - Read from the service when not given.
    type: str
  user_dir:
    description:
      - Node-RED's userDir.
      - Read from the service when not given, by the rules of Node-RED itself (C(--userDir), C(NODE_RED_HOME), then
        C(~/.node-red) of the user).
    type: path
  settings_path:
    description:
      - The settings file.
      - Read from the service when not given, else C(settings.js) in the userDir.
    type: path
requirements:
  - Python 3.9 or newer and the C(openssl) command on the managed host
  - ansible-core 2.18 or newer, and the packages of C(requirements.txt) on the control node
"""
