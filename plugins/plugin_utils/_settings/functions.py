# Copyright (c) 2026, the pifleet.nodered maintainers
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The JavaScript functions that settings.js gets, each from a file of its own beside this one."""

from __future__ import annotations

import json
import pathlib
import re

_BEGIN, _END = "const code = ", ";\n"


def _function(name: str) -> str:
    """The function expression of a file, which gives it a name so that the file is a program by itself."""
    program = pathlib.Path(__file__).with_name(f"{name}.js").read_text("utf-8")
    _comment, begin, expression = program.partition(f"\n{_BEGIN}")
    if not begin or not expression.endswith(_END):
        raise AssertionError(f"{name}.js does not consist of `{_BEGIN}...;`")
    return expression.removesuffix(_END)


#: Checks the login of httpNodeAuth for the other two; see `web_sockets`.
VERIFY_LOGIN = _function("verify_login")
#: The value of `webSocketNodeVerifyClient`.
VERIFY_CLIENT = _function("verify_client")
#: The value of `ioMiddleware` of a dashboard.
IO_MIDDLEWARE = _function("io_middleware")

#: What names a function of the login page, see `login_page`, and how every function above begins.
LOGIN_PAGE = re.compile(r"""require\(\s*["']\./nodelogin(?:-[\w.-]+)?/login\.js["']\s*\)\.(\w+)""", re.ASCII)
PREFIX = "function pifleet"
#: What names a function of single sign-on for the editor, see `sign_on`.
EDITOR_SIGN_ON = re.compile(r"""require\(\s*["']\./nodelogin(?:-[\w.-]+)?/oidc/editor\.js["']\s*\)\.(\w+)""", re.ASCII)

_HTTPS = [line.strip() for line in _function("https").splitlines()]
_RETURNED = "{ key: pem, cert: pem }"


def https(
    certificate: str,
    returned: str = _RETURNED,
    pem: str = "pem",
    gaps: tuple[str, str, str] | None = None,
) -> str:
    """The value of `https`.

    :param certificate: the name of the file with key and certificate in nodecerts
    :param returned: the object of TLS options that it returns, which has the key and the certificate from a constant
    :param pem: the name of that constant
    :param gaps: what stands before its first statement, before its second one, and behind that, where it is written around an
        object of the file, whose comments say enough; by default it has lines of its own, and says who wrote it
    """
    # What comes from the file is put in last: its comments may have a text of the template.
    head, who, read, give, end = _HTTPS
    read = read.replace("const pem", f"const {pem}").replace('"server.pem"', json.dumps(certificate))
    first, second, last = gaps or (f"\n    {who}\n    ", "\n    ", "\n")
    return f"{head}{first}{read}{second}{give.replace(_RETURNED, returned)}{last}{end}"
