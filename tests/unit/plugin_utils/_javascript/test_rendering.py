# Copyright (c) 2026, the pifleet.nodered maintainers
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Code is indented as the file around it, and what its strings say stays what it was, as Node.js reads them."""

from __future__ import annotations

import json
import subprocess

import pytest

from ansible_collections.pifleet.nodered.plugins.plugin_utils._javascript.rendering import Style, render
from ansible_collections.pifleet.nodered.plugins.plugin_utils._javascript.values import Expression


def said(code: str) -> str:
    program = f"process.stdout.write(JSON.stringify(({code})()))"
    return str(json.loads(subprocess.run(["node", "-e", program], check=True, capture_output=True, text=True).stdout))


@pytest.mark.parametrize(
    ("code", "indented"),
    [
        ('function() {\n    return "a";\n}', True),
        ("function() {\n    return `a${1}` + 'a`b';\n}", True),
        ('function() {\n    return "a\\"b";\n}', True),
        ("function() {\n    return `a\nb`;\n}", False),
        ("function() {\n    return 'a\\\nb';\n}", False),
        ("function() {\n    return '`' + `a\nb` + '`';\n}", False),
    ],
)
def test_code_of_several_lines(code: str, indented: bool) -> None:
    rendered = render(Expression(code), Style(), "    ")
    assert said(rendered) == said(code)
    assert (rendered.splitlines()[1].startswith("        return"), rendered.endswith("\n    }")) == (indented, indented)
