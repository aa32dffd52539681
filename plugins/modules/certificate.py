#!/usr/bin/python
# Copyright (c) 2026, the pifleet.nodered maintainers
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: certificate
short_description: Gives a Node-RED server a certificate that browsers accept
version_added: 0.1.0
description:
  - Compares the installed certificate with what is wanted, on the control node. Only when something is missing, wrong or
    about to end does it go to the host.
  - The host makes its private key and a signing request, the fleet's certificate authority on the control node signs, the
    host installs. The private key never leaves the host, and the key of the authority never leaves the control node.
  - Key and certificate lie in C(nodecerts/server.pem) beside settings.js, or in C(nodecerts/server-NAME.pem) beside NAME.js,
    mode 0600. They are one file, so that no power failure can leave a key beside a certificate it does not fit.
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
      - Shows what the certificate says before and after, never PEM.
  idempotent:
    support: full
options:
  provider:
    description:
      - V(ca) signs with the fleet's certificate authority, which every browser has to be told to trust once.
      - V(selfsigned) lets each host sign for itself, and every browser has to trust every host.
      - V(file) installs O(chain) and O(key), which were bought or come from elsewhere.
      - V(acme) has certbot on the host fetch and renew a certificate for O(names) from the ACME server O(acme_directory).
      - V(host) copies O(host_key) and O(host_chain), which something else on the host renews, now and at each renewal.
      - V(none) gives none, for a Node-RED behind a proxy that ends TLS, and ends what V(host) has begun.
    type: str
    default: ca
    choices: [ca, selfsigned, file, acme, host, none]
  proxy:
    description:
      - What shows the certificate. With V(nginx) it lies, with its key, in C(/etc/pifleet-nodered/SERVICE/server.pem), and root
        alone reads it.
    type: str
    default: none
    choices: [none, nginx]
  proxy_ports:
    description:
      - The ports of nginx, as C(ports) of M(pifleet.nodered.proxy). With O(provider=acme) its port C(http) answers the ACME
        server.
    type: dict
    default: {}
  names:
    description:
      - DNS names and IP addresses to add to the host name, C(<hostname>.local), the fully qualified name, the inventory
        name, C(ansible_host) and the addresses of the host.
      - What only the host says of itself is left out if it could be somebody else's on the internet, such as a global
        address or a name in a public domain that no name of the inventory or of this list lies in. A warning tells so.
      - With O(provider=file) and O(provider=host) the names that the certificate must have, with O(provider=acme) all
        that it will have.
    type: list
    elements: str
    default: []
  key_type:
    description:
      - The type that the host's key must have. A key of another type is replaced, and the certificate with it.
      - When not given, a key of any type stays, and one that has to be made is of the type V(ecdsa-p256).
      - A device that knows RSA only needs an authority with such a key as well, see O(ca_key_type).
    type: str
    choices: [ecdsa-p256, rsa-2048, rsa-3072, rsa-4096]
  new_key:
    description:
      - Make a new private key, and a certificate for it, also where the key is good. For one run, such as after a card
        was cloned or lost.
    type: bool
    default: false
  days:
    description:
      - How many days a new certificate is good for, at most 825, which is what Apple's systems accept.
    type: int
    default: 397
  renew_before:
    description:
      - A certificate that ends in fewer days is renewed.
    type: int
    default: 30
  ca_dir:
    description:
      - The folder of the certificate authority on the control node. One is made there at first use.
    type: str
    default: ~/.pifleet/nodered-ca
  ca_new:
    description:
      - Make a new authority in O(ca_dir) although hosts have certificates of one that is not there. For one run, after
        that one was lost or stolen.
    type: bool
    default: false
  ca_certificate:
    description:
      - The certificate of the authority in PEM, for control nodes that keep nothing. Needs O(ca_key).
    type: str
  ca_key:
    description:
      - The private key of the authority in PEM, from a vault. Needs O(ca_certificate).
    type: str
  ca_permitted:
    description:
      - The only domains and networks that an authority made at first use can certify, such as V(local) and
        V(192.168.0.0/16). When empty, all private ones and the domains of the inventory's names; V(*) for any. See
        M(pifleet.nodered.certificate_authority).
    type: list
    elements: str
    default: []
  ca_key_type:
    description:
      - The type of the key of an authority made at first use, V(ecdsa-p256) when not given.
      - An authority that is there keeps its key, and a warning tells where that is of another type. To replace it, see
        M(pifleet.nodered.certificate_authority).
    type: str
    choices: [ecdsa-p256, rsa-2048, rsa-3072, rsa-4096]
  ca_passphrase:
    description:
      - The passphrase of the authority's key.
    type: str
  chain:
    description:
      - The certificate with its intermediate certificates in PEM, for O(provider=file).
    type: str
  key:
    description:
      - Its private key in PEM, from a vault.
    type: str
  key_passphrase:
    description:
      - The passphrase of O(key).
    type: str
  host_key:
    description:
      - The path on the host of the private key, for O(provider=host). The key never leaves the host, and its own file
        stays as it is.
    type: str
  host_chain:
    description:
      - The path on the host of the certificate with its intermediate certificates.
    type: str
  acme_directory:
    description:
      - The address of an ACME server's directory (RFC 8555).
    type: str
    default: https://acme-v02.api.letsencrypt.org/directory
  acme_email:
    description:
      - Where the server's operator may write to.
    type: str
  acme_challenge:
    description:
      - How the host proves that the names are its own. V(standalone) answers on port 80 while a certificate is fetched, or has
        nginx do so where O(proxy) is V(nginx), V(webroot) puts a file below O(acme_webroot) of a web server on port 80, and
        V(dns-) with the name of a plugin of certbot, such as V(dns-rfc2136), makes a DNS record.
    type: str
    default: standalone
  acme_webroot:
    description:
      - The folder of the host that the web server on port 80 shows.
    type: str
  acme_credentials:
    description:
      - The content of the file that a V(dns-) challenge logs in with.
    type: str
  acme_options:
    description:
      - Further options of certbot by name, such as C(eab-kid) and C(eab-hmac-key). They may be secret.
    type: dict
    default: {}
author:
  - The pifleet.nodered maintainers (@pifleet)
seealso:
  - module: pifleet.nodered.host_info
  - module: pifleet.nodered.restart
"""

EXAMPLES = r"""
- name: Certify the server under its usual names and one more
  pifleet.nodered.certificate:
    names:
      - heating.example.com
  become: true
"""

RETURN = r"""
path:
  description: The file with key and certificate.
  returned: when O(provider) is not V(none)
  type: str
reasons:
  description: Why a certificate was due, empty when none was.
  returned: success
  type: list
  elements: str
fingerprint:
  description: SHA-256 over the DER bytes of the certificate that the server has to serve. Empty in check mode if one is
    due.
  returned: success
  type: str
certificate:
  description: What the installed certificate says (names, validity, issuer).
  returned: when there is one
  type: dict
names:
  description: The names that it has, or in check mode will have.
  returned: when O(provider) is not V(none)
  type: list
  elements: str
ca_certificate:
  description: The file with the certificate that browsers have to trust.
  returned: when O(provider=ca) and the authority is kept in O(ca_dir)
  type: str
replaced:
  description: Whether a file of Node-RED was replaced, which is then to be proved. Certbot's timer, for one, is none.
  returned: changed
  type: bool
transaction:
  description: The open transaction that holds what was replaced, empty in check mode.
  returned: changed
  type: str
"""
