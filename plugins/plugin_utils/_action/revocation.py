# Copyright (c) 2026, the pifleet.nodered maintainers
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Sessions that somebody asks to end, as far as a run can end them."""

from __future__ import annotations

import typing as t
from collections.abc import Mapping

from ansible_collections.pifleet.nodered.plugins.plugin_utils._javascript.parser import SettingsError
from ansible_collections.pifleet.nodered.plugins.plugin_utils._settings.document import SettingsDocument
from ansible_collections.pifleet.nodered.plugins.plugin_utils._settings.sessions import kept_elsewhere, unended_warning


def within_reach(options: dict[str, t.Any], state: Mapping[str, t.Any]) -> tuple[dict[str, t.Any], list[str]]:
    """The options of the module restart without sessions that no restart would end, and what to tell of these.

    :param options: `revoke` and others
    :param state: what `HostAction.state` returned
    """
    content = state["settings"]["content"]
    if not options["revoke"] or content is None:
        return options, []
    try:
        elsewhere = kept_elsewhere(SettingsDocument(content))
    except SettingsError:
        # Whoever edits the file says so.
        elsewhere = False
    if not elsewhere:
        return options, []
    # Those of the login page are its own.
    reached = options["revoke"] if state["login_page"]["files"] else []
    return {**options, "revoke": reached}, [unended_warning(options["revoke"])]
