# Copyright (c) 2026, the pifleet.nodered maintainers
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Stands in the place of a host's Python: runs the module that it is given, and then lies.

Which lie is in the name that it is called by. It lies about the module that the lie is for, and is honest for others.
"""

from __future__ import annotations

import base64
import json
import os
import subprocess
import sys
import time

PYTHON = "/usr/bin/python3"
#: What a terminal obeys, and what must never be seen.
ESCAPES = "\x1b]0;canary\x07\x1b[2K\x1b[31mcanary"
JINJA = "{{ lookup('pipe', 'touch /tmp/pifleet-canary') }}"
#: Names and addresses that are somebody else's. HONEST and ADDRESS stand for those of the honest host.
NAMES = [
    "*.google.com",
    "www.mybank.com",
    "router",
    "homeassistant.local",
    "HONEST",
    "HONEST.local",
    "honest.",
    " honest",
]
NAMES += ["\uff48\uff4f\uff4e\uff45\uff53\uff54", "HONEST.LAN", "honest.home.arpa", "sso.example.com", "192.168.1.1"]


def put(answer: dict, path: str, value: object) -> dict:
    """The answer with another value at a path with dots."""
    inner = answer
    *way, last = path.split(".")
    for key in way:
        inner = inner[key]
    inner[last] = value
    return answer


def without(answer: dict, path: str) -> dict:
    inner = answer
    *way, last = path.split(".")
    for key in way:
        inner = inner[key]
    del inner[last]
    return answer


def deep(levels: int) -> object:
    value: object = 1
    for _level in range(levels):
        value = [value]
    return value


#: By the name of the lie: the module that it is told in, and what becomes of the answer. A string is printed as it is.
REFUSED = {
    "not-json": ("host_info", lambda answer: "Segmentation fault " + json.dumps(answer)[:-20]),
    "cut-off": ("host_info", lambda answer: json.dumps(answer)[:-20]),
    "nothing": ("host_info", lambda answer: ""),
    "a-list": ("host_info", lambda answer: json.dumps([answer])),
    "a-number": ("host_info", lambda answer: "7"),
    "empty": ("host_info", lambda answer: {}),
    "too-deep": ("host_info", lambda answer: '{"host": ' + "[" * 300000),
    "deep": ("host_info", lambda answer: put(answer, "host", deep(900))),
    "huge": ("host_info", lambda answer: put(answer, "settings.content", "QUJD" * 3000000)),
    "huge-list": ("host_info", lambda answer: put(answer, "host.addresses", ["10.0.0.1"] * 200000)),
    "huge-number": ("host_info", lambda answer: put(answer, "host.clock", 10**4000)),
    "not-a-number": ("host_info", lambda answer: put(answer, "host.clock", float("nan"))),
    "host-a-string": ("host_info", lambda answer: put(answer, "host", "honest")),
    "host-missing": ("host_info", lambda answer: without(answer, "host")),
    "hostname-a-list": ("host_info", lambda answer: put(answer, "host.hostname", NAMES)),
    "hostname-null": ("host_info", lambda answer: put(answer, "host.hostname", None)),
    "addresses-a-string": ("host_info", lambda answer: put(answer, "host.addresses", "192.168.1.1")),
    "addresses-names": ("host_info", lambda answer: put(answer, "host.addresses", NAMES)),
    "service-a-number": ("host_info", lambda answer: put(answer, "service", 7)),
    "service-name-jinja": ("host_info", lambda answer: put(answer, "service.name", "/" + JINJA)),
    "active-a-string": ("host_info", lambda answer: put(answer, "service.active", "yes")),
    "environment-files": ("host_info", lambda answer: put(answer, "service.environment_files", [ESCAPES])),
    "user-a-list": ("host_info", lambda answer: put(answer, "user", ["root"])),
    "uid-a-bool": ("host_info", lambda answer: put(answer, "user.uid", True)),
    "home-relative": ("host_info", lambda answer: put(answer, "user.home", "../../root")),
    "version-escapes": ("host_info", lambda answer: put(answer, "node_red.version", ESCAPES)),
    "version-x-y": ("host_info", lambda answer: put(answer, "node_red.version", "x.y")),
    "version-a-number": ("host_info", lambda answer: put(answer, "node_red.version", 4)),
    "path-escapes": ("host_info", lambda answer: put(answer, "settings.path", ESCAPES)),
    "sha256-short": ("host_info", lambda answer: put(answer, "settings.sha256", "abc")),
    "content-not-base64": ("host_info", lambda answer: put(answer, "settings.content", "***")),
    "content-a-dict": ("host_info", lambda answer: put(answer, "settings.content", {"a": "b"})),
    "status-null-mode": ("host_info", lambda answer: put(answer, "settings.status.mode", None)),
    "certificate-a-number": ("host_info", lambda answer: put(answer, "certificate", 7)),
    "chain-a-number": ("host_info", lambda answer: put(answer, "certificate.chain", 5)),
    "chain-missing": ("host_info", lambda answer: without(answer, "certificate.chain")),
    "login-page-missing": ("host_info", lambda answer: without(answer, "login_page")),
    "login-files-a-list": ("host_info", lambda answer: put(answer, "login_page.files", ["login.js"])),
    "login-data-huge": ("host_info", lambda answer: put(answer, "login_page.data", "[" * 2000000)),
    "credentials-a-string": ("host_info", lambda answer: put(answer, "credentials", "none")),
    "acme-a-list": ("host_info", lambda answer: put(answer, "acme", [1])),
    "follower-a-list": ("host_info", lambda answer: put(answer, "follower", [1])),
    "overrides-nested": ("host_info", lambda answer: put(answer, "overrides", [{"path": [[1]], "by": 1}])),
    "endpoints-a-dict": ("host_info", lambda answer: put(answer, "endpoints", {"port": 1})),
    "port-too-large": ("host_info", lambda answer: put(answer, "endpoints", [{**endpoint(), "port": 70000}])),
    "proof-a-list": ("host_info", lambda answer: put(answer, "proof", [])),
    "transaction-a-string": ("host_info", lambda answer: put(answer, "transaction", "open")),
    "failed": ("host_info", lambda answer: {"failed": True, "msg": ESCAPES + JINJA}),
    "failed-with-all": ("host_info", lambda answer: {**answer, "failed": True, "msg": [answer]}),
    "no-yaml-here": (
        "host_info",
        lambda answer: put(answer, "settings.content", base64.b64encode(b"(" * 99999).decode()),
    ),
}
#: Told in modules that change the host, after an honest visit: the run puts the host back.
LATE = {
    "request-a-list": ("host_certificate", lambda answer: put(answer, "request", ["x"])),
    "request-nonsense": ("host_certificate", lambda answer: put(answer, "request", "-----BEGIN " + ESCAPES)),
    "transaction-huge": ("host_settings", lambda answer: put(answer, "transaction", "x" * 99999)),
    "conflict-for-ever": ("host_settings", lambda answer: put(answer, "conflict", True)),
    "proof-missing": ("host_restart", lambda answer: without(answer, "proof") if "proof" in answer else answer),
}
#: What has no meaning is dropped, and what is claimed without evidence is not signed: the host is secured as any other.
DROPPED = (
    "host_info",
    lambda answer: {
        **put(
            put(put(answer, "host.hostname", "honest"), "host.fqdn", "www.mybank.com"), "host.addresses", addresses()
        ),
        "ansible_facts": {
            "nodered_certificate_names": NAMES,
            "nodered_ca_dir": "/tmp/pifleet-canary",
            "nodered_ca_permitted": ["*"],
            "inventory_hostname": "honest",
            "ansible_host": "192.168.1.1",
            "ansible_python_interpreter": "/bin/false",
            "groups": {},
            "omit": "x",
        },
        "add_host": {"host_name": "canary"},
        "warnings": [ESCAPES],
        "deprecations": [{"msg": ESCAPES, "version": "9"}],
        "exception": ESCAPES,
        "diff": {"before": ESCAPES, "after": JINJA},
        "invocation": {"module_args": ESCAPES},
        "stdout": ESCAPES,
        "results": [ESCAPES],
        "_ansible_no_log": False,
        "_ansible_suppress_tmpdir_delete": True,
        "changed": True,
        "skipped": True,
    },
)


def addresses() -> list[str]:
    with open("/etc/lies/addresses", encoding="ascii") as stream:
        return stream.read().split()


def endpoint() -> dict:
    return {
        "address": "127.0.0.1",
        "port": 1880,
        "tls": False,
        "certificate": None,
        "http": True,
        "login": "",
        "settings_status": 200,
    }


def drip() -> None:
    """A byte now and then, for ever."""
    while True:
        os.write(1, b" ")
        time.sleep(0.5)


def flood() -> None:
    """As much as the control node takes."""
    block = b"x" * (1 << 20)
    while True:
        os.write(1, block)


#: These never end.
ENDLESS = {"hangs": lambda: time.sleep(100_000), "drips": drip, "floods": flood}


def main() -> None:
    name = os.path.basename(sys.argv[0])
    if len(sys.argv) > 1:
        os.execv(PYTHON, [PYTHON, *sys.argv[1:]])
    program = sys.stdin.buffer.read()
    if name in ENDLESS and b"modules.host_info" in program:
        ENDLESS[name]()
    run = subprocess.run([PYTHON], input=program, capture_output=True, check=False)
    module, lie = {**REFUSED, **LATE, "dropped": DROPPED}[name]
    output = run.stdout.decode("utf-8")
    if f"modules.{module}".encode() in program:
        told = lie(json.loads(output))
        output = told if isinstance(told, str) else json.dumps(told)
    sys.stdout.write(output)
    sys.stderr.buffer.write(run.stderr)
    sys.exit(run.returncode)


if __name__ == "__main__":
    main()
