#!/usr/bin/python
# Copyright (c) 2026, the pifleet.nodered maintainers
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: settings
short_description: Edits Node-RED's settings.js and keeps every other byte of it
version_added: 0.1.0
description:
  - Sets, changes and removes keys of C(settings.js). The file is edited as a syntax tree on the control node, so comments,
    order, quotes, indentation, line endings and all keys that are not managed stay as they are.
  - A key is written below its commented-out example where the file has one, else after the last key.
  - A value is compared by its meaning. Another style of quotes, a comment or a trailing comma is no difference.
  - Before the file is replaced, the host's own Node.js loads the new text as the service's user, and every managed key
    must have the value that was asked for. The old file is kept, see M(pifleet.nodered.restart).
  - A file that somebody else changes meanwhile is not overwritten but read and edited anew.
  - A key that the command line or the environment of the service sets as well (C(-D), C(--port), C(NODE_RED_OPTIONS)),
    and a file that the service does not load, are refused.
  - Where there is no settings file, the one that the installed Node-RED ships is taken to begin with.
  - A file in which an edit could be without effect (a spread or a later assignment that overrides the key, an export
    that is a function or a promise) is refused with its line.
extends_documentation_fragment:
  - pifleet.nodered.attributes
  - pifleet.nodered.host
  - pifleet.nodered.host_state
attributes:
  check_mode:
    support: full
  diff_mode:
    support: full
    details:
      - Shows the text before and after with every secret hidden. A secret that changes is marked as new.
  idempotent:
    support: full
options:
  path:
    description:
      - A settings file that belongs to no service, to be edited as a plain file that keeps its mode and its owner. With
        C(connection=local) or C(delegate_to=localhost) it is a file of the control node, such as one of a repository.
        No Node-RED is needed there, and Node.js only for O(validate).
      - Messages name the variables of the roles, such as C(nodered_settings) for O(values).
      - Without it the settings file of O(service) is edited.
    type: path
  admin_auth:
    description:
      - V(users) writes C(adminAuth) from O(admin_users), where that is given. V(keep) leaves an C(adminAuth) of the owner's
        own as it is, with a provider or code in it, and refuses a file that has none; O(admin_users),
        O(admin_default_permissions) and O(session_expiry) have to be empty then.
    type: str
    choices: [users, keep]
    default: users
  admin_users:
    description:
      - The users of C(adminAuth). A user of the file that is not in this list is removed, other keys of a user stay.
      - Each has C(username), either C(password) (hashed on the control node) or C(password_hash) (bcrypt), and
        C(permissions), which is V(*), V(read), V(write), C(<resource>.read), C(<resource>.write) or a list of these.
      - An empty list is refused. C(adminAuth) is left alone when this option is not given.
    type: list
    elements: dict
  admin_default_permissions:
    description:
      - What somebody may do who has not logged in, as in C(adminAuth.default.permissions). V(read) shows all flows, and
        with them the source of functions and the names of brokers and users, to anyone.
      - Nothing when not given, and a C(default) in the file is removed.
    type: raw
  session_expiry:
    description:
      - Seconds after which a login ends, C(adminAuth.sessionExpiryTime). Node-RED's own default is 604800, 7 days.
      - A shorter time holds for those too who are logged in.
    type: int
  node_auth:
    description:
      - The login of dashboards and HTTP endpoints, C(httpNodeAuth), with C(user), and C(password) or C(password_hash).
      - Node-RED does not ask web sockets for it. So C(webSocketNodeVerifyClient), C(ui.ioMiddleware) and, where the file
        has C(dashboard), C(dashboard.ioMiddleware) are set too, to functions that ask for the same login. Code of the
        user's own in their place stays, and so does what O(values), O(expressions) and O(absent) say of them.
    type: dict
  node_users:
    description:
      - The users of a login page for dashboards, HTTP endpoints, static files and web sockets. It takes the place of
        O(node_auth) and O(static_auth), with which it is refused.
      - Each has C(username) and either C(password) (hashed on the control node) or C(password_hash) (bcrypt);
        C(permissions), V(*) when not given, or V(read) for who may look and press nothing; and C(paths), where the user
        may go, with all below, everywhere when not given.
      - A user of the page who is not in this list is removed. A hash that the page or C(httpNodeAuth) has is kept where it
        fits the password.
      - An empty list is refused where the file has the page; C(httpNodeAuth) in O(absent) takes it away.
      - Its files are written into C(nodelogin) beside the settings file, by the same transaction.
    type: list
    elements: dict
  node_open:
    description:
      - Paths as in the browser's line that need no login of O(node_users). With C(/*) at the end all below a path.
    type: list
    elements: str
    default: []
  node_session_expiry:
    description:
      - Seconds without use after which a login of O(node_users) ends.
    type: int
    default: 604800
  node_title:
    description:
      - What stands on the login page. The name of the host when not given.
    type: str
  oidc:
    description:
      - Single sign-on by a provider of OpenID Connect, or by GitHub, beside O(admin_users) and O(node_users).
      - C(issuer) is the provider as its C(/.well-known/openid-configuration) calls itself, with C(https://); or C(kind) is
        V(github). C(client_id) and C(client_secret) are what the provider has given for this Node-RED, C(name) is what the
        page calls it.
      - C(url) is where browsers find this Node-RED, C(https://) with a name and maybe a port; the provider sends them back to
        C(_login/callback) and C(auth/oidc/callback) below it. When not given, the name in the inventory and the port.
      - C(editor) is a list of who may use the editor, each with one of C(group), C(user) and C(domain), and C(permissions) as
        in O(admin_users). Rights of all that fit add up.
      - C(dashboards) is the same for the login page, with C(permissions) and C(paths) as in O(node_users); here one may be
        C(everybody), V(true), for whoever the provider knows.
      - C(user) with an C(@), and C(domain), are compared with an e-mail address that the provider has verified.
      - C(scope) is what is asked for, V(openid profile email) when not given. C(username_claim), V(preferred_username), and
        C(groups_claim), V(groups), are claims; dots lead into objects.
      - C(session_expiry) is the seconds that a login lasts, V(36000) when not given. C(ca_certificate) is the authority of a
        provider that has its own, in PEM.
      - Its files are written into C(nodelogin/oidc) beside the settings file. C(adminAuth) stays one of local users.
      - Where one of this option and O(node_users) is given, the other counts as empty when it is not. An empty one takes
        single sign-on away.
    type: dict
  trusted_proxies:
    description:
      - The addresses of proxies whose C(X-Forwarded-For) and C(X-Forwarded-Proto) count for the login page.
    type: list
    elements: str
    default: []
  static:
    description:
      - What is served as static files, C(httpStatic). A mapping with C(path), and C(root) if the files are not to be
        served at V(/), or a list of such mappings.
      - A relative path is taken as below the userDir. With O(path) it must be absolute.
    type: raw
  static_auth:
    description:
      - The login of static files, C(httpStaticAuth), with C(user), and C(password) or C(password_hash).
    type: dict
  admin_read_only:
    description:
      - With V(true) it is meant that none of O(admin_users) can deploy. Without it that is refused, because nobody could
        change flows in the editor any more.
    type: bool
    default: false
  new_hashes:
    description:
      - Hash every given password anew, also one that the file has a hash of. Whoever is logged in has to log in again.
      - Tells whose password is still the one from before.
    type: bool
    default: false
  proxy_path:
    description:
      - The path below which an nginx on the host leads to Node-RED, which then answers nobody else (C(uiHost) is
        C(127.0.0.1)) and serves no TLS itself. With another path than V(/), C(httpAdminRoot) and C(httpNodeRoot) become it.
      - When it is not given any more, these settings become what they were before.
    type: str
  https:
    description:
      - Serve TLS with the key and the certificate that M(pifleet.nodered.certificate) installs. C(https) becomes a
        function that reads them, and Node-RED looks for a renewed certificate every 72 seconds, so that it needs no
        restart (C(httpsRefreshInterval) is 0.02; O(values) may set other hours, and up to 24 hours in the file stay).
      - TLS options that C(https) has in the file beside key and certificate are kept, with their text and their comments.
        What cannot be kept, because it would mean something else in the function, is refused with its line. C(pfx) and
        C(passphrase) go with the old key, which a warning tells.
    type: bool
    default: false
  https_options:
    description:
      - TLS options of Node.js that C(https) gets beside key and certificate. They win over those of the file. A null
        removes one from the file.
      - C(minVersion) and C(maxVersion) are V(TLSv1.2) or V(TLSv1.3). C(ciphers), C(ecdhCurve) and C(sigalgs) are text.
        C(honorCipherOrder), C(requestCert) and C(rejectUnauthorized) are booleans. C(ca) and C(crl) are an absolute path
        on the host, or a list of them; Node-RED reads these files as its own user.
      - With C(requestCert), unless C(rejectUnauthorized) is V(false), nobody connects without a client certificate that an
        authority in C(ca) has signed.
    type: dict
    default: {}
  credential_secret:
    description:
      - The secret that the credentials of flows are encrypted with, C(credentialSecret).
      - Credentials that are encrypted with another one, with the key that Node-RED has made itself, or not at all, are
        encrypted anew by M(pifleet.nodered.restart), while Node-RED is stopped. That key goes, so that this secret alone is
        enough.
      - Refused where neither it nor a key of the host decrypts the credentials, because Node-RED would lose them.
      - Where it cannot be told which key Node-RED takes (C(credentialSecret) is code, a project is active, or O(path) is
        given), a file that has another one is refused.
    type: str
  values:
    description:
      - Any other keys. A name with dots is a key inside a key, as in V(editorTheme.projects.enabled).
    type: dict
    default: {}
  expressions:
    description:
      - Any other keys whose value is JavaScript, as text.
    type: dict
    default: {}
  absent:
    description:
      - Keys to remove, whichever option has written them.
      - With C(httpNodeAuth) dashboards, endpoints and web sockets ask for no login any more; the login page goes, too.
      - C(adminAuth) and C(credentialSecret) are refused; M(pifleet.nodered.remove) takes away all that was written.
    type: list
    elements: str
    default: []
  purge:
    description:
      - With V(true), settings that this collection has written to the file of O(service), and that no option asks for any
        more, become what they were before, or go where there was none. Otherwise a warning names them.
      - One that its owner has edited since stays. So do logins, C(https) and C(credentialSecret).
    type: bool
    default: false
  https_absent:
    description:
      - With V(true), C(https) and C(httpsRefreshInterval) become what they were before this collection has written them.
    type: bool
    default: false
  validate:
    description:
      - With V(false) a file given as O(path) is not loaded with Node.js before it is replaced. The settings of a service
        always are.
    type: bool
    default: true
  backup:
    description:
      - Keep a copy of the old file beside it, readable by its owner only.
      - Apart from it the file of a service is always kept in the transaction.
    type: bool
    default: false
  load_timeout:
    description:
      - Seconds that Node.js may take to load the new settings.
    type: int
    default: 60
author:
  - The pifleet.nodered maintainers (@pifleet)
seealso:
  - module: pifleet.nodered.host_info
  - module: pifleet.nodered.restart
  - name: Node-RED's settings
    description: What each key of settings.js means.
    link: https://nodered.org/docs/user-guide/runtime/configuration
"""

EXAMPLES = r"""
- name: Let two people log in to the editor
  pifleet.nodered.settings:
    admin_users:
      - username: admin
        password: "{{ vault_admin }}"
        permissions: "*"
      - username: steve
        password_hash: "{{ vault_steve_hash }}"
        permissions: [flows.read, nodes.read, settings.read, status.read]
  become: true

- name: Move the editor, listen on loopback only, and forget an old key
  pifleet.nodered.settings:
    values:
      httpAdminRoot: /admin
      uiHost: 127.0.0.1
      editorTheme.projects.enabled: false
    expressions:
      functionGlobalContext: "{ os: require('os') }"
    absent:
      - httpRoot
  become: true

- name: Keep the settings files of a repository as they should be, and see in a pull request what differs
  pifleet.nodered.settings:
    path: "{{ item }}"
    values:
      diagnostics: {enabled: true, ui: false}
    absent:
      - httpAdminAuth
  loop: "{{ query('ansible.builtin.fileglob', playbook_dir ~ '/settings/*.js') }}"
  delegate_to: localhost
  run_once: true
"""

RETURN = r"""
path:
  description: The settings file.
  returned: success
  type: str
changes:
  description: The keys that were set or removed; empty where only the credentials are encrypted anew.
  returned: success
  type: list
  elements: str
  sample: [adminAuth, https]
listening:
  description: Where Node-RED listens with this file. Of a file that stays, null for what only running its code tells.
  returned: success
  type: dict
  contains:
    host:
      description: The address, V(0.0.0.0) for every IPv4 one.
      type: str
    port:
      description: The port.
      type: int
    tls:
      description: Whether by TLS.
      type: bool
    admin_root:
      description: The path below which the editor is, false where it is switched off.
      type: raw
warnings:
  description: That Node-RED cannot decrypt the credentials of its flows, where O(credential_secret) is not given.
  returned: in that case
  type: list
  elements: str
transaction:
  description: The open transaction that holds the old file, empty in check mode and with O(path).
  returned: changed
  type: str
backup_file:
  description: The copy of the old file.
  returned: changed, when O(backup) is set
  type: str
"""
