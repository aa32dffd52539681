# Copyright (c) 2026, the pifleet.nodered maintainers
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a proof sees of single sign-on: a warning where it leads nowhere, and never a failure."""

from __future__ import annotations

import json
import pathlib
import typing as t
import urllib.parse

import pytest
from stopped_unit import StoppedUnit
from web_server import Pages, server

from ansible_collections.pifleet.nodered.plugins.module_utils._node_red import login_directory
from ansible_collections.pifleet.nodered.plugins.module_utils._service.proof import Prover

URL = "https://kitchen.example.com:1880"
BOTH = {"editor": [{"group": "admins"}], "dashboards": [{"group": "family"}]}


def unit_with(folder: pathlib.Path, data: str) -> t.Any:
    (folder / "nodelogin").mkdir()
    (folder / "nodelogin/login.json").write_text(data, "utf-8")
    return StoppedUnit(folder)


def data_of(**changes: t.Any) -> str:
    oidc = {
        "name": "Keycloak",
        "url": URL,
        "client_id": "nodered",
        "client_secret": "only-for-tests",
        **BOTH,
        **changes,
    }
    return json.dumps({"users": [], "oidc": oidc})


def leading_to(callback: str, client: str = "nodered") -> tuple[int, dict[str, str], str]:
    query = urllib.parse.urlencode({"client_id": client, "redirect_uri": callback, "response_type": "code"})
    return 302, {"Location": f"https://id.example.com/auth?{query}"}, ""


GOOD: Pages = {
    "/api/_login/oidc": leading_to(f"{URL}/api/_login/callback"),
    "/admin/auth/oidc": leading_to(f"{URL}/admin/auth/oidc/callback"),
}


def remarks(folder: pathlib.Path, pages: Pages, data: str, **changes: t.Any) -> list[str]:
    unit = unit_with(folder, data)
    with server(pages) as port:
        target: t.Any = {
            "address": "127.0.0.1",
            "port": port,
            "tls": False,
            "node_root": "/api",
            "admin_root": "/admin/",
            **changes,
        }
        return Prover(unit, 5, 0).sign_on_remarks(target)


def test_both_ways_lead_to_the_provider(tmp_path: pathlib.Path) -> None:
    assert remarks(tmp_path, GOOD, data_of()) == []


@pytest.mark.parametrize(
    ("pages", "words"),
    [
        ({}, "/api/_login/oidc answers 404 and leads to no provider"),
        ({"/api/_login/oidc": (502, {}, "")}, "/api/_login/oidc answers 502 and leads to no provider"),
        ({"/api/_login/oidc": (302, {"Location": "/api/_login"}, "")}, "/api/_login/oidc answers 302 and leads to no"),
        ({"/api/_login/oidc": leading_to(f"{URL}/_login/callback")}, "/api/_login/oidc leads elsewhere"),
        ({"/api/_login/oidc": leading_to(f"{URL}/api/_login/callback", "other")}, "/api/_login/oidc leads elsewhere"),
    ],
)
def test_one_that_leads_nowhere_is_told(tmp_path: pathlib.Path, pages: Pages, words: str) -> None:
    (remark,) = remarks(tmp_path, {"/admin/auth/oidc": GOOD["/admin/auth/oidc"], **pages}, data_of())
    assert words in remark
    assert "That Keycloak lets somebody in by single sign-on was not proved" in remark
    assert "only-for-tests" not in remark


@pytest.mark.parametrize(("changes", "told"), [({"editor": []}, 1), ({"dashboards": []}, 1), ({}, 2)])
def test_what_nobody_may_use_is_not_asked(tmp_path: pathlib.Path, changes: dict[str, t.Any], told: int) -> None:
    assert len(remarks(tmp_path, {}, data_of(**changes))) == told


@pytest.mark.parametrize(
    "data", ["no JSON", "[]", "{}", '{"oidc": 1}', '{"oidc": {}}', '{"oidc": {"editor": 1, "url": 5}}', "[" * 100_000]
)
def test_the_owner_may_have_put_anything_there(tmp_path: pathlib.Path, data: str) -> None:
    assert len(remarks(tmp_path, {}, data)) == int('"editor": 1' in data)


def test_nothing_is_asked_of_who_wants_a_client_certificate(tmp_path: pathlib.Path) -> None:
    assert remarks(tmp_path, {}, data_of(), client_certificate=True) == []


def test_a_server_that_does_not_answer_is_told(tmp_path: pathlib.Path) -> None:
    (remark, _other) = remarks(tmp_path, {}, data_of(), tls=True)
    assert "/api/_login/oidc does not answer as kitchen.example.com:1880" in remark


def test_logins_to_the_editor_are_no_file_of_ours(tmp_path: pathlib.Path) -> None:
    unit = unit_with(tmp_path, data_of())
    (tmp_path / "nodelogin/oidc").mkdir()
    for name in ("editor.js", "editor_sessions.json", "editor_sessions.json.new"):
        (tmp_path / "nodelogin/oidc" / name).write_text("{}", "utf-8")
    assert set(login_directory.read_login_page(unit)["files"]) == {"login.json", "oidc/editor.js"}
