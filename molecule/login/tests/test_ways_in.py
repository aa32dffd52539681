# Copyright (c) 2026, the pifleet.nodered maintainers
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Who gets in by the login page, by a header, and without either, on each of the ways in."""

from __future__ import annotations

import json

from scenario import socket_io
from scenario.client import login_of
from scenario.fleet import USER_DIR
from scenario.login_page import LoginServer

DIRECTORY = f"{USER_DIR}/nodelogin"


def test_a_browser_is_led_to_the_page(server: LoginServer) -> None:
    for path in (*server.dashboards, f"{server.node_root}/who", f"{server.static_root}/page.html"):
        answer = server.browse(path)
        assert answer.status == 302, (path, answer)
        assert answer.headers["location"].startswith(f"{server.page}?next=%2F"), answer
        assert "www-authenticate" not in answer.headers
    page = server.browse(server.page)
    assert page.status == 200
    assert "default-src 'none'" in page.headers["content-security-policy"]
    assert "Kitchen" in page.body


def test_the_editor_has_its_own_login(server: LoginServer) -> None:
    cookie = server.cookie("fred")
    assert server.browse(f"{server.admin_root}/flows", cookie).status == 401
    assert "credentials" in server.browse(f"{server.admin_root}/auth/login", cookie).body
    assert server.call("GET", "/flows", server.token("admin")).status == 200


def test_a_login_opens_all_that_flows_serve(server: LoginServer) -> None:
    answer = server.log_in("fred")
    assert (answer.status, answer.headers["location"]) == (303, server.dashboards[0])
    cookie, *attributes = answer.headers["set-cookie"].split("; ")
    assert {"HttpOnly", "Secure", "SameSite=Lax", "Path=/"} <= set(attributes)
    assert cookie.startswith("__Host-")
    for path in (*server.dashboards, f"{server.static_root}/page.html"):
        assert server.browse(path, cookie).status == 200, path
    assert server.browse(f"{server.node_root}/who", cookie).body == "fred"


def test_a_wrong_password_does_not(server: LoginServer) -> None:
    for user, password in (("fred", "wrong"), ("nobody", "wrong"), ("admin", server.fleet.password("admin"))):
        answer = server.log_in(user, password)
        assert answer.status == 401
        assert "set-cookie" not in answer.headers


def test_programs_go_on_with_a_header(server: LoginServer) -> None:
    stranger = server.get(f"{server.node_root}/who")
    assert stranger.status == 401
    assert stranger.headers["www-authenticate"].startswith("Basic ")
    assert server.get(f"{server.node_root}/who", login_of("anna")).body == "anna"
    assert server.get(server.dashboards[0], login_of("anna")).status == 200


def test_who_may_only_look_presses_nothing(server: LoginServer) -> None:
    who = f"{server.node_root}/who"
    assert server.get(who, login_of("wall")).body == "wall"
    assert server.get(who, login_of("wall"), "--data", "").status == 403
    assert server.get(who, login_of("fred"), "--data", "").body == "fred"


def test_a_user_of_one_path_gets_no_further(server: LoginServer) -> None:
    assert server.get(f"{server.node_root}/who", login_of("solar")).body == "solar"
    for path in (*server.dashboards, f"{server.static_root}/page.html"):
        assert server.get(path, login_of("solar")).status == 403, path


def test_an_open_path_asks_nobody_and_no_other_does(server: LoginServer) -> None:
    assert server.get(f"{server.node_root}/hook/door", None, "--data", "").body == "taken"
    for path in ("hook/../who", "hook/%2e%2e/who", "HOOK/door", "hookdoor", "hook//door"):
        assert server.get(f"{server.node_root}/{path}", None, "--path-as-is", "--data", "").status == 401, path


def test_web_sockets_of_nodes(server: LoginServer) -> None:
    path = f"{server.node_root}/ws/echo"
    assert server.socket(path).status == 401
    assert server.socket(path, user="wall").status == 403
    cookie = server.cookie("fred")
    assert server.socket(path, cookie, origin="https://other.example").status == 403
    for opened in (server.socket(path, cookie, origin=server.url), server.socket(path, user="anna")):
        assert opened.status == 101
        opened.send("hello")
        assert opened.receive() == "hello"
        opened.close()


def test_sockets_of_both_dashboards(server: LoginServer) -> None:
    cookie = server.cookie("wall")
    for dashboard in server.dashboards:
        path = f"{dashboard}socket.io/"
        assert server.socket(f"{path}?EIO=4&transport=websocket").status == 401
        assert server.get(f"{path}?EIO=4&transport=polling").status == 401
        opened = server.socket(f"{path}?EIO=4&transport=websocket", cookie, origin=server.url)
        assert socket_io.by_web_socket(opened).startswith(socket_io.WELCOME), dashboard
        opened.close()
        polled = socket_io.by_polling(server.client, f"{server.url}{path}", "--cookie", cookie)
        assert polled.startswith(socket_io.WELCOME), dashboard


def test_the_plugin_guards_what_settings_do_not_reach(server: LoginServer) -> None:
    assert server.socket(f"{server.node_root}/uibuilder/socket").status == 401
    assert server.get(f"{server.node_root}/anything?EIO=4&transport=polling").status == 401


def test_log_out(server: LoginServer) -> None:
    cookie, other = server.cookie("fred"), server.cookie("fred")
    opened = server.socket(f"{server.node_root}/ws/echo", cookie, origin=server.url)
    answer = server.send_form(f"{server.page}/out", {}, "--cookie", cookie, "--data", "")
    assert answer.status == 303, answer
    assert opened.receive() is None
    assert not server.is_logged_in(cookie)
    assert server.is_logged_in(other)


def test_a_form_of_another_site_does_nothing(server: LoginServer) -> None:
    user, password = login_of("fred")
    form = ("--data-urlencode", f"username={user}", "--data-urlencode", f"password={password}")
    for header in ("Origin: https://other.example", "Origin: null", "X-None: none"):
        answer = server.client.request(server.url + server.page, *form, "--header", header)
        assert (answer.status, "set-cookie" in answer.headers) == (403, False), header


def test_files_are_for_nobody_else(server: LoginServer, name: str) -> None:
    host = server.fleet.host(name)
    cookie = server.cookie("fred")
    found = host.check_output("find %s -printf '%%M %%u %%p\\n'", DIRECTORY).splitlines()
    assert len(found) > 5
    assert {line.split()[0] for line in found} == {"drwx------", "-rw-------"}
    assert {line.split()[1] for line in found} == {"pi"}
    # Of single sign-on there is nothing, for nobody has asked for it.
    assert not host.file(f"{DIRECTORY}/oidc").exists
    sessions = host.file(f"{DIRECTORY}/sessions.json").content_string
    assert json.loads(sessions)
    assert cookie.partition("=")[2] not in sessions


def test_secrets_are_where_they_belong(server: LoginServer, name: str) -> None:
    """Nothing of a password is on the host, and no hash in the journal."""
    journal = server.fleet.journal(name, "--unit", "nodered")
    assert "only-for-tests" not in journal
    assert "$2b$" not in journal
    assert (
        server.fleet.host(name).run("grep -rl only-for-tests /home/pi/.node-red /var/lib/pifleet-nodered").stdout == ""
    )
