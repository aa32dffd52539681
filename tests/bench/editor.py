# Copyright (c) 2026, the pifleet.nodered maintainers
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What editing a settings.js costs on the control node, from bytes to bytes: the stock file, and ever larger ones.

Where the time per MB stays the same down the column, the time grows with the size of the file and no faster. Python's
garbage collector adds to the largest files, whose syntax trees have hundreds of thousands of nodes.
"""

from __future__ import annotations

import statistics
import time
import typing as t

from stock_files import stock_files

from ansible_collections.pifleet.nodered.plugins.plugin_utils._javascript.values import Expression
from ansible_collections.pifleet.nodered.plugins.plugin_utils._settings.document import SettingsDocument
from ansible_collections.pifleet.nodered.plugins.plugin_utils._settings.functions import https

STOCK = "5.0.7"
USUAL = {
    "adminAuth": {
        "type": "credentials",
        "users": [{"username": "admin", "password": "$2b$08$" + "." * 53, "permissions": "*"}],
    },
    "https": Expression(https("server.pem")),
    "httpsRefreshInterval": 1,
    "httpNodeAuth": {"user": "fred", "pass": "$2b$08$" + "." * 53},
    "httpStatic": "/home/pi/.node-red/node-red-static",
    "credentialSecret": "a secret",
}
# The largest below the limits of size and nodes.
KIBIBYTES = (16, 64, 256)
# Seconds for one row.
PATIENCE = 2


def filled(size: int, line: str) -> str:
    """About so many characters of a line with a number in it."""
    return "".join(line % (10000 + number) for number in range(size // len(line % 10000)))


def many_keys(size: int) -> str:
    return "module.exports = {\n" + filled(size, '    key%d: "value",\n') + "}\n"


def one_deep_value(size: int) -> str:
    depth = 50
    return "module.exports = {\n    deep: " + "{a: [" * depth + filled(size, '"value %d", ') + "]}" * depth + ",\n}\n"


def long_comments(size: int) -> str:
    return "module.exports = {\n" + filled(size, "    // Example %d:\n    //key: {\n    //},\n") + "}\n"


def many_statements(size: int) -> str:
    return filled(size, 'exports.key%d = "value";\n')


def edit(source: bytes, desired: dict[str, t.Any]) -> bytes:
    document = SettingsDocument(source)
    for key, value in desired.items():
        document.set((key,), value)
    return document.source


def times_of(source: bytes, desired: dict[str, t.Any], most: int) -> list[float]:
    """The milliseconds of several edits, fewer where one takes long."""
    times: list[float] = []
    while len(times) < most and sum(times) < 1000 * PATIENCE:
        started = time.perf_counter()
        edit(source, desired)
        times.append(1000 * (time.perf_counter() - started))
    return times


def main() -> None:
    source = stock_files([STOCK])[STOCK]
    one = {"adminAuth": USUAL["adminAuth"]}
    done = edit(source, USUAL)
    print(f"stock file of Node-RED {STOCK}, {len(source) / 1024:.0f} KB{'best':>19} {'median':>10}")
    for name, text, desired in (
        ("read", source, {}),
        ("one edit", source, one),
        (f"{len(USUAL)} edits", source, USUAL),
        ("one edit without effect", done, one),
        (f"{len(USUAL)} edits without effect", done, USUAL),
    ):
        times = times_of(text, desired, 200)
        print(f"  {name:40} {min(times):7.2f} ms {statistics.median(times):7.2f} ms")
    print(f"\n{'one edit of a larger file':25} {'size':>7} {'best':>11} {'median':>11} {'per MB':>12}")
    for shape in (many_keys, one_deep_value, long_comments, many_statements):
        for size in KIBIBYTES:
            text = shape(size * 1024).encode()
            times = times_of(text, one, 10)
            print(
                f"  {shape.__name__.replace('_', ' '):23} {len(text) / 1024:4.0f} KB {min(times):8.1f} ms"
                f" {statistics.median(times):8.1f} ms {min(times) / len(text) * 2**20:9.0f} ms"
            )


if __name__ == "__main__":
    main()
