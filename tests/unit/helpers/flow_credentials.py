# Copyright (c) 2026, the pifleet.nodered maintainers
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Credentials of flows for the tests, encrypted by openssl, as Node-RED's own code does it."""

from __future__ import annotations

import base64
import functools
import hashlib
import json
import subprocess
import typing as t

from host_state import make_state

from ansible_collections.pifleet.nodered.plugins.module_utils._credentials import files as on_host
from ansible_collections.pifleet.nodered.plugins.module_utils._shared.host_state import HostState
from ansible_collections.pifleet.nodered.plugins.plugin_utils._credentials.analysis import (
    Credentials,
    analyse,
)
from ansible_collections.pifleet.nodered.plugins.plugin_utils._settings.document import SettingsDocument

A, B, MADE, GONE = "a-only-for-tests", "b-only-for-tests", "0123456789abcdef" * 4, "gone-only-for-tests"
SET = {"b1a2.c3": {"user": "fred", "password": "broker-only-for-tests, long enough to be cut off by what travels"}}
EMPTY: dict = {}
FLOWS = "flows_cred.json"


def encrypted(secret: str, value: object = None) -> bytes:
    """The content of a credentials file, by default with a set in it."""
    return _encrypted(secret, json.dumps(SET if value is None else value, separators=(",", ":")).encode("utf-8"))


@functools.cache
def _encrypted(secret: str, content: bytes) -> bytes:
    # Always the same one, so that a test has the same name in every run.
    iv = hashlib.sha256(secret.encode("utf-8") + content).hexdigest()[:32]
    key = hashlib.sha256(secret.encode("utf-8")).hexdigest()
    data = subprocess.run(
        ["openssl", "enc", "-aes-256-ctr", "-K", key, "-iv", iv],
        check=True,
        capture_output=True,
        input=content,
    ).stdout
    return json.dumps({"$": iv + base64.b64encode(data).decode("ascii")}).encode("utf-8")


def plain(value: object = None) -> bytes:
    """The content of a credentials file that is not encrypted."""
    return json.dumps(SET if value is None else value).encode("utf-8")


def state_of(files: dict[str, bytes], generated: str | None = None, **changes: t.Any) -> HostState:
    """The state of a host with these files of credentials, and with a secret that Node-RED has made itself."""
    return make_state(
        **{
            "credentials.default_flow_file": "flows_pi.json",
            "credentials.generated": {"file": ".config.runtime.json", "secret": generated} if generated else None,
            "credentials.files": [{"name": name, **on_host.described(content)} for name, content in files.items()],
            **changes,
        }
    )


def document(secret: str | None = None, flow_file: str | None = '"flows.json"', more: str = "") -> SettingsDocument:
    """A settings.js with this JavaScript as credentialSecret."""
    lines = [f"    flowFile: {flow_file},"] if flow_file else []
    lines += [f"    credentialSecret: {secret},"] if secret is not None else []
    return SettingsDocument("\n".join(["module.exports = {", *lines, more, "}", ""]).encode("utf-8"))


def analysis_of(
    secret: str | None, content: bytes | None, generated: str | None = None, **changes: t.Any
) -> Credentials:
    """What becomes of credentials with this content, below a settings.js with this secret."""
    files = {} if content is None else {FLOWS: content}
    return analyse(state_of(files, generated, **changes), document(secret))
