# Copyright (c) 2026, the pifleet.nodered maintainers
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""How modules are told which Node-RED is meant, and where files of this collection lie on a host."""

from __future__ import annotations

import hashlib
import os
import re
import typing as t

#: How every module of this collection is told which Node-RED is meant.
HOST_ARGUMENTS: dict[str, dict[str, t.Any]] = {
    "service": {"type": "str", "default": "nodered"},
    "user": {"type": "str"},
    "user_dir": {"type": "path"},
    "settings_path": {"type": "path"},
}

#: The options by which the modules of a host that change it are told of which run they are, see `_host.runs.Run`.
RUN_ARGUMENTS: dict[str, dict[str, t.Any]] = {"run": {"type": "str"}, "run_seen": {"type": "str"}}

#: Seconds to wait for another run that works on the same service.
LOCK_TIMEOUT = 60

#: Where keys and certificates lie, below the directory of the settings file.
CERTIFICATE_DIRECTORY = "nodecerts"

#: Where the login page lies, below the same directory, and of its files the sessions, which only Node-RED itself writes, the
#: data, and what settings.js names.
LOGIN_DIRECTORY = "nodelogin"
LOGIN_SESSIONS = "sessions.json"
LOGIN_DATA = "login.json"
LOGIN_PROGRAM = "login.js"
#: What the paths of its files of single sign-on begin with; the program that settings.js names, the authority of a provider
#: that has its own, and the logins to the editor, which only Node-RED itself writes.
SIGN_ON = "oidc/"
SIGN_ON_PROGRAM = "oidc/editor.js"
SIGN_ON_AUTHORITY = "oidc/authority.pem"
SIGN_ON_SESSIONS = "oidc/editor_sessions.json"

#: What the service is given besides its unit: a drop-in file, and an environment file that the drop-in names.
DROP_IN = "/etc/systemd/system/%s.d/50-pifleet.conf"

ENVIRONMENT_FILE = "/etc/systemd/system/%s.d/50-pifleet.environment"

#: Where the administrator's units lie.
UNIT_DIRECTORY = "/etc/systemd/system"

#: The root-only directory of this collection's records, kept files and locks, one below it for each service.
STORE_DIRECTORY = "/var/lib/pifleet-nodered"

#: In there, how settings.js was before it was edited first.
ORIGIN = "origin.json"

#: The service of Debian's nginx.
NGINX_UNIT = "nginx.service"

#: Where Debian's nginx has its configuration, and the files that it reads as sites.
NGINX_DIRECTORY = "/etc/nginx"
NGINX_SITES = "/etc/nginx/sites-enabled"

#: What nginx reads beside its configuration: keys, certificates and authorities, a directory below it for each service.
PROXY_DIRECTORY = "/etc/pifleet-nodered"

#: The Python of Debian, which is there as long as the host is.
PYTHON = "/usr/bin/python3"

#: Where certbot keeps everything.
CERTBOT_DIRECTORY = "/etc/letsencrypt"


def certificate_file(settings_path: str) -> str:
    """The file with private key, certificate and intermediate certificates, relative to the settings file.

    One file, because it is replaced in one rename and read by one call, so that nobody ever sees a key beside a
    certificate that it does not fit. One for each settings file of a directory: several services may share one.

    :param settings_path: the path of the settings file, or its name
    :returns: "nodecerts/server.pem" for settings.js, "nodecerts/server-NAME.pem" for NAME.js
    """
    name = _plain_name(settings_path)
    return os.path.join(CERTIFICATE_DIRECTORY, "server.pem" if name == "settings" else f"server-{name}.pem")


def login_directory(settings_path: str) -> str:
    """The directory of the login page, beside the settings file.

    :param settings_path: the path of the settings file, or its name
    :returns: "nodelogin" for settings.js, "nodelogin-NAME" for NAME.js: several services may share a directory
    """
    name = _plain_name(settings_path)
    return LOGIN_DIRECTORY if name == "settings" else f"{LOGIN_DIRECTORY}-{name}"


def _plain_name(settings_path: str) -> str:
    """The name of a settings file without its suffix, or a checksum where that could stand in no path or text."""
    name = os.path.basename(settings_path).removesuffix(".js")
    if re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]{0,60}", name):
        return name
    return hashlib.sha256(name.encode("utf-8", "surrogatepass")).hexdigest()[:16]


def lineage_name(service: str) -> str:
    """The name of the lineage, which is part of file names, some of which certbot hands to a shell.

    :param service: the name of the service, with or without its suffix
    """
    return "pifleet-" + re.sub(r"[^\w.@-]", "_", service.removesuffix(".service"), flags=re.ASCII)


def live_directory(service: str) -> str:
    """Where certbot puts the key and the newest certificates.

    :param service: the name of the service, with or without its suffix
    """
    return os.path.join(CERTBOT_DIRECTORY, "live", lineage_name(service))


def store_directory(service: str) -> str:
    """The root-only directory of a service.

    :param service: the name of the service, with or without its suffix
    """
    return os.path.join(STORE_DIRECTORY, service.removesuffix(".service"))


def nginx_site(service: str) -> str:
    """The file by which nginx knows the Node-RED of a service.

    It is the last one that nginx reads, so that the site that answers to unknown names stays the one that did so before. And
    it is no link to a file elsewhere: one that leads nowhere, after a power failure, would keep nginx from starting.

    :param service: the name of the service, with or without its suffix
    """
    return os.path.join(NGINX_SITES, f"zz-{lineage_name(service)}.conf")


def nginx_log(service: str) -> str:
    """The log of that site.

    :param service: the name of the service, with or without its suffix
    """
    return f"/var/log/nginx/{lineage_name(service)}.log"


def proxy_directory(service: str) -> str:
    """The root-only directory of what nginx reads for a service beside its site.

    :param service: the name of the service, with or without its suffix
    """
    return os.path.join(PROXY_DIRECTORY, service.removesuffix(".service"))


def proxy_certificate(service: str) -> str:
    """The file with the private key and the certificates that nginx shows for a service.

    :param service: the name of the service, with or without its suffix
    """
    return os.path.join(proxy_directory(service), "server.pem")


def proxy_authorities(service: str) -> str:
    """The file with the authorities of the Node-REDs of other hosts that nginx leads to.

    :param service: the name of the service, with or without its suffix
    """
    return os.path.join(proxy_directory(service), "authorities.pem")


def challenge_directory(service: str) -> str:
    """Where certbot puts what an ACME server asks nginx for on port 80.

    :param service: the name of the service, with or without its suffix
    """
    return f"/var/lib/letsencrypt/{lineage_name(service)}"


class Reader(t.NamedTuple):
    """Who reads the key and the certificates of a service."""

    #: The file with both.
    path: str
    #: The user whose rights it is written with, and the name of that user's primary group.
    user: str
    group: str
    #: The unit of systemd that has to be told to read the file anew; empty where the service looks by itself.
    unit: str = ""

    @classmethod
    def nginx(cls, service: str) -> Reader:
        """The nginx in front of a service.

        :param service: the name of the service, with or without its suffix
        """
        return cls(proxy_certificate(service), "root", "root", NGINX_UNIT)


def is_of_proxy(path: str) -> bool:
    """Whether nginx has to read its configuration anew after this file was replaced."""
    return path.startswith((f"{NGINX_DIRECTORY}/", f"{PROXY_DIRECTORY}/"))


def in_unit_file(text: str) -> str:
    """The same in a unit file: a percent sign begins a specifier there, and a backslash an escape."""
    return text.replace("\\", "\\\\").replace("%", "%%")
