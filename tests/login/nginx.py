# Copyright (c) 2026, the pifleet.nodered maintainers
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Debian's nginx in front of a Node-RED, with the site that the role proxy writes, as a process on loopback."""

from __future__ import annotations

import functools
import pathlib
import re
import subprocess
import tempfile

from ansible_collections.pifleet.nodered.plugins.module_utils._shared.layout import nginx_log, proxy_certificate
from ansible_collections.pifleet.nodered.plugins.plugin_utils._proxy.options import DesiredProxy
from ansible_collections.pifleet.nodered.plugins.plugin_utils._proxy.site import SiteFacts, site

_KEPT = pathlib.Path(__file__).resolve().parents[2] / ".build/debian/nginx"
_SERVICE = "nodered"


@functools.cache
def _program() -> str:
    """nginx of Debian's package, which is unpacked and not installed: no service of the machine is to listen."""
    program = _KEPT / "usr/sbin/nginx"
    if not program.exists():
        _KEPT.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=_KEPT.parent) as directory:
            if subprocess.run(
                ["apt-get", "download", "nginx"], cwd=directory, capture_output=True, check=False
            ).returncode:
                subprocess.run(["apt-get", "update"], capture_output=True, check=True)
                subprocess.run(["apt-get", "download", "nginx"], cwd=directory, capture_output=True, check=True)
            (package,) = pathlib.Path(directory).glob("*.deb")
            subprocess.run(["dpkg", "--extract", str(package), f"{directory}/unpacked"], check=True)
            pathlib.Path(directory, "unpacked").rename(_KEPT)
    return str(program)


class Nginx:
    """One nginx in a directory that has cert.pem and key.pem.

    :param path: below which it leads to Node-RED
    :param port: of nginx
    :param target: the port of Node-RED
    """

    def __init__(self, directory: pathlib.Path, path: str, port: int, target: int) -> None:
        self._directory = directory / "nginx"
        self._directory.mkdir()
        pem = [(directory / name).read_text("utf-8") for name in ("cert.pem", "key.pem")]
        (self._directory / "server.pem").write_text("".join(pem), "utf-8")
        (self._directory / "site.conf").write_text(self._site(path, port, target), "utf-8")
        (self._directory / "nginx.conf").write_text(self._configuration(), "utf-8")
        self._process: subprocess.Popen[bytes] | None = None

    def _site(self, path: str, port: int, target: int) -> str:
        version = subprocess.run([_program(), "-v"], capture_output=True, text=True, check=True).stderr
        found = re.search(r"nginx/([\d.]+)", version)
        assert found, version
        options = {
            "path": path,
            "names": [],
            "ports": {"https": port, "http": 0},
            "hsts": 0,
            "others": [],
            "include": "",
        }
        facts = SiteFacts(_SERVICE, found[1], ipv6=False, names=["localhost"], port=target)
        text = site(DesiredProxy.from_options(options), facts)
        # As root has it on a host, but for the places.
        text = text.replace(proxy_certificate(_SERVICE), str(self._directory / "server.pem"))
        text = text.replace(nginx_log(_SERVICE), str(self._directory / "access.log"))
        return re.sub(r"(?m)^( +listen )(\d+)", r"\g<1>127.0.0.1:\2", text)

    def _configuration(self) -> str:
        here = self._directory
        kinds = ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
        temporary = "\n".join(f"    {kind}_temp_path {here}/{kind};" for kind in kinds)
        return f"""daemon off;
master_process off;
pid {here}/pid;
events {{}}
http {{
    access_log off;
{temporary}
    include {here}/site.conf;
}}
"""

    def start(self) -> None:
        if self._process is None:
            log = self._directory / "error.log"
            command = [
                _program(),
                "-e",
                str(log),
                "-p",
                str(self._directory),
                "-c",
                str(self._directory / "nginx.conf"),
            ]
            self._process = subprocess.Popen(command, stdin=subprocess.DEVNULL)

    def stop(self) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.wait()
