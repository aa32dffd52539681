# Copyright (c) 2026, the pifleet.nodered maintainers
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What has to go of this collection on a host, what is open then, and both in words."""

from __future__ import annotations

import typing as t
from collections.abc import Mapping

from ansible_collections.pifleet.nodered.plugins.module_utils._shared.layout import (
    certificate_file,
    login_directory,
    nginx_site,
)
from ansible_collections.pifleet.nodered.plugins.module_utils._shared.printable import one_line
from ansible_collections.pifleet.nodered.plugins.plugin_utils._credentials.restored import restored_settings
from ansible_collections.pifleet.nodered.plugins.plugin_utils._errors import UserError
from ansible_collections.pifleet.nodered.plugins.plugin_utils._javascript.parser import SettingsError
from ansible_collections.pifleet.nodered.plugins.plugin_utils._javascript.values import Expression
from ansible_collections.pifleet.nodered.plugins.plugin_utils._settings import advice, origin
from ansible_collections.pifleet.nodered.plugins.plugin_utils._settings.document import SettingsDocument
from ansible_collections.pifleet.nodered.plugins.plugin_utils._settings.source import MISSING, SettingsSource

#: How many files a sentence names.
_MOST = 6


class Removal:
    """What becomes of a host from which this collection is taken.

    :ivar content: what settings.js is to be; None where it stays as it is
    :ivar managed: what Node.js must find in it, as the module on the host takes it
    :ivar keeps_certificate: whether settings.js still reads key and certificate
    :ivar keeps_login_page: whether it still refers to the login page
    :ivar others: what goes beside settings.js, a phrase each
    :ivar parts: all that goes; empty where there is nothing
    :ivar opened: what is open then, a sentence each
    :ivar stays: what stays of what was written, a sentence each
    """

    def __init__(self, state: Mapping[str, t.Any], original: bytes | None, closed: list[str]) -> None:
        """Compare, and change nothing.

        :param state: what the module host_info returned, with the settings as bytes
        :param original: settings.js before it was edited first; None where there was none, or nothing is kept of it
        :param closed: the files that other users of the host get rights back to
        :raises UserError: settings.js cannot be read, or Node-RED could not decrypt its credentials
        """
        self._state = state
        self.stays: list[str] = []
        self.managed: list[dict[str, t.Any]] = []
        path, present = state["settings"]["path"], state["settings"]["content"]
        try:
            content = self._settings(present, original)
            if content is not None and content != present:
                restored = restored_settings(state, present, content, bool(state["service"]["environment"]))
                content = restored.content
                if restored.keeps_secret:
                    self.managed = [entry for entry in self.managed if entry["path"] != ["credentialSecret"]]
                    self.stays.append("credentialSecret stays: it decrypts the credentials of flows.")
        except SettingsError as error:
            raise UserError(f"{path}: {error}") from None
        self.content = None if content == present else content
        text = (content or b"").decode("utf-8", "replace")
        self.keeps_certificate = certificate_file(path) in text
        self.keeps_login_page = f"{login_directory(path)}/" in text or f'"{login_directory(path)}"' in text
        self._closed = closed
        edited = [] if self.content is None else [f"what was written to {path}"]
        self.others = list(self._others())
        self.parts = [*edited, *self.others]
        self.opened = list(self._opened(present, content)) if self.parts else []

    def _settings(self, present: bytes | None, original: bytes | None) -> bytes | None:
        """settings.js without what was written."""
        kept = self._state["origin"]
        if kept is None or present is None:
            return present
        if kept["unbroken"] and original is not None:
            return original
        document = SettingsDocument(present)
        done = origin.put_back(document, [origin.Written.of(entry) for entry in kept["written"]])
        self.stays += advice.of_put_back(done)
        self.managed = [
            {"path": list(entry.path), "type": "undefined"}
            for entry in done.done
            if entry.before is None and document.get(entry.path) is MISSING
        ]
        return document.source

    def _others(self) -> t.Iterator[str]:
        state = self._state
        service = state["service"]
        if service["drop_in"] or service["environment"]:
            yield f"the drop-in of {service['name']}" + (" and its variables" if service["environment"] else "")
        if state["certificate"]["status"] is not None and not self.keeps_certificate:
            yield f"key and certificate in {state['certificate']['path']}"
        if state["follower"]:
            yield "what follows a certificate of the host"
        if state["acme"] and state["acme"]["hook"]:
            yield "the hook of certbot; what certbot has itself stays"
        if state["login_page"]["files"] and not self.keeps_login_page:
            yield f"the login page in {state['login_page']['path']}"
        if state["proxy"] and state["proxy"]["site"]:
            yield f"the site of nginx, {nginx_site(service['name'])}; nginx itself stays"

    def _opened(self, present: bytes | None, content: bytes | None) -> t.Iterator[str]:
        before, after = _Doors(present), _Doors(content)
        user = self._state["user"]["name"]
        if before.editor and not after.editor:
            yield (
                "Everybody who reaches Node-RED can use its editor: read and change flows, and run any program as the user"
                f" {user}."
            )
        if before.dashboards and not after.dashboards:
            yield "Dashboards and endpoints of flows ask nobody for a login."
        has_proxy = bool(self._state["proxy"] and self._state["proxy"]["site"])
        if (before.tls or has_proxy) and not after.tls:
            yield "Node-RED serves plain HTTP: what browsers send and get can be read and changed on its way."
        if self._closed:
            more = f" and {len(self._closed) - _MOST} more" if len(self._closed) > _MOST else ""
            # The directory itself comes first.
            below = f"{(self._state['user_dir']['path'] or '').rstrip('/')}/"
            names = [one_line(path.removeprefix(below)) for path in self._closed[:_MOST]]
            yield f"Other users of the host may read {', '.join(names)}{more}."

    def told(self) -> list[str]:
        """What goes, what stays, and what is open then."""
        return [f"To go: {'; '.join(self.parts)}.", *self.stays, *(f"Open then: {each}" for each in self.opened)]


class _Doors:
    """Which doors a settings file closes, as far as can be told without running it."""

    def __init__(self, content: bytes | None) -> None:
        settings = None if content is None else SettingsSource(content, strict=False)

        def has(key: str) -> bool:
            value = MISSING if settings is None else settings.value((key,))
            return not (
                value in (MISSING, None, False, "", 0) or (isinstance(value, Expression) and value.is_undefined)
            )

        self.editor = has("adminAuth")
        self.dashboards = has("httpNodeAuth")
        self.tls = has("https")
