#!/usr/bin/python
# Copyright (c) 2026, the pifleet.nodered maintainers
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: host_info
short_description: Reads the state of a Node-RED server in one visit
version_added: 0.1.0
description:
  - Returns what the other modules of this collection need to know of a host, so that a host where nothing has to change
    is visited once.
  - Works where Node-RED is stopped, is missing, or has no settings file.
  - Starts neither Node.js nor Node-RED. Versions are read from their packages, and whether a key fits its certificate
    is proved by the standard library.
extends_documentation_fragment:
  - pifleet.nodered.attributes
  - pifleet.nodered.host
options:
  details:
    description:
      - Also read what only an audit wants to know, see RV(details).
    type: bool
    default: false
  dependents:
    description:
      - Also read who depends on a server that speaks plain HTTP, see RV(dependents).
    type: bool
    default: false
  host_key:
    description:
      - The path of a private key that something else on the host renews, such as certbot. Without it, what the host
        follows already is looked at.
    type: str
  host_chain:
    description:
      - The path of the certificates for O(host_key).
    type: str
  proxy_ports:
    description:
      - The ports that a proxy is to have, so that RV(proxy) is read also where there is none yet.
    type: list
    elements: int
    default: []
  patience:
    description:
      - Seconds to wait for another run that works on the service, because what is read meanwhile is soon another. After
        that it is read even so, see RV(busy).
    type: float
    default: 60
attributes:
  check_mode:
    support: full
  diff_mode:
    support: none
  idempotent:
    support: full
notes:
  - The result holds the content of C(settings.js) and with it password hashes, and the key of the credentials. It is
    never printed, also without C(no_log), and should not be cached.
author:
  - The pifleet.nodered maintainers (@pifleet)
seealso:
  - module: pifleet.nodered.settings
  - module: pifleet.nodered.certificate
  - module: pifleet.nodered.restart
"""

EXAMPLES = r"""
- name: Read the state of Node-RED
  pifleet.nodered.host_info:
  become: true
  register: nodered_info

- name: Say which version runs there
  ansible.builtin.debug:
    msg: "{{ nodered_info.node_red.version }} listens on {{ nodered_info.endpoints }}"
"""

RETURN = r"""
host:
  description: The names and addresses of the host.
  returned: success
  type: dict
  contains:
    hostname:
      description: The name without a domain.
      type: str
    fqdn:
      description: The fully qualified name, or the same as RV(host.hostname).
      type: str
    clock:
      description: The time by the host's clock, in seconds since 1970-01-01 UTC.
      type: int
    addresses:
      description: Lasting addresses of the network interfaces, without loopback, link-local and temporary ones.
      type: list
      elements: str
service:
  description: The systemd unit.
  returned: success
  type: dict
  contains:
    name:
      description: Its name with the suffix.
      type: str
    exists:
      description: Whether systemd has loaded it.
      type: bool
    active:
      description: Whether it runs.
      type: bool
    enabled:
      description: Whether it starts with the host.
      type: bool
    reload_needed:
      description: Whether systemd has not read its files yet.
      type: bool
    environment_files:
      description: The environment files that it names.
      type: list
      elements: str
    drop_in:
      description: The content of this collection's drop-in file, or null.
      type: str
    environment:
      description: The content of this collection's environment file, or null.
      type: str
user:
  description: The user that runs Node-RED, or null.
  returned: success
  type: dict
  contains:
    name:
      description: The name of the user.
      type: str
    group:
      description: The name of its primary group.
      type: str
    home:
      description: Its home directory.
      type: str
    uid:
      description: Its id.
      type: int
    gid:
      description: The id of its primary group.
      type: int
node:
  description: The Node.js that the service starts.
  returned: success
  type: dict
  contains:
    path:
      description: The program, or null.
      type: str
    version:
      description: Its version, or null.
      type: str
node_red:
  description: The Node-RED that the service starts.
  returned: success
  type: dict
  contains:
    path:
      description: The directory of its package, or null.
      type: str
    version:
      description: Its version, or null.
      type: str
    node:
      description: The range of Node.js versions that it wants, or null.
      type: str
    manager:
      description:
        - What the service starts in the place of Node-RED, V(docker), V(podman), V(pm2) or V(snap), so that Node-RED is
          somewhere else; V(another user) where it makes another user of its own. Null where it starts Node-RED itself.
      type: str
elsewhere:
  description: Other Node-REDs that run on the host. Only where the service starts none.
  returned: success
  type: list
  elements: dict
  contains:
    by:
      description:
        - What runs it, V(docker), V(podman), V(container) for any other container, V(pm2), V(snap), V(service) for another
          service of the system, V(user) for a service of one user, or V(hand).
      type: str
    name:
      description: The name of the container, the snap or the service.
      type: str
    user:
      description: Who it runs as.
      type: str
overrides:
  description: Settings that the command line or the environment of the service sets whatever the file says.
  returned: success
  type: list
  elements: dict
  contains:
    path:
      description: The keys of the setting, outermost first. Empty where it may be any.
      type: list
      elements: str
    by:
      description: What sets it, without the value.
      type: str
user_dir:
  description: The userDir of Node-RED.
  returned: success
  type: dict
  contains:
    path:
      description: The directory, or null.
      type: str
    status: &status
      description: Mode and ownership, or null where there is none.
      type: dict
      contains:
        mode:
          description: Four octal digits.
          type: str
        uid:
          description: The id of the owner.
          type: int
        gid:
          description: The id of the group.
          type: int
        owner:
          description: The name of the owner.
          type: str
        group:
          description: The name of the group.
          type: str
settings:
  description: The settings file.
  returned: success
  type: dict
  contains:
    path:
      description: The file, or null.
      type: str
    in_use:
      description: Whether Node-RED loads this file, or null where a script between them hides it.
      type: bool
    guessed:
      description: Whether the path is only where Node-RED would look, because a script hides it and no option says it.
      type: bool
    status: *status
    sha256:
      description: The checksum of the content, empty where there is no file.
      type: str
    content:
      description: The content in Base64, or null.
      type: str
    stock:
      description: The file that the installed Node-RED ships, in Base64. Null where there is a settings file.
      type: str
origin:
  description: How C(settings.js) was before this collection edited it, or null where it never did.
  returned: success
  type: dict
  contains:
    unbroken:
      description: Whether nobody else has edited it since, so that it can come back byte by byte.
      type: bool
    written:
      description: The settings that were written, in the order in which they were written first.
      type: list
      elements: dict
      contains:
        path:
          description: The keys of the setting, outermost first.
          type: list
          elements: str
        before:
          description: The JavaScript of its value before, or null where the file had none.
          type: str
        now:
          description: SHA-256 of the JavaScript that was written last. Empty where the setting was taken away.
          type: str
disks:
  description: Places of the service on a file system that no change, or no secret, can be kept on.
  returned: success
  type: list
  elements: dict
  contains:
    path:
      description: The place.
      type: str
    filesystem:
      description: The type of its file system.
      type: str
    problem:
      description:
        - V(temporary) where what is written is gone after the next start of the host, V(read-only), V(without owners) where
          every user of the host may read everything, V(full), or V(unchangeable) by C(chattr).
      type: str
certificate:
  description: The file with the private key and the certificates.
  returned: success
  type: dict
  contains:
    path:
      description: The file, also where it does not exist, or null.
      type: str
    status: *status
    chain:
      description: The certificates in PEM, or null.
      type: str
    key:
      description: Whether a private key is in the file.
      type: bool
    key_encrypted:
      description: Whether the private key is encrypted.
      type: bool
    key_matches:
      description: Whether the private key belongs to the first certificate, or null where there is no file.
      type: bool
    sha256:
      description: The checksum of the content, empty where there is no file.
      type: str
login_page:
  description: The directory of the login page of dashboards.
  returned: success
  type: dict
  contains:
    path:
      description: The directory, also where it does not exist, or null.
      type: str
    files:
      description: The checksum of each file by its path below the directory, without the sessions.
      type: dict
    data:
      description: The content of its login.json, with the hashes of its users and the secret of single sign-on, or null.
      type: str
    exposed:
      description: Which of all that other users of the host may read or write.
      type: list
      elements: str
credentials:
  description: What tells which key decrypts the credentials of flows, or null.
  returned: success
  type: dict
  contains:
    project:
      description: The active project, or null.
      type: str
    flow_file:
      description: The file of flows that the command line names, or null.
      type: str
    default_flow_file:
      description: The name of the file of flows where nothing else is said.
      type: str
    generated:
      description: The key that Node-RED has made itself, or null.
      type: dict
      contains:
        file:
          description: The name of the file that holds it.
          type: str
        secret:
          description: The key.
          type: str
    files:
      description: The files of credentials.
      type: list
      elements: dict
      contains:
        name:
          description: The name in the userDir.
          type: str
        kind:
          description: V(encrypted), V(plain) or V(damaged).
          type: str
        empty:
          description: Whether there are no credentials in it.
          type: bool
        iv:
          description: The initialization vector in hexadecimal digits.
          type: str
        head:
          description: The first bytes of what is encrypted, in Base64.
          type: str
        size:
          description: How many bytes are encrypted.
          type: int
    pending:
      description: Keys that an open transaction is to decrypt the files with.
      type: list
      elements: str
acme:
  description: What certbot keeps for this service, or null.
  returned: success
  type: dict
  contains:
    name:
      description: The name of the lineage.
      type: str
    names:
      description: The DNS names that were asked for.
      type: list
      elements: str
    chain:
      description: The certificates in PEM.
      type: str
    key_matches:
      description: Whether the private key belongs to the first certificate.
      type: bool
    directory:
      description: The address of the server's directory.
      type: str
    challenge:
      description: How a renewal is proved.
      type: str
    options:
      description: A checksum that stands for certbot's other options.
      type: str
    hook:
      description: The checksum of the hook that hands on renewals, empty where there is none.
      type: str
    timer:
      description: Whether certbot renews by itself.
      type: bool
source:
  description: The key and the certificates that something else on the host renews, as asked for or followed, or null.
  returned: success
  type: dict
  contains:
    key:
      description: The path of the key.
      type: str
    chain:
      description: The path of the certificates.
      type: str
    problem:
      description: Why they cannot be used, empty where they can.
      type: str
    certificates:
      description: The certificates in PEM.
      type: str
    sha256:
      description: The checksum that the copy of both has to have.
      type: str
follower:
  description: What copies them after each renewal, or null.
  returned: success
  type: dict
  contains:
    sha256:
      description: A checksum that stands for its units and its program.
      type: str
    active:
      description: Whether systemd watches the files.
      type: bool
proxy:
  description: The nginx in front of the service, or null where none is asked for and none is there.
  returned: success
  type: dict
  contains:
    version:
      description: The version of Debian's package, or null where it is not installed.
      type: str
    active:
      description: Whether it runs.
      type: bool
    enabled:
      description: Whether it starts with the host.
      type: bool
    site:
      description: The content of the site for the service, or null.
      type: str
    authorities:
      description: The certificates of authorities in PEM that it trusts for other hosts.
      type: str
    ipv6:
      description: Whether the host has IPv6.
      type: bool
    listeners:
      description: What else than nginx and the service listens on O(proxy_ports).
      type: list
      elements: dict
      contains:
        address:
          description: The address.
          type: str
        port:
          description: The port.
          type: int
        program:
          description: The name of the program.
          type: str
    direct:
      description: How settings stood in C(settings.js) before the proxy came, by their names, or null.
      type: dict
    complaints:
      description: What nginx says of the site. Only for O(details=true).
      type: list
      elements: str
exposed:
  description: Files of the userDir that hold secrets and that other users of the host may read.
  returned: success
  type: list
  elements: str
endpoints:
  description:
    - What the running server shows to an anonymous client, for each port that the service listens on. Empty where there
      is a RV(proof).
  returned: success
  type: list
  elements: dict
  contains:
    address:
      description: The address.
      type: str
    port:
      description: The port.
      type: int
    tls:
      description: Whether it speaks TLS.
      type: bool
    certificate:
      description: SHA-256 of the DER bytes of the certificate that is served, or null.
      type: str
    http:
      description: Whether it answers HTTP in plain, or null where it speaks TLS.
      type: bool
    login:
      description: V(credentials), V(strategy), empty for an open editor, or null where that is not Node-RED's.
      type: str
    settings_status:
      description: The HTTP status of C(/settings), or null.
      type: int
    name:
      description: The name that nginx was asked for. Only where it is nginx that answers.
      type: str
proof:
  description: The last proved state, or null.
  returned: success
  type: dict
  contains:
    expected:
      description: What the server must answer.
      type: dict
      contains:
        address:
          description: The address to connect to.
          type: str
        port:
          description: The port.
          type: int
        tls:
          description: Whether it speaks TLS.
          type: bool
        refresh:
          description: Seconds between two looks of Node-RED for a renewed certificate, 0 where it never looks.
          type: float
        user_dir:
          description: C(userDir) of the settings, or null.
          type: str
        certificate:
          description: SHA-256 of the DER bytes of the certificate, or null for any.
          type: str
        admin_root:
          description: The path of the editor, or null where it is switched off.
          type: str
        node_root:
          description: The path of what flows serve, or null where that is switched off.
          type: str
        auth:
          description: Whether the editor asks for a login.
          type: bool
        anonymous:
          description: Whether users who are not logged in may see the editor.
          type: bool
        node_auth:
          description: Whether what flows serve asks for a login.
          type: bool
        static:
          description: Paths of static files that ask for a login.
          type: list
          elements: str
        proxy:
          description: The nginx in front of it, or null.
          type: dict
          contains:
            name:
              description: The name that it is asked for.
              type: str
            https:
              description: The port that speaks TLS.
              type: int
            http:
              description: The port that leads to the other, V(0) for none.
              type: int
            path:
              description: The path below which it leads to Node-RED.
              type: str
            port:
              description: The port of Node-RED.
              type: int
        client_certificate:
          description: Whether TLS turns away everybody who shows no client certificate.
          type: bool
        login_page:
          description: Whether what flows serve asks for the login page.
          type: bool
        require_https:
          description: Whether the editor leads those elsewhere who do not come by https.
          type: bool
        settings:
          description: The checksum of the settings file.
          type: str
    settings:
      description: The checksum of the settings file.
      type: str
    transaction:
      description: The transaction that led to this state, or null.
      type: str
    failures:
      description: What is not as expected any more.
      type: list
      elements: str
dependents:
  description:
    - Who depends on a server that speaks plain HTTP, at most 100 of each; null without O(dependents), and where no server
      speaks it.
  returned: success
  type: dict
  contains:
    port:
      description: The port of the server.
      type: int
    clients:
      description: The remote addresses of connections that are established.
      type: list
      elements: str
    calls:
      description: By the name of a file of flows, what the nodes are called that call the server itself.
      type: dict
    writers:
      description: The same of nodes that write files which other users of the host may read.
      type: dict
transaction:
  description: The transaction that a former run left open, or null.
  returned: success
  type: dict
  contains:
    id:
      description: Its name.
      type: str
went_back:
  description: What the host has done by itself since a run had changed it, or null.
  returned: success
  type: dict
  contains:
    transaction:
      description: The transaction that was undone.
      type: str
    clock:
      description: When, in seconds since 1970-01-01 UTC.
      type: int
    cause:
      description: V(ended) where Node-RED ended by itself, V(interrupted) where the host was started in the middle of a run.
      type: str
    outcome:
      description:
        - V(back) where the files of before are back, V(closed) where they are not, because they would let in whom the change
          had locked out, V(failed) where they could not be put back.
      type: str
last_run:
  description: The run of a playbook that has worked on the service last, or null.
  returned: success
  type: str
busy:
  description: Whether another run still worked on the service when all this was read, see O(patience).
  returned: success
  type: bool
details:
  description: What only an audit wants to know, or null without O(details).
  returned: success
  type: dict
  contains:
    umask:
      description: The umask of the unit, in octal digits.
      type: str
    no_new_privileges:
      description: Whether the unit gains no rights by the programs it starts.
      type: bool
    root_rights:
      description: What lets the user of the service become root.
      type: dict
      contains:
        groups:
          description: Its groups that do so.
          type: list
          elements: str
        sudo:
          description: The files with rules of sudo that let it run any command as root.
          type: list
          elements: dict
          contains:
            file:
              description: The path of the file.
              type: str
            password:
              description: Whether each of these rules asks for a password.
              type: bool
    node_package:
      description: The version of Debian's package of Node.js, or null.
      type: str
    listening:
      description: Address and port of each endpoint that the service listens on.
      type: list
      elements: list
    flows:
      description: By the name of a file of flows, the kinds of nodes in it that listen to anonymous clients.
      type: dict
    sessions:
      description: Logins of the editor that have not ended.
      type: list
      elements: dict
      contains:
        user:
          description: The name of the user.
          type: str
        scope:
          description: The rights of the login, one or a list of them, or null.
          type: raw
"""

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.pifleet.nodered.plugins.module_utils._host.errors import HostError
from ansible_collections.pifleet.nodered.plugins.module_utils._info.visit import visit
from ansible_collections.pifleet.nodered.plugins.module_utils._shared.layout import HOST_ARGUMENTS, LOCK_TIMEOUT


def main() -> None:
    module = AnsibleModule(
        argument_spec={
            **HOST_ARGUMENTS,
            "details": {"type": "bool", "default": False},
            "dependents": {"type": "bool", "default": False},
            "host_key": {"type": "str", "no_log": False},
            "host_chain": {"type": "str"},
            "proxy_ports": {"type": "list", "elements": "int", "default": []},
            "patience": {"type": "float", "default": LOCK_TIMEOUT},
        },
        required_together=[("host_key", "host_chain")],
        supports_check_mode=True,
    )
    try:
        state = visit(module.params)
    except HostError as exc:
        module.fail_json(msg=str(exc), **exc.details)
    module.exit_json(changed=False, **state)


if __name__ == "__main__":
    main()
