# Copyright (c) 2026, the pifleet.nodered maintainers
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What may be asked for of single sign-on; every refusal names the variable and shows no secret."""

from __future__ import annotations

import pathlib
import re
import typing as t

import pytest
import yaml
from single_sign_on import CLIENT_SECRET, URL, make_oidc

from ansible_collections.pifleet.nodered.plugins.plugin_utils._errors import UserError
from ansible_collections.pifleet.nodered.plugins.plugin_utils._pki.x509 import new_private_key, pem_of_key
from ansible_collections.pifleet.nodered.plugins.plugin_utils._settings.oidc_options import OidcOptions

PROJECT = pathlib.Path(__file__).parents[4]
GITHUB: dict[str, t.Any] = {"kind": "github", "issuer": None, "name": None}
GOOGLE = {"issuer": "https://accounts.google.com", "editor": None}
ENTRA = "https://login.microsoftonline.com"
PRIVATE_ACCOUNTS = "9188040d-6c67-4c5b-b112-36a304b66dad"
KEY = pem_of_key(new_private_key("ecdsa-p256"), None).decode()


def test_what_is_not_given_has_a_usual_value() -> None:
    options = OidcOptions.from_option(make_oidc(name=None, url=None))
    assert (options.kind, options.name, options.url) == ("openid", "id.example.com", None)
    assert (options.scope, options.username_claim, options.groups_claim) == (
        "openid profile email",
        "preferred_username",
        "groups",
    )
    assert (options.session_expiry, options.authority) == (36000, None)
    assert options.editor == [{"group": "admins", "permissions": "*"}]
    assert options.dashboards == [{"group": "family", "permissions": "*"}]


def test_what_a_template_gives_may_be_a_text() -> None:
    options = OidcOptions.from_option(make_oidc(session_expiry="600", dashboards=[{"everybody": "True"}]))
    assert options.session_expiry == 600
    assert options.dashboards == [{"everybody": True, "permissions": "*"}]


def test_github() -> None:
    options = OidcOptions.from_option(make_oidc(**GITHUB))
    assert (options.kind, options.issuer, options.name) == ("github", None, "GitHub")
    assert (options.scope, options.username_claim) == ("read:user read:org", "login")


def test_rules_as_they_are_written_down() -> None:
    options = OidcOptions.from_option(
        make_oidc(
            editor=[{"user": "anna@example.com", "permissions": ["flows.read", "nodes.read"]}],
            dashboards=[{"domain": "Example.COM", "permissions": "read", "paths": ["/ui"]}, {"everybody": True}],
        )
    )
    assert options.editor == [{"user": "anna@example.com", "permissions": ["flows.read", "nodes.read"]}]
    assert options.dashboards == [
        {"domain": "example.com", "permissions": "read", "paths": ["/ui"]},
        {"everybody": True, "permissions": "*"},
    ]


@pytest.mark.parametrize(
    ("url", "written"),
    [
        (URL, URL),
        ("https://Kitchen.Example.com/", "https://kitchen.example.com"),
        ("https://kitchen.example.com:443", "https://kitchen.example.com"),
        ("https://192.168.1.20:1880", "https://192.168.1.20:1880"),
        ("https://[fd00:0::1]:1880", "https://[fd00::1]:1880"),
    ],
)
def test_a_url_is_written_as_browsers_write_an_origin(url: str, written: str) -> None:
    assert OidcOptions.from_option(make_oidc(url=url)).url == written


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"issuer": None}, "issuer is missing"),
        ({"issuer": "http://id.example.com"}, "issuer must be a URL that begins with https://"),
        ({"issuer": "https://"}, "issuer must be a URL"),
        ({"issuer": "https://id.example.com:x"}, "issuer must be a URL"),
        ({"issuer": "https://id.example.com?x=1"}, "issuer must be without"),
        ({"issuer": "https://a:b@id.example.com"}, "issuer must be without a user"),
        ({"issuer": "https://id.example.com/.well-known/openid-configuration"}, "which is added to it"),
        ({"issuer": f"{ENTRA}/common/v2.0"}, "the id of your tenant instead of common"),
        ({"issuer": f"{ENTRA}/organizations/v2.0"}, "the id of your tenant"),
        ({"kind": "google"}, "kind must be github"),
        ({"kind": "github"}, "issuer contradicts kind: github"),
        ({**GITHUB, "scope": "openid"}, "scope has no meaning with kind: github"),
        ({**GITHUB, "groups_claim": "x"}, "groups_claim has no meaning with kind: github"),
        ({**GITHUB, "dashboards": [{"everybody": True}]}, "anybody can have an account at GitHub"),
        ({**GITHUB, "dashboards": [{"domain": "example.com"}]}, "of GitHub e-mail addresses do not count"),
        ({**GITHUB, "dashboards": [{"user": "a@example.com"}]}, "of GitHub e-mail addresses do not count"),
        ({"client_id": None}, "client_id is missing"),
        ({"client_secret": ""}, "client_secret is missing"),
        ({"client_secret": 5}, "client_secret is missing or not a text"),
        ({"client_secret": f"{CLIENT_SECRET}\n"}, "client_secret must be one line"),
        ({"name": "<b>"}, "name must be one line"),
        ({"name": "x" * 65}, "name must be one line"),
        ({"url": "http://kitchen.example.com"}, "url must be where browsers find"),
        ({"url": f"{URL}/kitchen"}, "no path"),
        ({"url": "https://a_b.example.com"}, "url has no valid name"),
        ({"url": "https://kitchen.example.com:port"}, "url must be where"),
        ({"scope": "profile email"}, "scope has no openid"),
        ({"scope": "openid  email"}, "one space between two"),
        ({"scope": ["openid"]}, "scope must be a text"),
        ({"username_claim": "a..b"}, "username_claim must be the name of a claim"),
        ({"groups_claim": "a b"}, "groups_claim must be the name of a claim"),
        ({"session_expiry": 0}, "session_expiry must be a positive number"),
        ({"session_expiry": True}, "session_expiry must be a positive number"),
        ({"session_expiry": "1h"}, "session_expiry must be a positive number"),
        ({"ca_certificate": "no PEM"}, "ca_certificate cannot be read as a certificate"),
        ({"ca_certificate": KEY}, "ca_certificate holds a private key"),
        ({"ca_certificate": ["x"]}, "ca_certificate must be the text of a certificate"),
        ({"editor": None, "dashboards": None}, "lets nobody in"),
        ({"editor": [], "dashboards": []}, "lets nobody in"),
        ({"editor": {"group": "admins"}}, "editor must be a list"),
        ({"editor": ["admins"]}, "editor, entry 1: must be a mapping"),
        ({"editor": [{"everybody": True, "permissions": "*"}]}, "editor, entry 1: everybody may not use the editor"),
        ({"editor": [{"group": "admins"}]}, "editor, entry 1: permissions are missing"),
        ({"editor": [{"group": "admins", "permissions": "flows.*"}]}, "knows no permission 'flows.*'"),
        ({"editor": [{"group": "a", "permissions": "*", "paths": ["/"]}]}, "unknown key 'paths'"),
        ({"dashboards": [{"group": "a", "user": "b"}]}, "dashboards, entry 1: only one of group, user"),
        ({"dashboards": [{"group": "a"}, {"permissions": "read"}]}, "dashboards, entry 2: one of group, user"),
        ({"dashboards": [{"group": "a", "permissions": "write"}]}, 'permissions must be "*" for everything'),
        ({"dashboards": [{"group": "a", "paths": ["ui"]}]}, "must be a text that begins with a slash"),
        ({"dashboards": [{"group": "a", "paths": ["/ui/*"]}]}, "has a star"),
        ({"dashboards": [{"group": "a", "paths": []}]}, "paths must be a list"),
        ({"dashboards": [{"everybody": False}]}, "everybody must be true"),
        ({"dashboards": [{"user": "<b>"}]}, "user must be a text without"),
        ({"dashboards": [{"domain": "@example.com"}]}, "the domain '@example.com' is none"),
        ({"groups": "x"}, "unknown key 'groups'"),
        ({**GOOGLE, "dashboards": [{"everybody": True}]}, "anybody can have an account at Keycloak"),
        ({**GOOGLE, "dashboards": [{"group": "family"}]}, "Google tells no groups"),
        (
            {**GOOGLE, "dashboards": [{"domain": "a.com"}], "url": "https://kitchen.local:1880"},
            "Google sends nobody back",
        ),
        (
            {**GOOGLE, "dashboards": [{"domain": "a.com"}], "url": "https://192.168.1.2:1880"},
            "Google sends nobody back",
        ),
        ({**GOOGLE, "dashboards": [{"domain": "a.com"}], "url": "https://kitchen:1880"}, "Google sends nobody back"),
        (
            {"issuer": f"{ENTRA}/{PRIVATE_ACCOUNTS}/v2.0", "dashboards": [{"everybody": True}]},
            "anybody can have an account",
        ),
        ({"issuer": "https://gitlab.com", "dashboards": [{"everybody": True}]}, "anybody can have an account"),
    ],
)
def test_what_cannot_be_is_refused(given: dict[str, t.Any], words: str) -> None:
    with pytest.raises(UserError, match=re.escape(words)) as refusal:
        OidcOptions.from_option(make_oidc(**given))
    assert "nodered_oidc" in str(refusal.value)
    assert CLIENT_SECRET not in str(refusal.value)
    assert "PRIVATE KEY" not in str(refusal.value)


def test_the_guides_of_the_documentation_hold() -> None:
    text = (PROJECT / "docs/single-sign-on.md").read_text("utf-8").replace("<tenant id>", "11111111-2222")
    guides = [
        yaml.safe_load(block)["nodered_oidc"]
        for block in re.findall(r"```yaml\n(nodered_oidc:.*?)```", text, re.DOTALL)
    ]
    assert len(guides) == 8
    for guide in guides:
        options = OidcOptions.from_option(guide)
        assert options.url == URL
        assert options.editor


def test_the_tenant_of_a_company_is_no_public_one() -> None:
    everybody = [{"everybody": True}]
    options = OidcOptions.from_option(make_oidc(issuer=f"{ENTRA}/11111111-2222/v2.0", dashboards=everybody))
    assert options.dashboards == [{"everybody": True, "permissions": "*"}]


def test_a_representation_shows_no_secret() -> None:
    assert CLIENT_SECRET not in repr(OidcOptions.from_option(make_oidc()))
