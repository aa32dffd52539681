# Copyright (c) 2026, the pifleet.nodered maintainers
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What may be asked for of single sign-on, checked and parsed. Nothing raised here contains the secret of the client."""

from __future__ import annotations

import dataclasses
import re
import typing as t
import urllib.parse
from collections.abc import Mapping

from ansible_collections.pifleet.nodered.plugins.plugin_utils._accounts.users import (
    AccountError,
    paths_of,
    permissions,
)
from ansible_collections.pifleet.nodered.plugins.plugin_utils._pki.names import (
    PkiError,
    dns_name,
    is_private,
    parsed_address,
)
from ansible_collections.pifleet.nodered.plugins.plugin_utils._pki.x509 import certificates_of, number_of_keys, pem_of

from .login_options import LoginOptionError

#: The variable.
VARIABLE = "nodered_oidc"
#: Seconds that a login lasts: rights are the provider's, and it is asked anew then.
DEFAULT_EXPIRY = 36000
#: What kind a provider is: one that is described by its issuer, and GitHub, which has OAuth without an ID token.
OPENID, GITHUB = "openid", "github"

_KEYS = (
    "name",
    "issuer",
    "kind",
    "client_id",
    "client_secret",
    "url",
    "scope",
    "username_claim",
    "groups_claim",
    "session_expiry",
    "ca_certificate",
    "editor",
    "dashboards",
)
_WHO = ("group", "user", "domain", "everybody")
_SCOPES = {OPENID: "openid profile email", GITHUB: "read:user read:org"}
_USERNAME_CLAIMS = {OPENID: "preferred_username", GITHUB: "login"}
_LONGEST_NAME = 64
_LONGEST_TEXT = 1000
#: Scopes (RFC 6749, section 3.3), one space between two.
_SCOPE = re.compile(r"[!#-\[\]-~]+(?: [!#-\[\]-~]+)*")
#: The name of a claim, with dots between those of claims inside claims.
_CLAIM = re.compile(r"[^\s.\"<>\\`]+(?:\.[^\s.\"<>\\`]+)*")
#: Characters that the name of nobody has, see the gate.
_ODD = re.compile(r"[\"<>\\`]")

_GOOGLE = "accounts.google.com"
_ENTRA = "login.microsoftonline.com"
#: Where anybody can have an account, so that everybody would mean the world.
_PUBLIC_HOSTS = (
    _GOOGLE,
    "api.login.yahoo.com",
    "appleid.apple.com",
    "gitlab.com",
    "id.twitch.tv",
    "limited.facebook.com",
    "www.facebook.com",
    "www.linkedin.com",
)
#: What stands for a tenant of Entra in the issuer of several, and the tenant of all private accounts.
_ENTRA_TENANTS = ("common", "organizations", "consumers")
_ENTRA_PRIVATE = "9188040d-6c67-4c5b-b112-36a304b66dad"


class OidcOptionError(LoginOptionError):
    """Something of single sign-on has no possible value, in a sentence that names the variable."""


# Without a representation, which would show the secret.
@dataclasses.dataclass(frozen=True, repr=False)
class OidcOptions:
    """What the user asked for of single sign-on.

    :ivar kind: `openid` or `github`
    :ivar issuer: the issuer, character by character as the provider has it; None for GitHub
    :ivar name: what the page calls the provider
    :ivar url: where browsers find this Node-RED, without a path; None where nobody said so
    :ivar scope: what the provider is asked for, with spaces between
    :ivar username_claim: the claim that is the name of a user; dots lead into objects
    :ivar groups_claim: the same for the list of groups
    :ivar session_expiry: seconds that a login lasts, from its beginning
    :ivar authority: the certificates in PEM that the provider's is checked by; None for those of Node.js
    :ivar editor: who may use the editor, as login.json has it
    :ivar dashboards: the same for what flows serve
    """

    kind: str
    issuer: str | None
    name: str
    client_id: str
    client_secret: str
    url: str | None
    scope: str
    username_claim: str
    groups_claim: str
    session_expiry: int
    authority: bytes | None
    editor: list[dict[str, t.Any]]
    dashboards: list[dict[str, t.Any]]

    @classmethod
    def from_option(cls, given: Mapping[str, t.Any]) -> OidcOptions:
        """Check and parse the variable.

        :param given: its value, which is not empty
        :raises OidcOptionError: something is missing, unknown, or contradicts something else
        :raises AccountError: the same of a right or of a path
        """
        for key in given:
            if key not in _KEYS:
                raise OidcOptionError(f"{VARIABLE}: unknown key {key!r}. Known are {', '.join(_KEYS)}.")
        options = {key: value for key, value in given.items() if value is not None and value != ""}
        kind = _kind(options)
        issuer = _issuer(options, kind)
        if kind == GITHUB:
            _refuse_at_github(options)
        parsed = cls(
            kind,
            issuer,
            _name(options, issuer),
            _text(options, "client_id"),
            _text(options, "client_secret"),
            _url(options),
            _scope(options, kind),
            _claim(options, "username_claim", _USERNAME_CLAIMS[kind]),
            _claim(options, "groups_claim", "groups"),
            _expiry(options),
            _authority(options),
            _rules(options, "editor"),
            _rules(options, "dashboards"),
        )
        if not (parsed.editor or parsed.dashboards):
            raise OidcOptionError(
                f"{VARIABLE} lets nobody in. Say who may use what in editor, in dashboards or in both, such as"
                " dashboards: [{group: family}]."
            )
        parsed._check_rules()
        if parsed.url is not None:
            parsed.check_url(parsed.url)
        return parsed

    def check_url(self, url: str) -> None:
        """Refuse a URL that the provider would not send anybody back to.

        :param url: what `url` is, or what it is where nobody said so
        :raises OidcOptionError: the provider is Google, and the host has no public name
        """
        host = urllib.parse.urlsplit(url).hostname or ""
        is_public = "." in host and not is_private(host) and not parsed_address(host)
        if self._issuer_host == _GOOGLE and host != "localhost" and not is_public:
            raise OidcOptionError(
                f"{VARIABLE}: Google sends nobody back to {url}: it takes public names only, no addresses and none that end"
                " with .local. Set url to a public name of this Node-RED, which may resolve to a private address."
            )

    @property
    def _issuer_host(self) -> str:
        return _host_of(self.issuer or "")

    @property
    def _is_public(self) -> bool:
        """Whether anybody can have an account there."""
        if self.kind == GITHUB or self._issuer_host in _PUBLIC_HOSTS:
            return True
        return self._issuer_host == _ENTRA and _tenant(self.issuer or "") == _ENTRA_PRIVATE

    def _check_rules(self) -> None:
        for where, rules in (("editor", self.editor), ("dashboards", self.dashboards)):
            for position, rule in enumerate(rules, 1):
                context = f"{VARIABLE}, {where}, entry {position}"
                if "everybody" in rule and where == "editor":
                    raise OidcOptionError(
                        f"{context}: everybody may not use the editor, which runs any code on the host. Name a group or"
                        " users."
                    )
                if "everybody" in rule and self._is_public:
                    raise OidcOptionError(
                        f"{context}: anybody can have an account at {self.name}, so that everybody means the whole world."
                        f" Name {'a group (an organization)' if self.kind == GITHUB else 'a domain'} or users."
                    )
                if "group" in rule and self._issuer_host == _GOOGLE:
                    raise OidcOptionError(f"{context}: Google tells no groups. Name a domain or users.")
                if self.kind == GITHUB and ("domain" in rule or "@" in rule.get("user", "")):
                    raise OidcOptionError(
                        f"{context}: of GitHub e-mail addresses do not count. Name users by their GitHub login, or an"
                        " organization as a group."
                    )


def _host_of(url: str) -> str:
    return urllib.parse.urlsplit(url).hostname or ""


def _tenant(issuer: str) -> str:
    return urllib.parse.urlsplit(issuer).path.strip("/").partition("/")[0].lower()


def _text(options: Mapping[str, t.Any], key: str) -> str:
    value = options.get(key)
    if not isinstance(value, str):
        raise OidcOptionError(f"{VARIABLE}: {key} is missing or not a text. The provider gives it for each client.")
    if len(value) > _LONGEST_TEXT or not value.isprintable():
        raise OidcOptionError(
            f"{VARIABLE}: {key} must be one line of at most {_LONGEST_TEXT} characters, as the provider has it."
        )
    return str(value)


def _kind(options: Mapping[str, t.Any]) -> str:
    kind = options.get("kind", OPENID)
    if kind not in (OPENID, GITHUB):
        raise OidcOptionError(f"{VARIABLE}: kind must be github, or be left out for every provider that has an issuer.")
    return str(kind)


def _issuer(options: Mapping[str, t.Any], kind: str) -> str | None:
    issuer = options.get("issuer")
    if kind == GITHUB:
        if issuer is not None:
            raise OidcOptionError(f"{VARIABLE}: issuer contradicts kind: github. Keep one of the two.")
        return None
    if not isinstance(issuer, str):
        raise OidcOptionError(
            f"{VARIABLE}: issuer is missing or not a text. It is the address of the provider that its"
            " /.well-known/openid-configuration names so; for GitHub set kind: github."
        )
    try:
        parts = urllib.parse.urlsplit(issuer)
        _port = parts.port
    except ValueError:
        parts = urllib.parse.urlsplit("")
    if parts.scheme != "https" or not parts.hostname or not issuer.isascii() or re.search(r"[\s\"<>\\]", issuer):
        raise OidcOptionError(
            f"{VARIABLE}: issuer must be a URL that begins with https://: who answers for it decides who gets in."
        )
    if parts.query or parts.fragment or parts.username is not None or issuer.endswith(("?", "#")):
        raise OidcOptionError(f"{VARIABLE}: issuer must be without a user, without ? and without #.")
    if parts.path.rstrip("/").endswith("/.well-known/openid-configuration"):
        raise OidcOptionError(
            f"{VARIABLE}: issuer must be without /.well-known/openid-configuration, which is added to it."
        )
    if parts.hostname == _ENTRA and _tenant(issuer) in _ENTRA_TENANTS:
        raise OidcOptionError(
            f"{VARIABLE}: the issuer of Entra must have the id of your tenant instead of {_tenant(issuer)}, which stands for"
            f" the accounts of everybody: https://{_ENTRA}/<tenant id>/v2.0."
        )
    return str(issuer)


def _refuse_at_github(options: Mapping[str, t.Any]) -> None:
    for key, why in (
        ("scope", "it is always the same"),
        ("username_claim", "the name of a user is the GitHub login"),
        ("groups_claim", "the groups of a user are its organizations"),
        ("ca_certificate", "its certificate is one that everybody trusts"),
    ):
        if key in options:
            raise OidcOptionError(f"{VARIABLE}: {key} has no meaning with kind: github, where {why}. Leave it out.")


def _name(options: Mapping[str, t.Any], issuer: str | None) -> str:
    name = options.get("name", "GitHub" if issuer is None else _host_of(issuer))
    if not isinstance(name, str) or len(name) > _LONGEST_NAME or not name.isprintable() or _ODD.search(name):
        raise OidcOptionError(
            f'{VARIABLE}: name must be one line of at most {_LONGEST_NAME} characters, without "<>\\`. It stands on the page.'
        )
    return str(name)


def _url(options: Mapping[str, t.Any]) -> str | None:
    url = options.get("url")
    if url is None:
        return None
    problem = f"{VARIABLE}: url must be where browsers find this Node-RED, https:// with a name and maybe a port, and no path."
    try:
        parts = urllib.parse.urlsplit(url) if isinstance(url, str) and url.isascii() else None
        port = parts.port if parts else None
    except ValueError:
        parts = None
    if not parts or parts.scheme != "https" or not parts.hostname or parts.username is not None:
        raise OidcOptionError(problem)
    if parts.path not in ("", "/") or parts.query or parts.fragment or str(url).endswith(("?", "#")):
        raise OidcOptionError(problem)
    return url_of(parts.hostname, port)


def url_of(host: str, port: int | None) -> str:
    """A URL as browsers write it in an Origin, in lower case and without the usual port.

    :param host: a name or an IP address
    :param port: the port; None for the usual one
    :raises OidcOptionError: the name is none
    """
    address = parsed_address(host)
    try:
        name = str(address) if address else dns_name(host)
    except PkiError:
        raise OidcOptionError(f"{VARIABLE}: url has no valid name of a host. Correct it.") from None
    shown = f"[{name}]" if ":" in name else name
    return f"https://{shown}" if port in (None, 443) else f"https://{shown}:{port}"


def _scope(options: Mapping[str, t.Any], kind: str) -> str:
    scope = options.get("scope", _SCOPES[kind])
    if not isinstance(scope, str) or len(scope) > _LONGEST_TEXT or not _SCOPE.fullmatch(scope):
        raise OidcOptionError(
            f"{VARIABLE}: scope must be a text of words with one space between two, such as {_SCOPES[OPENID]}."
        )
    if kind == OPENID and "openid" not in scope.split():
        raise OidcOptionError(
            f"{VARIABLE}: scope has no openid, without which a provider says nothing of who logs in. Add it."
        )
    return str(scope)


def _claim(options: Mapping[str, t.Any], key: str, default: str) -> str:
    claim = options.get(key, default)
    if not isinstance(claim, str) or len(claim) > _LONGEST_TEXT or not _CLAIM.fullmatch(claim):
        raise OidcOptionError(
            f"{VARIABLE}: {key} must be the name of a claim, with dots to lead into objects, such as realm_access.roles."
        )
    return str(claim)


def _expiry(options: Mapping[str, t.Any]) -> int:
    seconds = options.get("session_expiry", DEFAULT_EXPIRY)
    if isinstance(seconds, str) and seconds.isascii() and seconds.isdecimal():
        # A template may give a text.
        seconds = int(seconds[:20])
    if isinstance(seconds, bool) or not isinstance(seconds, int) or seconds <= 0:
        raise OidcOptionError(f"{VARIABLE}: session_expiry must be a positive number of seconds.")
    return int(seconds)


def _authority(options: Mapping[str, t.Any]) -> bytes | None:
    pem = options.get("ca_certificate")
    if pem is None:
        return None
    context = f"{VARIABLE}: ca_certificate"
    if not isinstance(pem, str):
        raise OidcOptionError(
            f"{context} must be the text of a certificate in PEM, such as {{{{ lookup('file', 'id-ca.pem') }}}}."
        )
    content = pem.encode("utf-8", "replace")
    if number_of_keys(content):
        raise OidcOptionError(
            f"{context} holds a private key, which belongs on no other host. Give the certificate alone."
        )
    try:
        return pem_of(*certificates_of(content, context))
    except PkiError as error:
        raise OidcOptionError(str(error)) from None


def _rules(options: Mapping[str, t.Any], where: str) -> list[dict[str, t.Any]]:
    rules = options.get(where, [])
    if not isinstance(rules, (list, tuple)):
        raise OidcOptionError(f"{VARIABLE}: {where} must be a list of who may use it, such as [{{group: family}}].")
    return [_rule(rule, where, f"{VARIABLE}, {where}, entry {position}") for position, rule in enumerate(rules, 1)]


def _rule(rule: t.Any, where: str, context: str) -> dict[str, t.Any]:
    known = (*_WHO, "permissions", *(("paths",) if where == "dashboards" else ()))
    if not isinstance(rule, Mapping):
        raise OidcOptionError(f"{context}: must be a mapping with {', '.join(known)}.")
    for key in rule:
        if key not in known:
            raise OidcOptionError(f"{context}: unknown key {key!r}. Known are {', '.join(known)}.")
    named = [key for key in _WHO if rule.get(key) is not None]
    if len(named) != 1:
        raise OidcOptionError(
            f"{context}: {'only one of' if named else 'one of'} {', '.join(_WHO)} must say who is meant."
        )
    who = named[0]
    parsed = {who: _who(who, rule[who], context), "permissions": _permissions(rule, where, context)}
    paths = paths_of(rule, context)
    return parsed if paths is None else {**parsed, "paths": paths}


def _who(key: str, value: t.Any, context: str) -> str | bool:
    if key == "everybody":
        # A template may give a text.
        if value is not True and value not in ("True", "true"):
            raise OidcOptionError(f"{context}: everybody must be true. Leave the entry out to let in fewer.")
        return True
    if not isinstance(value, str) or not value or not value.isprintable() or _ODD.search(value):
        raise OidcOptionError(f'{context}: {key} must be a text without "<>\\`.')
    if key == "domain":
        try:
            return dns_name(value)
        except PkiError:
            raise OidcOptionError(
                f"{context}: the domain {value!r} is none. It is what stands behind the @ of e-mail addresses, such as"
                " example.com."
            ) from None
    return str(value)


def _permissions(rule: Mapping[str, t.Any], where: str, context: str) -> str | list[str]:
    if where == "dashboards":
        granted = rule.get("permissions", "*")
        if granted not in ("*", "read"):
            raise AccountError(
                f'{context}: permissions must be "*" for everything, or read for who may look and press nothing.'
            )
        return str(granted)
    if rule.get("permissions") is None:
        raise AccountError(
            f'{context}: permissions are missing. Set "*" for everything, read for looking only, or a list such as'
            " [flows.read, nodes.read]."
        )
    return permissions(rule["permissions"], context)
