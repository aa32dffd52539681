# Copyright (c) 2026, the pifleet.nodered maintainers
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

import states

STORE = "/var/lib/pifleet-nodered/nodered"
LEFT = {
    f"{STORE}/.run.json.pifleet-<process>": "temporary",
    f"{STORE}/backups/<transaction 2>/refused-settings.js": "100000 600 0:0 0123456789abcdef",
}
SETTINGS = {"/home/pi/.node-red/settings.js": "100000 600 1000:1000 old settings.js"}


def test_what_is_kept_of_a_change_that_is_over_makes_no_other_state() -> None:
    assert states.without_leftovers({**SETTINGS, **LEFT}) == SETTINGS


def test_what_is_kept_of_an_open_change_does() -> None:
    opened = {**SETTINGS, f"{STORE}/transaction.json": "100000 600 0:0 fedcba9876543210"}
    whole = states.without_leftovers({**opened, **LEFT})
    assert whole == {
        **opened,
        f"{STORE}/backups/<transaction 2>/refused-settings.js": "100000 600 0:0 0123456789abcdef",
    }


def test_the_record_of_a_change_that_is_over_does_not_make_it_open() -> None:
    kept = {f"{STORE}/backups/<transaction 1>/transaction.json": "100000 600 0:0 0123456789abcdef"}
    assert states.without_leftovers({**SETTINGS, **kept}) == SETTINGS


def test_a_file_is_closed_where_nothing_but_rights_is_taken_away() -> None:
    old = {
        "closed": "100000 644 1:1 text",
        "opened": "100000 600 1:1 text",
        "written": "100000 644 1:1 text",
        "given away": "100000 644 1:1 text",
        "directory": "40000 755 1:1",
        "link": "link 1:1 here",
    }
    new = {
        "closed": "100000 600 1:1 text",
        "opened": "100000 644 1:1 text",
        "written": "100000 600 1:1 another",
        "given away": "100000 600 2:1 text",
        "directory": "40000 700 1:1",
        "link": "link 1:1 there",
    }
    assert states.closed(old, new) == {"closed", "directory"}
