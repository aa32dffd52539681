# Copyright (c) 2026, the pifleet.nodered maintainers
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Encrypts the credentials of flows with another secret, while Node-RED is stopped and inside the open transaction.

The host's own Node.js does it as the service's user, with the calls that Node-RED itself uses; keys travel over standard
input. What is to be done stands in the transaction's record as `credentials`, a dictionary with

    secret      what all files are to be encrypted with; None leaves them as they are
    keys        other secrets that may fit the files now; the one that Node-RED has made itself is found here
    required    names of files for which a key must fit, or everything goes back
    sources     names of files and the copies that take their place: `path` and whether it is `in_store`
"""

from __future__ import annotations

import json
import os
import subprocess

from ansible_collections.pifleet.nodered.plugins.module_utils._host import files
from ansible_collections.pifleet.nodered.plugins.module_utils._host.errors import HostError
from ansible_collections.pifleet.nodered.plugins.module_utils._node_red.settings_loader import ask, runtime_of_service
from . import files as credentials

#: Seconds that Node.js may take, on a Pi Zero with a full card.
TIMEOUT = 60

#: For each text of a credentials file: the new `text`, null where it stays, or the `problem`.
_PROGRAM = r"""
"use strict";
const crypto = require("crypto");
const { mark, secret, keys, texts } = JSON.parse(require("fs").readFileSync(0, "utf8"));
const hashed = (key) => crypto.createHash("sha256").update(key).digest();
const opened = (sealed, key) => {
    try {
        const iv = Buffer.from(sealed.substring(0, 32), "hex");
        const decipher = crypto.createDecipheriv("aes-256-ctr", hashed(key), iv);
        const plain = decipher.update(sealed.substring(32), "base64", "utf8") + decipher.final("utf8");
        const value = JSON.parse(plain);
        return value !== null && typeof value === "object" ? plain : null;
    } catch (error) {
        return null;
    }
};
const sealed = (plain) => {
    const iv = crypto.randomBytes(16);
    const cipher = crypto.createCipheriv("aes-256-ctr", hashed(secret), iv);
    return iv.toString("hex") + cipher.update(plain, "utf8", "base64") + cipher.final("base64");
};
const anew = (text) => {
    let found = null;
    try {
        found = JSON.parse(text.replace(/^\uFEFF/, ""));
    } catch (error) { /* no JSON */ }
    if (found === null || typeof found !== "object") {
        return { problem: "it is damaged" };
    }
    let plain;
    if (!("$" in found)) {
        if (Object.keys(found).length === 0) {
            return { text: null };
        }
        plain = JSON.stringify(found);
    } else if (opened(String(found.$), secret) !== null) {
        return { text: null };
    } else {
        plain = keys.map((key) => opened(String(found.$), key)).find((value) => value !== null);
        if (plain === undefined && Buffer.from(String(found.$).substring(32), "base64").length === 2) {
            plain = "{}";
        }
        if (plain === undefined) {
            return { problem: "no known key decrypts it" };
        }
    }
    return { text: JSON.stringify({ $: sealed(plain) }, null, text.includes("\n") ? 4 : 0) };
};
const answers = Object.entries(texts).map(([name, text]) => [name, anew(text)]);
require("fs").writeSync(1, "\n" + mark + JSON.stringify(Object.fromEntries(answers)) + "\n");
"""


def plan_of(transaction):
    """What an open transaction is to do with the credentials, or None."""
    return transaction.record["credentials"] if transaction.open else None


def encrypt_anew(unit, transaction):
    """Do what the transaction plans for the credentials, and take away the key that Node-RED has made itself.

    Node-RED must not run: it may write the files, and keeps its keys in memory.
    """
    plan = plan_of(transaction)
    if not plan:
        return
    present = {
        name: files.read_with_status(os.path.join(unit.user_dir, name), unit.account) for name in _all_names(unit)
    }
    texts = {name: _text(content) for name, (content, _status) in present.items() if content}
    texts.update((name, _copy(unit, source)) for name, source in plan["sources"].items())
    made = credentials.generated(unit)
    answers = {name: {"text": None} for name in texts}
    if texts and plan["secret"] is not None:
        keys = [*plan["keys"], *([made["secret"]] if made else [])]
        answers = reencrypted(runtime_of_service(unit), plan["secret"], keys, texts, TIMEOUT)
    for name in plan["required"]:
        if "problem" in answers.get(name, {}):
            raise HostError(
                "%s cannot be encrypted anew: %s." % (os.path.join(unit.user_dir, name), answers[name]["problem"])
            )
    for name, answer in answers.items():
        text = answer.get("text") or (texts[name] if name in plan["sources"] else None)
        if text is not None:
            status = present.get(name, (None, None))[1]
            _replace(transaction, os.path.join(unit.user_dir, name), text.encode("utf-8"), status, unit.account)
    if made and plan["secret"] is not None:
        _forget_generated(unit, transaction, made["file"])


def reencrypted(runtime, secret, keys, texts, timeout):
    """For each text of a credentials file a dictionary with its new ``text``, None where it stays, or the ``problem``."""
    if not runtime.node:
        raise HostError(
            "No Node.js was found on the PATH of %s, so the credentials cannot be encrypted anew."
            % runtime.account.name
        )
    try:
        status, answer, said = ask(runtime, _PROGRAM, {"secret": secret, "keys": keys, "texts": texts}, timeout)
    except subprocess.TimeoutExpired:
        raise HostError("Encrypting the credentials anew did not end in %d s." % timeout) from None
    if answer is None:
        raise HostError("Node.js ended without having encrypted the credentials anew (status %d): %s" % (status, said))
    return answer


def _all_names(unit):
    """The credentials files and the copies that Node-RED falls back to."""
    found = credentials.names(unit)
    return [*found, *map(credentials.backup_name, found)]


def _text(content):
    return content.decode("utf-8-sig", "replace")


def _copy(unit, source):
    """The text of a copy that is to take the place of a file."""
    content = files.read(source["path"], None if source["in_store"] else unit.account)
    if content is None:
        raise HostError("%s is gone." % source["path"])
    return _text(content)


def _forget_generated(unit, transaction, name):
    path = os.path.join(unit.user_dir, name)
    status = files.read_with_status(path, unit.account)[1]
    record = credentials.parsed(credentials.content_of(unit, name))
    del record[credentials.GENERATED]
    # As Node-RED writes it.
    text = json.dumps(record, indent=4, ensure_ascii=False)
    _replace(transaction, path, text.encode("utf-8"), status, unit.account)


def _replace(transaction, path, content, status, account):
    """Replace a file; its owner stays, and where that is the service's user nobody else can read it."""
    if status is None:
        transaction.replace(path, content, 0o600, account.uid, account.gid, account)
    else:
        mode = int(status["mode"], 8) & (0o600 if status["uid"] == account.uid else 0o777)
        transaction.replace(path, content, mode, status["uid"], status["gid"], account)
