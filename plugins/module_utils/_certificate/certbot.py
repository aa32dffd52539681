# Copyright (c) 2026, the pifleet.nodered maintainers
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Has certbot fetch a certificate from an ACME server (RFC 8555), and puts it in place for Node-RED, or for nginx in front.

What certbot has fetched stays in its own lineage. Only what was checked goes to the directory of the service's user, or to
that of nginx.
"""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import signal
import subprocess
import time
import typing as t

from ansible_collections.pifleet.nodered.plugins.module_utils._host import files
from ansible_collections.pifleet.nodered.plugins.module_utils._host.account import Account
from ansible_collections.pifleet.nodered.plugins.module_utils._host.errors import HostError
from ansible_collections.pifleet.nodered.plugins.module_utils._host.packages import installed_version
from ansible_collections.pifleet.nodered.plugins.module_utils._host.systemd import systemctl
from ansible_collections.pifleet.nodered.plugins.module_utils._host.transaction import Transaction
from ansible_collections.pifleet.nodered.plugins.module_utils._node_red.endpoints import endpoints
from ansible_collections.pifleet.nodered.plugins.module_utils._proxy import nginx
from ansible_collections.pifleet.nodered.plugins.module_utils._proxy.placement import Proxy
from ansible_collections.pifleet.nodered.plugins.module_utils._shared import certbot_hook, layout
from ansible_collections.pifleet.nodered.plugins.module_utils._shared.certbot_hook import (
    RUNNING,
    options_digest,
    reasons_to_fetch,
)
from ansible_collections.pifleet.nodered.plugins.module_utils._shared.certificate_source import pair
from ansible_collections.pifleet.nodered.plugins.module_utils._shared.layout import (
    challenge_directory,
    lineage_name,
    live_directory,
)
from ansible_collections.pifleet.nodered.plugins.module_utils._shared.redact import HIDDEN, redact

from . import certbot_lineage as acme
from .host_certificate import HostCertificate, fits, openssl

if t.TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from ansible_collections.pifleet.nodered.plugins.module_utils._node_red.unit import Unit
    from ansible_collections.pifleet.nodered.plugins.module_utils._shared.host_state import (
        AcmeResult,
        CertificateResult,
    )

_KEY_TYPES = {
    "ecdsa-p256": ["--key-type", "ecdsa", "--elliptic-curve", "secp256r1"],
    "rsa-2048": ["--key-type", "rsa", "--rsa-key-size", "2048"],
    "rsa-3072": ["--key-type", "rsa", "--rsa-key-size", "3072"],
    "rsa-4096": ["--key-type", "rsa", "--rsa-key-size", "4096"],
}
#: Seconds between two tries while certbot's own timer is at work, and that apt-get may wait for another one.
PAUSE = 3
APT_LOCK_TIMEOUT = 120
#: How many lines of certbot a failure shows.
LINES = 12
#: What certbot says in every failure.
_NOISE = re.compile(
    r"^(Saving debug log|Ask for help or search|See the logfile|Some challenges have failed|Account registered|"
    r"Requesting a certificate|Renewing an existing certificate|Hint:|- - -|\s*$)"
)
_BUSY = "Another instance of Certbot is already running"
LOG = "/var/log/letsencrypt/letsencrypt.log"
#: What the certbot of Debian 12 says instead of the server's own words, which its log has all the same.
_SWALLOWED = "AttributeError: can't set attribute"
_SERVERS_WORDS = re.compile(r"^acme\.messages\.Error: (.+)$", re.MULTILINE)
LOG_TAIL = 64 * 1024
#: What to do about a failure, by words of certbot or of the server: the first that is found counts.
_ADVICE = (
    (
        r"Could not bind to|Problem binding to port|port 80 .*in use",
        "Another program has port 80 of this host. Use the challenge webroot with that web server's directory, or a dns- one.",
    ),
    (
        r"rateLimited|too many (?:certificates|failed|new orders|registrations)",
        "Wait as long as the server says, and try with the server's directory for tests first.",
    ),
    (
        r"CERTIFICATE_VERIFY_FAILED|certificate verify failed",
        "The host does not trust the ACME server itself. Put the certificate of its authority into"
        " /usr/local/share/ca-certificates of the host as a .crt file and run update-ca-certificates.",
    ),
    (
        r"accountDoesNotExist|Account \S+ not found",
        "The server no longer knows the account of this host. Remove its directory below /etc/letsencrypt/accounts.",
    ),
    (
        r"externalAccountRequired|external account binding",
        "This server wants eab-kid and eab-hmac-key, which its operator hands out.",
    ),
    (
        r"NXDOMAIN|no such host|DNS problem|SERVFAIL|could not resolve",
        "The server must be able to resolve each name to this host.",
    ),
    (
        r"rejectedIdentifier|Cannot issue for|not end with a valid public suffix|policy",
        "This server does not sign such names. Name the host in a domain that you own.",
    ),
    (
        r"Requesting \S+: |Failed to establish a new connection|Max retries exceeded|Name or service not known|"
        r"Temporary failure in name resolution|Connection aborted|Read timed out",
        "The host cannot reach the directory of the ACME server.",
    ),
    (
        r"Timeout during connect|Fetching http|urn:ietf:params:acme:error:(?:connection|unauthorized)"
        r"|Type: +(?:connection|unauthor)",
        "The server must reach http://<name>/.well-known/acme-challenge/ on port 80 of this host under each name. Where it"
        " cannot, use a dns- challenge.",
    ),
)


class AcmeCertificate(HostCertificate):
    """Key and certificate of one Node-RED, from an ACME server.

    :param unit: its unit
    :param options: the options of the module host_acme
    :raises HostError: the host has no such service
    """

    def __init__(self, unit: Unit, options: Mapping[str, t.Any]) -> None:
        super().__init__(unit, options.get("key_type"), False, bool(options.get("proxy")))
        self.options = options
        self.digest = options_digest(options.get("webroot"), options.get("configuration"), options.get("credentials"))

    def fetch(self) -> AcmeResult:
        """Fetch a certificate where one is due, check it, and put it and the hook for its renewals in place.

        :returns: what was installed
        :raises HostError: certbot cannot be installed or gets no certificate, or it is not what was asked for
        """
        options = self.options
        with self.store.lock():
            self._install_programs()
            self._discard_broken()
            before = acme.read(self.unit.name)
            reasons = before and reasons_to_fetch(before, options["directory"], options["challenge"], self.digest)
            timer = self._enable_timer()
            force = bool(options["force"] or reasons)
            with self._way(fetches=force or not before), self._credentials():
                self._certonly(force)
                key, chain = self._checked()
            self.store.write(acme.RECORD, {"names": options["names"], "options": self.digest})
            result = self._put(key, chain)
            fetched = not before or before["chain"].encode() != chain
            return {
                "changed": fetched or timer or result["changed"],
                "chain": result["chain"],
                "path": result["path"],
                "transaction": result["transaction"],
                "fetched": fetched,
            }

    def remove(self) -> dict[str, bool]:
        """Take away the hook, so that certbot writes no more to the user's directory. The lineage stays."""
        path = acme.hook_file(self.unit.name)
        with self.store.lock():
            if files.read(path) is None:
                return {"changed": False}
            transaction = Transaction(self.store)
            if transaction.open:
                transaction.replace(path, None, 0, 0, 0)
            else:
                files.remove(path)
        return {"changed": True}

    def _install_programs(self) -> None:
        missing = [] if shutil.which("certbot") else ["certbot"]
        challenge = self.options["challenge"]
        # A certbot that is not Debian's finds its plugins elsewhere.
        if challenge.startswith("dns-") and (missing or installed_version("certbot")):
            package = f"python3-certbot-{challenge}"
            if not installed_version(package):
                missing.append(package)
        if not missing:
            return
        environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive", "LC_ALL": "C.UTF-8"}
        for arguments in (["update"], ["install", "--yes", "--no-install-recommends", *missing]):
            command = ["apt-get", "--quiet", "-o", f"DPkg::Lock::Timeout={APT_LOCK_TIMEOUT}", *arguments]
            try:
                run = subprocess.run(
                    command,
                    stdin=subprocess.DEVNULL,
                    capture_output=True,
                    text=True,
                    env=environment,
                    timeout=self.options["timeout"],
                    check=False,
                )
            except FileNotFoundError:
                raise HostError("This host has no apt-get. Install certbot yourself and run again.") from None
            except subprocess.TimeoutExpired:
                raise HostError(f"apt-get {arguments[0]} did not end in {self.options['timeout']} s.") from None
            # Some of several sources may be out of reach; the installation says whether that matters.
            if run.returncode != 0 and arguments[0] == "install":
                raise HostError(f"{' '.join(missing)} cannot be installed: {last_lines(run.stderr or run.stdout)}")

    def _discard_broken(self) -> None:
        """Remove what a killed certbot left of our lineage, because it would go on beside it under another name."""
        service = self.unit.name
        name = lineage_name(service)
        renewal, live = acme.renewal_file(service), live_directory(service)
        archive = os.path.join(layout.CERTBOT_DIRECTORY, "archive", name)
        lineage = acme.read(service)
        if lineage and lineage["key_matches"] and lineage["directory"]:
            return
        files.remove(renewal)
        for directory in (live, archive):
            with contextlib.suppress(FileNotFoundError):
                shutil.rmtree(directory)

    @contextlib.contextmanager
    def _way(self, fetches: bool) -> Iterator[None]:
        """Have nginx lead to what certbot puts up for the challenge, or leave port 80 to certbot.

        :param fetches: whether a certificate is due
        :raises HostError: nginx refuses its configuration as it then would be
        """
        proxy = Proxy(self.unit.name, lambda: {"active": self.unit.active, "endpoints": endpoints(self.unit)})
        webroot = challenge_directory(self.unit.name)
        if self.options.get("webroot") == webroot:
            os.makedirs(os.path.dirname(webroot), mode=0o755, exist_ok=True)
            # Whatever the umask of the run is, nginx has to read it.
            files.make_directory(webroot, 0o755, Account("root"))
        if self.options.get("site"):
            proxy.put_at_once(self.options["site"])
        elif (
            fetches
            and not self.proxy
            and self.options["challenge"] == "standalone"
            and nginx.site(self.unit.name) is not None
        ):
            # It goes in this run anyway.
            proxy.put_at_once(None)
        try:
            yield
        finally:
            lineage = acme.read(self.unit.name)
            if not lineage or lineage["challenge"] != "webroot":
                # No renewal needs it.
                with contextlib.suppress(OSError):
                    os.rmdir(webroot)

    @contextlib.contextmanager
    def _credentials(self) -> Iterator[None]:
        """Keep what a dns- challenge logs in with where certbot finds it at every renewal; as before on a failure."""
        path = acme.credentials_file(self.unit.name)
        before = files.read(path)
        content = self.options.get("credentials")
        desired = content.strip().encode() + b"\n" if content else None
        self._write_credentials(path, desired)
        try:
            yield
        except HostError:
            self._write_credentials(path, before)
            raise

    @staticmethod
    def _write_credentials(path: str, content: bytes | None) -> None:
        if content is None:
            files.remove(path)
        elif files.read(path) != content:
            os.makedirs(os.path.dirname(path), mode=0o755, exist_ok=True)
            files.replace(path, content, 0o600, 0, 0)

    def _certonly(self, force: bool) -> None:
        """Have certbot fetch a certificate, after its own timer where that is at work."""
        command, configuration = self._command(force), self._configuration_of_certbot()
        deadline = time.monotonic() + self.options["timeout"]
        while True:
            status, output = self._run(command, configuration, deadline)
            if status == 0:
                return
            if _BUSY not in output or time.monotonic() > deadline:
                raise self._failure(output)
            time.sleep(PAUSE)

    def _command(self, force: bool) -> list[str]:
        options = self.options
        challenge = options["challenge"]
        return [
            "certbot",
            "certonly",
            "--non-interactive",
            "--agree-tos",
            "--cert-name",
            lineage_name(self.unit.name),
            "--domains",
            ",".join(options["names"]),
            "--server",
            options["directory"],
            "--authenticator",
            challenge,
            *_KEY_TYPES[options["key_type"]],
            "--renew-with-new-domains",
            "--no-eff-email",
            *(["--force-renewal", "--break-my-certs"] if force else ["--keep-until-expiring"]),
            *(["--webroot-path", options["webroot"]] if challenge == "webroot" else []),
        ]

    def _configuration_of_certbot(self) -> str:
        """The options that may be secret, as certbot's configuration file has them."""
        options = self.options
        lines = [
            f'email = "{options["email"]}"' if options.get("email") else "register-unsafely-without-email = true",
            options.get("configuration") or "",
        ]
        if options.get("credentials"):
            lines.append(f'{options["challenge"]}-credentials = "{acme.credentials_file(self.unit.name)}"')
        return "\n".join(lines) + "\n"

    def _run(self, command: Sequence[str], configuration: str, deadline: float) -> tuple[int, str]:
        """Run certbot; what may be secret reaches it by a file that is on no disk and whose content no list shows."""
        descriptor = os.memfd_create("certbot.ini")
        with os.fdopen(descriptor, "wb") as stream:
            stream.write(configuration.encode())
            stream.flush()
            with subprocess.Popen(
                [*command, "--config", f"/proc/self/fd/{descriptor}"],
                pass_fds=[descriptor],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                env={**os.environ, "LC_ALL": "C.UTF-8", RUNNING: "1"},
            ) as process:
                try:
                    output, _none = process.communicate(timeout=max(1, deadline - time.monotonic()))
                except subprocess.TimeoutExpired:
                    # Certbot removes what it has put up for the challenge when it is told to end.
                    os.killpg(process.pid, signal.SIGTERM)
                    try:
                        process.communicate(timeout=10)
                    except subprocess.TimeoutExpired:
                        os.killpg(process.pid, signal.SIGKILL)
                        process.communicate()
                    raise HostError(f"certbot did not end in {self.options['timeout']} s. {self._stays()}") from None
        return process.returncode, output.decode("utf-8", "replace")

    def _failure(self, output: str) -> HostError:
        if _SWALLOWED in output:
            words = _SERVERS_WORDS.findall(_tail(LOG))
            output = words[-1] if words else output
        lines = self._without_secrets(last_lines(output))
        advice = next((f"{advice} " for pattern, advice in _ADVICE if re.search(pattern, output, re.IGNORECASE)), "")
        return HostError(f"certbot got no certificate: {lines} {advice}{self._stays()}")

    @staticmethod
    def _stays() -> str:
        return f"The certificate that was there is still in place. More is in {LOG}."

    def _without_secrets(self, string: str) -> str:
        for option in ("configuration", "credentials"):
            for line in (self.options.get(option) or "").splitlines():
                value = line.partition("=")[2].strip().strip("\"'")
                if len(value) > 3:
                    string = string.replace(value, HIDDEN)
        return redact(string)

    def _checked(self) -> tuple[bytes, bytes]:
        """Key and certificates of the lineage (PEM); HostError unless they are what was asked for."""
        live = live_directory(self.unit.name)
        key, chain = (files.read(os.path.join(live, name)) for name in ("privkey.pem", "fullchain.pem"))
        if not key or not chain:
            raise HostError(
                f"certbot ended without an error, but there is no certificate in {live}. Look for options of"
                f" certbot that keep it from fetching one, such as dry-run. {self._stays()}"
            )
        if not fits(key, chain):
            raise HostError(f"The key in {live} does not fit the certificate beside it. {self._stays()}")
        names = openssl(["x509", "-noout", "-ext", "subjectAltName"], chain).decode("utf-8", "replace").lower()
        covered = re.findall(r"dns:([^,\s]+)", names)
        missing = [name for name in self.options["names"] if name.lower() not in covered]
        if missing:
            raise HostError(f"The server's certificate lacks {', '.join(missing)}. {self._stays()}")
        try:
            openssl(["x509", "-noout", "-checkend", "0"], chain)
        except HostError:
            raise HostError(
                f"The certificate in {live} has expired, and certbot did not renew it. Is the clock of the host right?"
                f" {self._stays()}"
            ) from None
        return key, chain

    @staticmethod
    def _enable_timer() -> bool:
        """See that certbot renews by itself; returns whether that was switched on."""
        if acme.timer_enabled():
            return False
        try:
            systemctl("enable", "--now", "certbot.timer")
        except HostError as exc:
            raise HostError(
                f"The certbot of this host would not renew by itself: {exc} Use Debian's, whose package has a timer."
            ) from exc
        return True

    def _put(self, key: bytes, chain: bytes) -> CertificateResult:
        """Put key and certificates and the hook in place, in one transaction unless only the hook differs."""
        hook = certbot_hook.hook(self.unit.name, self.reader).encode()
        path = acme.hook_file(self.unit.name)
        os.makedirs(os.path.dirname(path), mode=0o755, exist_ok=True)
        other_hook = files.read(path) != hook
        transaction = Transaction(self.store)
        result: CertificateResult = {
            "changed": other_hook or transaction.open,
            "chain": chain.decode("ascii"),
            "path": self.path,
            "transaction": transaction.identifier or "",
        }
        if files.read(self.path, self.place.account) != pair(key, chain):
            result = self._place(key, chain)
            transaction = Transaction(self.store)
        if other_hook and transaction.open:
            transaction.replace(path, hook, 0o755, 0, 0)
        elif other_hook:
            files.replace(path, hook, 0o755, 0, 0)
        return result


def _tail(path: str) -> str:
    try:
        with open(path, "rb") as stream:
            stream.seek(max(0, os.fstat(stream.fileno()).st_size - LOG_TAIL))
            return stream.read().decode("utf-8", "replace")
    except OSError:
        return ""


def last_lines(output: str) -> str:
    """The last lines of what a program prints, in one, without what certbot says in every failure."""
    lines = [" ".join(line.split()) for line in output.splitlines() if not _NOISE.match(line)]
    return " ".join(lines[-LINES:])
