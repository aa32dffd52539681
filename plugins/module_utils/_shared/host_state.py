# Copyright (c) 2026, the pifleet.nodered maintainers
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The shape of the data that a host and the control node exchange, and of the records that a host keeps.

Everything here is JSON: bytes stand in it as Base64, checksums and fingerprints are SHA-256 as lower-case hex, and paths
are absolute paths of the host. A test holds `HostState` and the results against the RETURN documentation of the modules.
The host's code imports this for type checkers only, so that it costs no time there. The control node holds each answer of
a host against these types (`_action/answers.py`): a key that is not here is dropped, and a value that is larger or of
another form fails that host.
"""

from __future__ import annotations

import typing as t


class Text(t.NamedTuple):
    """What a string must be."""

    #: The most characters.
    size: int
    #: A regular expression for the whole of it; empty for any.
    form: str = ""


class Range(t.NamedTuple):
    """Between what a number must be, both included."""

    low: int
    high: int


# What strings and numbers are used for. A plain `str` has at most 4096 characters.

Sha256 = t.Annotated[str, Text(64, "[0-9a-f]{64}")]
#: A SHA-256, or the empty string where there is no file.
Checksum = t.Annotated[str, Text(64, "(?:[0-9a-f]{64})?")]
Mode = t.Annotated[str, Text(4, "0[0-7]{3}")]
Path = t.Annotated[str, Text(4096, r"/[^\0]*")]
#: Of a user, a group, a host, a unit, or a file without its directory.
Name = t.Annotated[str, Text(255, r"[^\0/]*")]
#: A DNS name, or an IP address, an IPv6 one in brackets.
HostName = t.Annotated[str, Text(255, r"[A-Za-z0-9._:\[\]-]{1,255}")]
UrlPath = t.Annotated[str, Text(1001, r"/[A-Za-z0-9._~/-]*")]
Address = t.Annotated[str, Text(45, r"[0-9a-fA-F:.]{2,45}")]
Port = t.Annotated[int, Range(0, 0xFFFF)]
#: Of a transaction: the time of its begin in UTC and the process that began it, "20260102T030405Z-678".
Identifier = t.Annotated[str, Text(32, "[0-9]{8}T[0-9]{6}Z-[0-9]{1,10}")]
#: A user or group id; 0xFFFFFFFF means none.
Id = t.Annotated[int, Range(0, 0xFFFFFFFE)]
#: In seconds, since 1970 or between two moments.
Seconds = t.Annotated[int, Range(0, 1 << 40)]
#: A version of a package, such as 4.1.2, 18.20.4 or 5.0.0-beta.1.
Version = t.Annotated[str, Text(64, r"[0-9]{1,6}(?:\.[0-9]{1,6}){1,2}(?:[-+.~][0-9A-Za-z.+~-]*)?")]
#: PEM of keys and certificates: what fits into a file of 64 KiB.
Pem = t.Annotated[str, Text(1 << 16)]
#: Base64 of a file of at most 1 MiB.
Content = t.Annotated[str, Text(1398104, "(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?")]
#: One sentence or two.
Sentence = t.Annotated[str, Text(16384)]
#: A file of at most 1 MiB, as it is.
Lines = t.Annotated[str, Text(1 << 20)]

# What several of them have


class FileStatus(t.TypedDict):
    """Mode and ownership of a file or a directory."""

    #: Four octal digits, never with a set-user-ID, set-group-ID or sticky bit: "0600".
    mode: Mode
    uid: Id
    gid: Id
    #: The name of the user, or its id as a string where it has none.
    owner: Name
    #: The name of the group, or its id as a string where it has none.
    group: Name


class _EndpointState(t.TypedDict):
    #: The IP address that was connected to.
    address: Address
    port: Port
    tls: bool
    #: SHA-256 of the DER bytes of the certificate that is served; None without TLS.
    certificate: Sha256 | None
    #: Whether it answers HTTP in plain; None where it speaks TLS, because then it was not asked.
    http: bool | None
    #: What /auth/login says: "credentials", "strategy", "" for an open editor; None where it is not Node-RED's.
    login: Name | None
    #: The HTTP status of /settings; None where there was no answer.
    settings_status: t.Annotated[int, Range(0, 999)] | None


class EndpointState(_EndpointState, total=False):
    """What an anonymous client gets from one address and port."""

    #: The name that nginx was asked for, where it is nginx that answers.
    name: HostName


# The proof


class ProxyExpected(t.TypedDict):
    """The nginx in front of a Node-RED, as it has to answer."""

    #: The name that it is asked for: a DNS name, or an IP address as a URL has it.
    name: HostName
    #: The port that speaks TLS.
    https: Port
    #: The port that leads to the other; 0 for none.
    http: Port
    #: The path below which it leads to Node-RED: "/" or "/kitchen".
    path: UrlPath
    #: The port of Node-RED.
    port: Port


class _Expected(t.TypedDict):
    #: The IP address to connect to.
    address: Address
    port: Port
    tls: bool
    #: Seconds between two looks of Node-RED for a renewed certificate; 0 where it never looks.
    refresh: t.Annotated[float, Range(0, 1 << 40)]
    #: The key userDir of the settings; None where they have none.
    user_dir: Path | None
    #: SHA-256 of the DER bytes of the certificate that must be served; None for any.
    certificate: Sha256 | None
    #: The path below which the editor and its API are; None where they are switched off.
    admin_root: str | None
    #: The path below which the flows answer HTTP; None where they do not.
    node_root: str | None
    #: Whether the editor asks for a login (adminAuth).
    auth: bool
    #: Whether users who are not logged in may see the editor (adminAuth.default).
    anonymous: bool
    #: Whether the flows ask for a login (httpNodeAuth).
    node_auth: bool
    #: The paths of static files that ask for a login of their own: httpStaticAuth, or the login page beside httpNodeRoot.
    static: list[str]
    #: SHA-256 of the settings file.
    settings: Checksum


class Expected(_Expected, total=False):
    """What a running server must answer for its state to be proved, as Node.js found it in the settings."""

    #: Whether TLS turns away everybody who shows no client certificate, so that nothing behind it can be proved.
    client_certificate: bool
    #: The nginx in front of it, which then shows `certificate`; None where the server itself answers the network.
    proxy: ProxyExpected | None
    #: Whether the flows ask for the login page of this collection.
    login_page: bool
    #: Whether the editor leads those elsewhere who do not come by https.
    require_https: bool


class Proof(t.TypedDict):
    """A state that was proved."""

    expected: Expected
    #: SHA-256 of the settings file.
    settings: Checksum


class CommittedProof(Proof):
    """The record proved.json: the last state that was proved and is not to be undone any more."""

    #: The transaction that led to it; None where nothing had been replaced.
    transaction: Name | None


class ProofState(CommittedProof):
    """The last proof, held against the running server."""

    #: What is not as expected any more, a phrase each; empty where all is.
    failures: list[str]


class Requirements(t.TypedDict, total=False):
    """What the control node demands of a state, beside what Node.js finds in the settings."""

    #: The server must speak TLS.
    tls: bool
    #: The editor must ask for a login.
    auth: bool
    #: nginx must be in front of the server, which must listen on the loopback address alone.
    proxy: bool
    #: The flows must ask for the login page.
    login_page: bool
    #: SHA-256 of the DER bytes of the certificate that must be served; None for any.
    certificate: str | None


# The transaction


class EffectiveSettings(t.TypedDict):
    """The values of a settings file from which the proof of a server follows, with Node-RED's defaults filled in."""

    #: uiPort as the file has it; it need not be a number.
    port: int | str
    #: uiHost.
    host: str
    tls: bool
    #: Seconds between two looks for a renewed certificate; 0 where Node-RED never looks.
    refresh: float
    #: Whether https wants a client certificate, as far as it was called.
    client_certificate: bool
    user_dir: str | None
    #: httpAdminRoot; False switches the editor and its API off.
    admin_root: str | t.Literal[False]
    #: httpNodeRoot; False keeps the flows from answering HTTP.
    node_root: str | t.Literal[False]
    auth: bool
    anonymous: bool
    node_auth: bool
    #: Whether the flows ask for the login page of this collection.
    login_page: bool
    #: Whether requireHttps is true.
    require_https: bool
    static: list[str]


class CredentialsSource(t.TypedDict):
    """A copy that is to take the place of a credentials file."""

    path: str
    #: Whether it lies in the root-only store, so that root reads it; else the user of the service does.
    in_store: bool


class CredentialsPlan(t.TypedDict):
    """What the next restart is to do with the credentials of flows."""

    #: What all files are to be encrypted with; None leaves them as they are.
    secret: str | None
    #: Other secrets that may decrypt the files now.
    keys: list[str]
    #: Names of files for which one of them must be right, or everything goes back.
    required: list[str]
    #: By the name of a file, the copy that takes its place.
    sources: dict[str, CredentialsSource]


class LoginPlan(t.TypedDict):
    """What the next restart is to do with the login page."""

    #: Whether its directory goes, with its sessions.
    removed: bool
    #: The files of single sign-on that go, by their paths below the directory; with its program all of them, and its sessions.
    #: Left out by earlier releases.
    stale: t.NotRequired[list[str]]
    #: Users of it whose sessions end; "*" stands for all.
    revoke: list[str]
    #: Whether somebody gets in no more who did before.
    narrowed: bool


class RestartPlan(t.TypedDict):
    """What the next restart is to do beside starting the service."""

    #: Users of the editor whose sessions end; "*" stands for all.
    revoke: list[str]
    #: Seconds after which all other sessions end at the latest; None lets them last as long as they would.
    session_expiry: int | None
    credentials: CredentialsPlan | None
    #: Left out by earlier releases.
    login: t.NotRequired[LoginPlan]


class ServiceBefore(t.TypedDict):
    """How the service was before a transaction."""

    active: bool
    endpoints: list[EndpointState]


class SiteAnswer(t.TypedDict):
    """What nginx answers on one of its ports, to one name."""

    port: int
    #: Empty for a client that names none.
    name: str
    tls: bool
    #: SHA-256 of the DER bytes of the certificate; None without TLS.
    certificate: str | None
    #: The HTTP status of / and its header Location; None where there was no answer.
    status: int | None
    location: str | None


class NginxBefore(t.TypedDict):
    """How nginx was before a transaction that has replaced one of its sites."""

    active: bool
    #: Whether it started with the host.
    enabled: bool
    #: What its other sites answered; empty where it did not run.
    sites: list[SiteAnswer]


class MadeDirectory(t.TypedDict):
    """A directory that a transaction has made."""

    path: str
    #: The name of the user with whose rights it was made.
    user: str


class ReplacedFile(t.TypedDict):
    """A file that a transaction has replaced, made or removed."""

    path: str
    #: The name of the user with whose rights it was replaced; None for root's own.
    user: str | None
    #: Where the former file is kept, relative to the store; None where there was none.
    backup: str | None
    #: Of the former file; None where there was none.
    status: FileStatus | None
    #: SHA-256 of what was written last; empty where the file was removed.
    written: str


class TransactionRecord(RestartPlan):
    """The record transaction.json: what was replaced since the last proof, by what, and what is still to be done."""

    #: The time of its begin in UTC and the process that began it: "20260102T030405Z-678".
    id: str
    before: ServiceBefore
    directories: list[MadeDirectory]
    files: list[ReplacedFile]
    #: What Node.js found in the settings file with the checksum `settings`.
    effective: EffectiveSettings | None
    #: SHA-256 of the new settings file; None where it was not replaced.
    settings: str | None
    #: Whether the service was stopped or started since the transaction began.
    restarted: bool
    #: What the host has proved already, while only the control node's word is missing.
    proof: Proof | None
    #: With the proof, for whoever finishes it should that word never come: how the host is to watch it, None for not at all;
    #: and the user of the editor whose login the word was to be about, None where it was proved or nobody's is to be.
    watch: t.NotRequired[WatchPlan | None]
    username: t.NotRequired[str | None]
    #: The state that it has brought back, if it is one of `restore`.
    restored: t.NotRequired[Identifier | None]
    #: How nginx was, where one of its sites was replaced.
    nginx: t.NotRequired[NginxBefore]


class WatchPlan(t.TypedDict):
    """How a host watches whether a change lasts, and what it needs to go back by itself."""

    minutes: int
    #: How often systemd had started the service anew before.
    restarts: int
    #: As in `Service`.
    timeout: int
    stable: int
    #: As in `Unit`.
    user: str | None
    user_dir: str | None
    settings_path: str | None


class WatchedRecord(t.TypedDict):
    """The record watched.json: a transaction that was proved and can still be undone."""

    transaction: TransactionRecord
    #: What had been proved before; None where nothing had.
    former: CommittedProof | None
    plan: WatchPlan


#: Node-RED has ended by itself; the host was started in the middle of a run.
Cause: t.TypeAlias = t.Literal["ended", "interrupted"]
#: The files are back; they are not, because more people could enter than before; they could not be put back.
Outcome: t.TypeAlias = t.Literal["back", "closed", "failed"]


class WayBack(t.TypedDict):
    """The record went_back.json: what a host has done by itself since a run had changed it."""

    #: The transaction that was undone.
    transaction: Name
    #: When, in seconds since 1970-01-01 UTC.
    clock: Seconds
    cause: Cause
    outcome: Outcome


# What host_info returns


class HostIdentity(t.TypedDict):
    """What a host says of itself."""

    #: Without a domain.
    hostname: Name
    #: The same as `hostname` where the host knows no domain.
    fqdn: Name
    #: Seconds since 1970-01-01 UTC, by the host's clock.
    clock: Seconds
    #: Lasting IP addresses, without loopback and link-local ones.
    addresses: list[Address]


class ServiceState(t.TypedDict):
    """The systemd unit of Node-RED."""

    #: With its suffix: "nodered.service".
    name: Name
    exists: bool
    active: bool
    #: Whether it starts with the host.
    enabled: bool
    #: Whether systemd has not read its files yet.
    reload_needed: bool
    #: The environment files that the unit names.
    environment_files: list[Path]
    #: The content of this collection's drop-in file; None where there is none.
    drop_in: Lines | None
    #: The content of this collection's environment file; None where there is none.
    environment: Lines | None


class UserState(t.TypedDict):
    """The user that runs Node-RED."""

    name: Name
    #: The name of its primary group.
    group: Name
    home: Path
    uid: Id
    gid: Id


class NodeState(t.TypedDict):
    """The Node.js that the service starts; None for what is not known."""

    path: Path | None
    version: Version | None


#: What starts Node-RED somewhere else than in the service itself, or as another user.
Manager: t.TypeAlias = t.Literal["docker", "podman", "pm2", "snap", "another user"]


class NodeRedState(t.TypedDict):
    """The Node-RED that the service starts; None for what is not known."""

    path: Path | None
    version: Version | None
    #: The range of Node.js versions that its package.json names.
    node: str | None
    #: What the service starts in its place; None where it starts Node-RED itself.
    manager: Manager | None


class OtherNodeRed(t.TypedDict):
    """A Node-RED that runs on the host, and that is not the service."""

    by: t.Literal["docker", "podman", "container", "user", "pm2", "snap", "service", "hand"]
    #: Of the container, the snap or the service; empty where somebody has started it by hand. People copy it.
    name: t.Annotated[str, Text(255, r"[\w@.:\\-]*")]
    #: Who it runs as.
    user: Name


class Override(t.TypedDict):
    """A setting that the command line or the environment sets, whatever settings.js says."""

    #: The keys of the setting, outermost first; empty where it may be any.
    path: list[str]
    #: The option or the variable that sets it, without its value.
    by: str


class UserDirState(t.TypedDict):
    """The userDir of Node-RED."""

    #: None where there is no service.
    path: Path | None
    status: FileStatus | None


class SettingsState(t.TypedDict):
    """The settings file."""

    #: None where there is no service.
    path: Path | None
    #: Whether Node-RED loads this file; None where a script between them hides it.
    in_use: bool | None
    #: Whether the path is only where Node-RED would look: a script hides what it is told, and no option says it.
    guessed: bool
    status: FileStatus | None
    #: SHA-256 of the content; empty where there is no file.
    sha256: Checksum
    #: Base64; None where there is no file.
    content: Content | None
    #: The file that the installed Node-RED ships, in Base64; only where there is no settings file.
    stock: Content | None


#: What is written there is gone after the next start; cannot be written; has no owner and no mode; there is no room; it is
#: immutable (chattr).
DiskProblem: t.TypeAlias = t.Literal["temporary", "read-only", "without owners", "full", "unchangeable"]


class WrittenSetting(t.TypedDict):
    """A setting that this collection has written."""

    #: Its keys, outermost first.
    path: list[Name]
    #: The JavaScript of its value before it was written first; None where the file had none.
    before: Lines | None
    #: SHA-256 of the JavaScript that was written last; empty where the setting was taken away.
    now: Checksum


class OriginState(t.TypedDict):
    """How settings.js was before this collection edited it."""

    #: Whether nobody else has edited it since, so that it can come back byte by byte.
    unbroken: bool
    #: What was written, in the order in which it was written first.
    written: list[WrittenSetting]


class OriginRecord(t.TypedDict):
    """What a host keeps of that."""

    #: The file in Base64; None where there was none.
    settings: Content | None
    status: FileStatus | None
    #: SHA-256 of the file as it was written last.
    last: Sha256
    #: Whether each edit began with what the one before had written.
    unbroken: bool
    written: list[WrittenSetting]


class FoundRecord(t.TypedDict):
    """What a host keeps of how it was that no transaction puts back."""

    #: Whether the service started with the host.
    enabled: bool
    #: By their paths, the modes of files and directories before and after rights of other users were taken away.
    modes: dict[Path, list[Mode]]


class DiskState(t.TypedDict):
    """A place on a file system that no secret, or no change, can be kept on."""

    path: Path
    #: Its type, as the kernel names it: "vfat".
    filesystem: Name
    problem: DiskProblem


class CertificateState(t.TypedDict):
    """The file with the private key and the certificates of the server."""

    #: Also where the file does not exist; None where there is no service.
    path: Path | None
    status: FileStatus | None
    #: The certificates in PEM, that of the server first; None where there is no file.
    chain: Pem | None
    #: Whether a private key is in the file.
    key: bool
    key_encrypted: bool
    #: Whether the private key belongs to the first certificate; None where there is no file.
    key_matches: bool | None
    #: SHA-256 of the content; empty where there is no file.
    sha256: Checksum


class LoginPageState(t.TypedDict):
    """The directory of the login page."""

    #: Also where it does not exist; None where there is no service.
    path: Path | None
    #: SHA-256 of each file by its path below the directory, without sessions; empty where one cannot be read.
    files: dict[t.Annotated[str, Text(255)], Checksum]
    #: The content of login.json; None where there is none.
    data: Lines | None
    #: Which of all that other users of the host may read or write.
    exposed: list[Path]


class GeneratedSecret(t.TypedDict):
    """The credential secret that Node-RED has made itself."""

    #: The name of the file in the userDir that holds it.
    file: Name
    secret: str


class EncryptedFile(t.TypedDict):
    """What a file of credentials is, and how it begins."""

    kind: t.Literal["encrypted", "plain", "damaged"]
    #: Whether there are no credentials in it.
    empty: bool
    #: The initialization vector in hex; empty where nothing is encrypted.
    iv: str
    #: The first bytes of what is encrypted, in Base64.
    head: str
    #: How many bytes are encrypted.
    size: t.Annotated[int, Range(0, 1 << 40)]


class CredentialsFile(EncryptedFile):
    """A file of credentials in the userDir."""

    #: Without a directory.
    name: str


class CredentialsState(t.TypedDict):
    """What tells which secret decrypts the credentials of flows."""

    #: The active project; None where there is none.
    project: str | None
    #: The file of flows that the command line names; None where it names none.
    flow_file: str | None
    #: The name of the file of flows where neither the command line nor the settings name one.
    default_flow_file: str
    generated: GeneratedSecret | None
    files: list[CredentialsFile]
    #: Secrets that an open transaction is to decrypt the files with.
    pending: list[str]


class LineageState(t.TypedDict):
    """What certbot keeps for the service."""

    #: The name of the lineage.
    name: Name
    #: The DNS names that were asked for.
    names: list[str]
    #: The certificates in PEM; empty where there are none.
    chain: Pem
    key_matches: bool
    #: The address of the server's directory; empty where it is not known.
    directory: str
    #: How a renewal is proved: "standalone", "webroot", "dns-...".
    challenge: str
    #: SHA-256 that stands for certbot's other options.
    options: Name
    #: SHA-256 of the hook that hands on renewals; empty where there is none.
    hook: Checksum
    #: Whether certbot renews by itself.
    timer: bool


class SourceState(t.TypedDict):
    """A private key and its certificates that something else on the host renews."""

    #: The path of the key, as it is asked for or followed.
    key: Path
    #: The path of the certificates.
    chain: Path
    #: Why they cannot be used, as a sentence; empty where they can.
    problem: Sentence
    #: The certificates in PEM, that of the server first; empty where they cannot be used.
    certificates: Pem
    #: SHA-256 of what the copy is to be; empty where they cannot be used.
    sha256: Checksum


class FollowerState(t.TypedDict):
    """What copies them after each renewal."""

    #: SHA-256 that stands for all of its files.
    sha256: Sha256
    #: Whether systemd watches the files.
    active: bool


class Listener(t.TypedDict):
    """A program that listens on a port that nginx is to have."""

    address: Address
    port: Port
    #: As the kernel knows it: "apache2"; empty where it cannot be told.
    program: Name


#: How each setting that a proxy changes stood in settings.js before: its JavaScript, None where it was not there.
DirectSettings: t.TypeAlias = dict[Name, Lines | None]


class ProxyState(t.TypedDict):
    """The nginx of a host, and its site for the service."""

    #: Of Debian's package; None where it is not installed.
    version: Version | None
    #: Whether it runs.
    active: bool
    #: Whether it starts with the host.
    enabled: bool
    #: The content of the site; None where there is none.
    site: Lines | None
    #: The certificates of authorities in PEM that it trusts for other hosts; empty without.
    authorities: Pem
    #: Whether the host has IPv6.
    ipv6: bool
    #: What else than nginx and the service listens on the ports that were asked for.
    listeners: list[Listener]
    #: None where the service had no proxy yet.
    direct: DirectSettings | None
    #: What nginx says of its configuration that concerns the site, a line each; only for an audit.
    complaints: list[Sentence]


class TransactionState(t.TypedDict):
    """The transaction that a former run has left open."""

    id: Name


class SessionState(t.TypedDict):
    """A login of the editor that has not ended."""

    user: str
    #: The rights of the login; None where the file has neither a string nor a list.
    scope: str | list[str] | None


class SudoRule(t.TypedDict):
    """A file with a rule of sudo that lets the user of the service run any command as root."""

    file: Path
    #: Whether each of these rules asks for a password.
    password: bool


class RootRights(t.TypedDict):
    """What lets the user of the service become root."""

    #: Its groups that do so.
    groups: list[Name]
    sudo: list[SudoRule]


class AuditDetails(t.TypedDict):
    """What only an audit wants to know."""

    #: Of the unit, in octal digits: "0022".
    umask: t.Annotated[str, Text(4, "[0-7]{0,4}")]
    no_new_privileges: bool
    root_rights: RootRights
    #: The version of Debian's package of Node.js, with its revision; None where it is not installed.
    node_package: str | None
    #: Address and port of each TCP endpoint that the service listens on.
    listening: list[list[str | int]]
    #: By the name of a file of flows, the kinds of nodes in it that listen to anonymous clients.
    flows: dict[str, list[str]]
    sessions: list[SessionState]


class DependentsState(t.TypedDict):
    """Who depends on a server that speaks plain HTTP: at most 100 of each."""

    port: Port
    #: The remote addresses of connections that are established.
    clients: list[Address]
    #: By the name of a file of flows, what the nodes are called that call the server itself.
    calls: dict[Name, list[t.Annotated[str, Text(100)]]]
    #: The same of nodes that write files which other users of the host may read.
    writers: dict[Name, list[t.Annotated[str, Text(100)]]]


class HostState(t.TypedDict):
    """What one visit of host_info reads of a host."""

    host: HostIdentity
    service: ServiceState
    #: None where there is no service.
    user: UserState | None
    node: NodeState
    node_red: NodeRedState
    #: Only where the service starts no Node-RED.
    elsewhere: list[OtherNodeRed]
    overrides: list[Override]
    user_dir: UserDirState
    settings: SettingsState
    #: None where this collection has never edited them.
    origin: OriginState | None
    #: Only places with a problem.
    disks: list[DiskState]
    certificate: CertificateState
    login_page: LoginPageState
    #: None where there is no service.
    credentials: CredentialsState | None
    #: None where certbot keeps nothing for the service.
    acme: LineageState | None
    #: None where no certificate of the host's own is asked for or followed.
    source: SourceState | None
    #: None where nothing follows one.
    follower: FollowerState | None
    #: None where no proxy is asked for, and none is there.
    proxy: ProxyState | None
    #: Paths below the userDir that hold secrets and that other users of the host may read.
    exposed: list[str]
    #: What the running server shows, where it was never proved.
    endpoints: list[EndpointState]
    #: None where it was not asked for, and where no server speaks plain HTTP.
    dependents: DependentsState | None
    #: None where nothing was proved yet.
    proof: ProofState | None
    #: None where no transaction is open.
    transaction: TransactionState | None
    #: None where the host has not gone back by itself since the last change.
    went_back: WayBack | None
    #: The run that has worked on the service last; None where none has.
    last_run: Name | None
    #: Whether a run still worked on it when all this was read.
    busy: bool
    #: None where they were not asked for, or where there is no service.
    details: AuditDetails | None


# What the other modules of the host return; each also says in `changed` whether it changed the host


class ModuleResult(t.TypedDict):
    """What every module returns."""

    changed: bool


class FailureDetails(t.TypedDict, total=False):
    """What a module that fails says beside its message."""

    #: The service's own last lines.
    journal: list[str]
    #: The files that were put back; only where that was tried.
    restored: list[Path]
    #: The transaction that was undone; None where there was none.
    transaction: Name | None


class RequestResult(ModuleResult):
    """What host_certificate returns of a request."""

    #: The certificate signing request in PEM.
    request: Pem


class SettingsFile(ModuleResult):
    """What host_settings_file returns of a file that it has read."""

    content: Content
    sha256: Sha256


class CertificateResult(ModuleResult):
    """What host_certificate returns of a certificate that it has installed."""

    #: The installed certificates in PEM.
    chain: Pem
    #: The file that holds the key and the certificates.
    path: Path
    #: The open transaction; empty where nothing was replaced.
    transaction: Name


class RemovalResult(ModuleResult):
    """What host_certificate returns when it has forgotten the certificate that was followed, and host_proxy."""

    #: The open transaction; empty where nothing was there.
    transaction: Name


class AcmeResult(CertificateResult):
    """What host_acme returns of a certificate that it has fetched."""

    #: Whether the server has signed a new certificate.
    fetched: bool


class LiteralEvidence(t.TypedDict):
    """A string literal of JavaScript behind the name credentialSecret."""

    #: With its quotes.
    literal: Lines
    #: The file that it stands in.
    origin: str


class SecretEvidence(t.TypedDict):
    """A credential secret that Node-RED or this collection has kept."""

    secret: Lines
    #: The file that it stands in.
    origin: str


class CredentialsCopy(EncryptedFile):
    """A copy of a credentials file."""

    path: Path
    #: Whether it lies in the root-only store.
    in_store: bool
    #: The name of the file that it is a copy of.
    name: str
    #: When it was written, in seconds since 1970-01-01 UTC; 0 where that is not known.
    modified: float


class CredentialsEvidence(t.TypedDict):
    """What host_credentials returns: all that may help to decrypt lost credentials."""

    literals: list[LiteralEvidence]
    secrets: list[SecretEvidence]
    #: The newest first.
    copies: list[CredentialsCopy]


class ProofResult(ModuleResult):
    """What host_restart returns of a proof: `changed` where the service was restarted."""

    proof: Proof
    #: The transaction that was finished or held open; None where nothing was replaced.
    transaction: Name | None
    #: SHA-256 of the DER bytes of the certificate that is served; None without TLS.
    served: Sha256 | None
    #: What could not be proved and is no reason to go back, a sentence each.
    remarks: list[str]


class UndoResult(ModuleResult):
    """What host_restart returns of going back."""

    #: The files that were put back.
    restored: list[Path]
    #: Where the text of a file is kept that somebody had edited since it was written.
    displaced: list[Path]
    #: The transaction that was finished or undone; None where there was none.
    transaction: Name | None
    #: Whether it was finished, because it had been proved.
    finished: bool


class KeptFile(t.TypedDict):
    """A file, and what a transaction has done with it."""

    path: Path
    change: t.Literal["made", "replaced", "removed"]


class KeptState(t.TypedDict):
    """How a service was before a transaction that is kept."""

    #: The name of that transaction, and so of the state.
    id: Identifier
    #: When that transaction was proved, by the host's clock.
    proved: Seconds
    #: The state that it had brought back itself; None where it had not.
    restored: Identifier | None
    #: What that transaction has changed.
    files: list[KeptFile]
    #: Whether the service ran.
    active: bool
    #: What it showed.
    endpoints: list[EndpointState]
    #: The settings file in Base64; None where that transaction has not replaced it, and where all are too large together.
    settings: Content | None


class StatesResult(ModuleResult):
    """What host_restore returns of a list."""

    #: The newest first.
    states: list[KeptState]


class RestoreResult(ModuleResult):
    """What host_restore returns of a state that was brought back."""

    #: What was done for it.
    files: list[KeptFile]
    #: What was finished, and is a state itself by now; None where nothing had to be replaced.
    transaction: Identifier | None


class OriginResult(ModuleResult):
    """What host_remove returns of what was there before."""

    #: settings.js in Base64; None where there was none, or nothing is known of it.
    settings: Content | None
    #: The files and directories that get back rights of other users.
    opened: list[Path]


class RemoveResult(ModuleResult):
    """What host_remove returns of a removal."""

    transaction: Identifier | None
    #: The files and directories that got back rights of other users.
    opened: list[Path]


class FileReplacement(ModuleResult):
    """What every replacement of a settings file says."""

    #: Whether the file has changed since it was read, so that nothing was written.
    conflict: bool


class FileResult(FileReplacement, total=False):
    """What host_settings_file returns of a replacement."""

    #: The copy of the old file; only where one was made.
    backup_file: Path


class ListeningState(t.TypedDict):
    """Where Node-RED listens with a settings file."""

    #: uiHost: an address, or a name that stands for one.
    host: str
    #: None where it is no number.
    port: Port | None
    tls: bool
    #: httpAdminRoot; False switches the editor and its API off.
    admin_root: str | t.Literal[False]


class SettingsResult(FileResult, total=False):
    """What host_settings returns."""

    #: The open transaction; only where something was written.
    transaction: Name
    #: What Node.js found in the new content; left out where the file was another one by now.
    listening: ListeningState


class TrustDifference(t.TypedDict):
    """One authority in one store that is trusted now, or is not any more."""

    #: "system", or the directory of a database.
    store: str
    #: The user whose database it is; None for the system's store.
    user: str | None
    #: SHA-256 of the DER bytes of the certificate.
    fingerprint: Sha256
    #: Whether it is trusted there now.
    after: bool


class TrustReport(ModuleResult):
    """What host_trust always returns."""

    differences: list[TrustDifference]
    #: All stores that were looked at.
    stores: list[str]
    #: PEM of the certificates that were taken away, by their fingerprints.
    certificates: dict[str, Pem]


class TrustResult(TrustReport, total=False):
    """What host_trust returns."""

    #: Sentences for the person who runs the playbook; only where there are some.
    remarks: list[str]
