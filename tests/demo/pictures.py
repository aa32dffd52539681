# Copyright (c) 2026, the pifleet.nodered maintainers
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Takes the pictures of README.md of the reports in a directory, see the script `pictures` beside this file."""

from __future__ import annotations

import pathlib
import sys

from chromium import started_browser
from node_red import PROJECT

PICTURES = PROJECT / "docs/images"
WIDTH = 1440
#: How much of each page is shown (CSS pixels): its head and its first findings, or all that is left to say.
HEIGHTS = {"before": 1180, "after": 720}


def main(reports: pathlib.Path) -> None:
    with started_browser() as browser:
        for name, height in HEIGHTS.items():
            page = browser.new_page(viewport={"width": WIDTH, "height": height}, color_scheme="light")
            page.goto((reports / name / "report.html").as_uri())
            page.screenshot(path=PICTURES / f"report-{name}.png")
            print(f"docs/images/report-{name}.png")


if __name__ == "__main__":
    main(pathlib.Path(sys.argv[1]).resolve())
