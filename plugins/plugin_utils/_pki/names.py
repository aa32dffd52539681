# Copyright (c) 2026, the pifleet.nodered maintainers
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The names of a certificate: which a host gets, what they must look like, what a wildcard covers.

Strings in, strings out, with the standard library only.
"""

from __future__ import annotations

import contextlib
import ipaddress
import re
import typing as t
from collections.abc import Callable, Collection, Iterable

from ansible_collections.pifleet.nodered.plugins.plugin_utils._errors import UserError

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Network = ipaddress.IPv4Network | ipaddress.IPv6Network

#: The upper bound of RFC 5280 for a common name.
MAX_COMMON_NAME = 64
# The upper bound of RFC 1035.
_MAX_DNS_NAME = 253
_LABEL = re.compile(r"(?!-)[a-z0-9-]{1,63}(?<!-)")
# Python's codec follows IDNA 2003, browsers IDNA 2008: the four characters they encode differently.
_IDNA_DEVIATIONS = "\u00df\u03c2\u200c\u200d"
_LOOPBACK_NAMES = ("localhost", "localhost.local", "localhost.localdomain")
#: Domains that nobody can own on the internet: RFC 6762, RFC 8375, ICANN's resolution 2024.07.29.06, and custom.
PRIVATE_DOMAINS = ("local", "home.arpa", "internal", "lan", "home", "localdomain")
#: Networks that nobody has on the internet: RFC 1918, 6598, 3927, 1122, 4193, 4291.
PRIVATE_NETWORKS = (
    "10.0.0.0/8",
    "172.16.0.0/12",
    "192.168.0.0/16",
    "100.64.0.0/10",
    "169.254.0.0/16",
    "127.0.0.0/8",
    "fc00::/7",
    "fe80::/10",
    "::1/128",
)
# Domains below which strangers have theirs, so that a neighbour's name is not one's own. Below a country, that is told
# by the length (co.uk, com.au) or by these words; the others are where a Raspberry Pi is often published.
_SHARED_SECOND_LEVEL = ("asso", "firm", "gouv", "govt", "info", "name", "nhs", "press", "priv", "school")
_SHARED_DOMAINS = (
    "ddns.net",
    "duckdns.org",
    "dynv6.net",
    "dyndns.org",
    "github.io",
    "hopto.org",
    "mooo.com",
    "myfritz.net",
    "no-ip.org",
    "ts.net",
    "zapto.org",
)


class PkiError(UserError):
    """Something about a key, certificate, request or name that cannot work, in a sentence that says what to do."""


class Names(t.NamedTuple):
    """The subject alternative names of a certificate: each once, in order, in lower case and in their short form.

    :ivar dns: DNS names
    :ivar ips: IP addresses
    :ivar left_out: names and addresses that only the host claims; for a message, they are in no certificate
    :ivar not_permitted: what the authority may not sign for, of the names nobody asked for; likewise
    """

    dns: tuple[str, ...]
    ips: tuple[str, ...]
    left_out: tuple[str, ...] = ()
    not_permitted: tuple[str, ...] = ()


def desired_names(
    hostname: str | None = None,
    fqdn: str | None = None,
    inventory_name: str | None = None,
    addresses: Iterable[str] = (),
    extra: Iterable[str] = (),
    remote_address: str | None = None,
    permits: Callable[[str], bool] | None = None,
    confirms: Callable[[str], bool] | None = None,
    taken: Iterable[str] = (),
    is_here: bool = False,
) -> Names:
    """The names a browser may reach a host by.

    What the inventory says is taken as it is: `inventory_name`, `remote_address`, and what the user asks for in `extra`.

    `hostname`, `fqdn` and `addresses` are what the host claims, and a host may be in the hands of an attacker who wants
    a certificate for a bank, for the router or for its neighbour. So a claim is taken only where it agrees with the
    inventory: its first label is that of one of those names, and the rest is nothing, `local`, or the domain of one of
    them. Or where `confirms` has evidence for it: that is asked for addresses, and for names in a private domain other
    than `local`, for which any host may answer. Nothing that another host has according to the inventory is taken. All
    comes down to its short form before it is compared. Claims that are not taken are reported in `left_out`.

    Skipped is what no browser can use: names with an underscore, localhost, and addresses that are loopback,
    link-local, multicast or unspecified. What the user asks for in `extra` is taken or refused.

    :param hostname: becomes itself and, unless it has a dot, also `<hostname>.local`, as multicast DNS announces it
    :param extra: DNS names (also with non-ASCII characters, or a wildcard as the first label) and addresses
    :param remote_address: the name or address that the control node connects to (`ansible_host`)
    :param permits: whether the authority may sign for a name or address, see `CertificateAuthority.permits`. What it
        refuses is reported in `not_permitted`, but for `extra`, which `issue` refuses. None: it may sign for all.
    :param confirms: whether the control node knows by itself that a name or an address is the host's. None: it does not.
    :param taken: the names and addresses of other hosts of the inventory
    :param is_here: whether the host is the control node itself, whose word is nobody's claim
    :raises PkiError: a name in `extra` is neither a DNS name nor an address
    """
    if isinstance(extra, str):
        raise PkiError(f"The additional certificate names must be a list, not the text '{extra}'.")
    asked = [_asked_name(name) for name in extra]
    inventory = list(filter(None, map(usable_name, (inventory_name, remote_address))))
    local = f"{hostname}.local" if hostname and "." not in hostname else None
    claimed = list(filter(None, map(usable_name, (hostname, local, fqdn, *addresses))))

    trusted = {*inventory, *asked}
    theirs = {usable_name(name) for name in taken if _may_be_one_of(name, claimed)}
    labels = {name.partition(".")[0] for name in trusted if parsed_address(name) is None}
    domains = {"", "local", *filter(None, map(_own_domain, trusted))}

    def is_shown(name: str) -> bool:
        if is_here or name in trusted or name in theirs:
            return is_here or name in trusted
        if parsed_address(name) is None:
            label, _dot, domain = name.partition(".")
            if label in labels and domain in domains:
                return True
            if not is_private(name) or is_below(name, "local"):
                return False
        return confirms is not None and confirms(name)

    shown = [name for name in claimed if is_shown(name)]
    ours = dict.fromkeys([*shown, *inventory])
    refused = [name for name in ours if permits is not None and name not in asked and not permits(name)]
    names = [*(name for name in ours if name not in refused), *(name for name in asked if name not in ours)]
    return Names(
        tuple(dict.fromkeys(name for name in names if parsed_address(name) is None)),
        tuple(dict.fromkeys(name for name in names if parsed_address(name) is not None)),
        tuple(dict.fromkeys(name for name in claimed if name not in shown)),
        tuple(refused),
    )


def common_name(names: Names) -> str:
    """The subject's common name: the first name of at most 64 characters, DNS names first; empty if there is none."""
    return next((name for name in (*names.dns, *names.ips) if len(name) <= MAX_COMMON_NAME), "")


def covers(name: str, names: Names) -> bool:
    """Whether a certificate with those names is accepted for a name, as browsers match them (RFC 6125, 6.4).

    A wildcard stands for exactly one label, and never for one directly below a top-level domain.

    :param name: in its short form, see `normalized`; a wildcard is covered by the same wildcard only
    """
    if parsed_address(name) is not None:
        return name in names.ips
    _label, _dot, domain = name.partition(".")
    return name in names.dns or ("." in domain and f"*.{domain}" in names.dns)


def normalized(name: str) -> str:
    """The name or address in its short form: lower case, A-labels, no trailing dot.

    :raises PkiError: it is neither a DNS name (also with a wildcard as the first label) nor an address
    """
    address = parsed_address(name)
    return dns_name(name, wildcard=True) if address is None else str(address)


class Subtrees(t.NamedTuple):
    """What an authority may sign for: names in these domains, addresses in these networks, and nothing else."""

    domains: tuple[str, ...]
    networks: tuple[Network, ...]


def fleet_subtrees(names: Iterable[str], asked: Iterable[str] = ()) -> list[str]:
    """What the authority of a fleet may sign for where the user does not say: nothing that is of worth elsewhere.

    That is every private domain and network, and for the names of the inventory that are not private the domains that
    are the user's own, else the very names.

    :param names: names and addresses of the inventory; what is none is passed over, and so are names of one label, which
        could be permitted only one by one: the host of tomorrow would need another authority
    :param asked: names and addresses that the user asks for, also of one label
    :returns: as `permitted_subtrees` takes them
    """
    found = dict.fromkeys([*PRIVATE_DOMAINS, "localhost", *PRIVATE_NETWORKS])
    networks = [ipaddress.ip_network(each) for each in PRIVATE_NETWORKS]
    for name in (*names, *asked):
        address = parsed_address(name)
        if address is not None:
            if not getattr(address, "scope_id", None) and not any(address in network for network in networks):
                found[str(ipaddress.ip_network(address))] = None
            continue
        with contextlib.suppress(PkiError):
            checked = dns_name(name, wildcard=True)
            if ("." in checked or name in asked) and not is_private(checked):
                found[_own_domain(checked) or checked.removeprefix("*.")] = None
    return list(found)


def permitted_subtrees(permitted: Iterable[str]) -> Subtrees:
    """Domains (`local`, `example.com`, each with all names below it) and IP networks (`192.168.0.0/16`).

    :raises PkiError: one of them is neither
    """
    if isinstance(permitted, str):
        raise PkiError(f"What the CA may sign for must be a list, not the text '{permitted}'.")
    domains: dict[str, None] = {}
    networks: dict[Network, None] = {}
    for entry in permitted:
        if not isinstance(entry, str):
            raise PkiError(f"What the CA may sign for has {entry!r}, which is not text: put it in quotes.")
        text = entry.strip()
        if "/" in text or parsed_address(text) is not None:
            networks[_network(text)] = None
        elif text.startswith((".", "*.")):
            raise PkiError(
                f"What the CA may sign for has '{entry}': write the domain alone, '{text.lstrip('*.')}', which covers"
                " every name below it too."
            )
        else:
            domains[dns_name(text)] = None
    return Subtrees(tuple(domains), tuple(networks))


def _network(text: str) -> Network:
    try:
        return ipaddress.ip_network(text)
    except ValueError:
        pass
    hint = "write a network such as 192.168.0.0/16 or fd00::/8, or a domain"
    with contextlib.suppress(ValueError):
        hint = f"the network is {ipaddress.ip_network(text, strict=False)}"
    raise PkiError(f"What the CA may sign for has '{text}', which is no IP network: {hint}.")


def usable_name(name: str | None) -> str | None:
    """A name that a host or the inventory has, in its short form; None if no browser could use it."""
    if not name:
        return None
    address = parsed_address(name)
    if address is not None:
        unusable = address.is_loopback or address.is_link_local or address.is_multicast or address.is_unspecified
        return None if unusable or getattr(address, "scope_id", None) else str(address)
    with contextlib.suppress(PkiError):
        checked = dns_name(name)
        return None if checked in _LOOPBACK_NAMES else checked
    return None


def _may_be_one_of(name: str | None, short: Collection[str]) -> bool:
    """Whether the short form of a name may be one of these: quick, for each host is compared with all others."""
    text = (name or "").strip().lower().removesuffix(".")
    return text in short or ":" in text or not text.isascii()


def _asked_name(name: t.Any) -> str:
    """A name that the user asks for, in its short form; PkiError if it is none."""
    if not isinstance(name, str):
        raise PkiError(f"The certificate name {name!r} is not text: put it in quotes.")
    address = parsed_address(name)
    if address is None:
        return dns_name(name, wildcard=True)
    if address.is_multicast or address.is_unspecified or getattr(address, "scope_id", None):
        raise PkiError(
            f"The certificate name '{name}' is not the address of one host (it is multicast, unspecified, or has a"
            " zone, which a certificate cannot express): remove it."
        )
    return str(address)


def is_private(name: str) -> bool:
    """Whether a DNS name is in a domain that nobody can own on the internet."""
    return any(is_below(name, domain) for domain in PRIVATE_DOMAINS)


def is_below(name: str, domain: str) -> bool:
    return name.endswith("." + domain)


def _own_domain(name: str) -> str | None:
    """The domain that a name of the user is in; None if it may be shared with strangers."""
    if parsed_address(name) is not None:
        return None
    domain = name.partition(".")[2]
    if is_private(name):
        return domain
    labels = domain.split(".")
    if len(labels) < 2 or domain in _SHARED_DOMAINS:
        return None
    below_country = len(labels) == 2 and len(labels[1]) == 2
    return None if below_country and (len(labels[0]) <= 3 or labels[0] in _SHARED_SECOND_LEVEL) else domain


def parsed_address(name: str) -> Address | None:
    try:
        return ipaddress.ip_address(name.strip())
    except ValueError:
        return None


def dns_name(name: str, wildcard: bool = False) -> str:
    """The DNS name in lower case and with A-labels, without a trailing dot.

    :raises PkiError: it is not a host name as RFC 952, 1123 and 5890 have it
    """
    refusal = f"'{name}' is neither a DNS name nor an IP address that a certificate can carry: "
    text = name.strip().lower().removesuffix(".")
    if any(character in text for character in _IDNA_DEVIATIONS):
        raise PkiError(f"{refusal}one of its characters has two encodings; write the label as 'xn--...' yourself.")
    prefix = "*." if wildcard and text.startswith("*.") else ""
    try:
        text = text.removeprefix(prefix).encode("idna").decode("ascii").lower()
    except UnicodeError:
        raise PkiError(f"{refusal}a label is empty, too long, or has characters that are not allowed.") from None
    if len(prefix + text) > _MAX_DNS_NAME:
        raise PkiError(f"{refusal}it is longer than {_MAX_DNS_NAME} characters.")
    labels = text.split(".")
    if not all(_LABEL.fullmatch(label) for label in labels):
        raise PkiError(
            f"{refusal}use letters, digits and inner hyphens between dots; no underscore, scheme or port, and a"
            " wildcard only as the whole first label."
        )
    if labels[-1].isdigit():
        raise PkiError(f"{refusal}its last label is a number, so that browsers take it for an address.")
    if prefix and len(labels) < 2:
        raise PkiError(f"{refusal}browsers refuse a wildcard directly below a top-level domain.")
    return prefix + text
