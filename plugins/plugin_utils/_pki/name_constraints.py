# Copyright (c) 2026, the pifleet.nodered maintainers
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What an authority may sign for: the name constraints of RFC 5280, section 4.2.1.10."""

from __future__ import annotations

import contextlib
import ipaddress
import typing as t
from collections.abc import Callable, Iterable

from .names import Names, parsed_address, permitted_subtrees
from .x509 import certificates_of, extension, is_issued_by, is_self_signed

with contextlib.suppress(ImportError):  # require tells
    from cryptography import x509


def accepts_path(issuer: x509.Certificate, crossed: x509.Certificate, below: int, names: Names) -> bool:
    """Whether a server's path through a cross certificate holds.

    :param below: how many authorities are between the cross certificate and that of the server
    """
    for certificate, count in ((crossed, below), (issuer, below + 1)):
        constraints = extension(certificate.extensions, x509.BasicConstraints)
        if constraints is None or (constraints.path_length is not None and constraints.path_length < count):
            return False
        if not all(permits_name(certificate, name) for name in (*names.dns, *names.ips)):
            return False
    return True


def name_constraints(permitted: Iterable[str]) -> x509.NameConstraints | None:
    """An extension with which nothing else is permitted; None for an empty list, and for one with `*`.

    RFC 5280 restricts only those kinds of names of which a subtree is given: the other kind is excluded altogether.
    """
    permitted = list(permitted) if not isinstance(permitted, str) else permitted
    if "*" in permitted:
        return None
    domains, networks = permitted_subtrees(permitted)
    if not domains and not networks:
        return None
    everything: list[x509.GeneralName] = [] if domains else [x509.DNSName("")]
    if not networks:
        everything += [x509.IPAddress(ipaddress.ip_network(each)) for each in ("0.0.0.0/0", "::/0")]
    return x509.NameConstraints(
        [x509.DNSName(each) for each in domains] + [x509.IPAddress(each) for each in networks], everything or None
    )


def is_constrained(pem: str) -> bool:
    """Whether the first certificate of a bundle, or one above it that is there too, has nameConstraints.

    :raises PkiError: one of the certificates cannot be read
    """
    certificate, *others = certificates_of(pem.encode("utf-8"), "the CA certificate")
    while extension(certificate.extensions, x509.NameConstraints) is None:
        # A cross certificate of a former authority binds those only who trust that one.
        issuers = [] if is_self_signed(certificate) else [each for each in others if is_issued_by(certificate, each)]
        if not issuers:
            return False
        certificate, others = issuers[0], [each for each in others if each != issuers[0]]
    return True


def subtrees(constraints: x509.NameConstraints | None) -> tuple[frozenset[t.Any], frozenset[t.Any]]:
    """What a certificate permits and what it excludes, to compare it with another."""
    if constraints is None:
        return frozenset(), frozenset()
    return frozenset(constraints.permitted_subtrees or ()), frozenset(constraints.excluded_subtrees or ())


def described(constraints: x509.NameConstraints | None) -> str:
    """What a certificate may sign for, in words."""
    if constraints is None:
        return "everything"
    permitted = ", ".join(str(each.value) for each in constraints.permitted_subtrees or ())
    excluded = [str(each.value) for each in constraints.excluded_subtrees or ()]
    # That it is nothing of a kind follows from what is permitted.
    excepted = ", ".join(each for each in excluded if not permitted or each not in ("", "0.0.0.0/0", "::/0"))
    return (permitted or "everything") + (f" except {excepted}" if excepted else "")


def permits(permitted: Iterable[str]) -> Callable[[str], bool]:
    """As the method of an authority that is yet to be made with this `permitted`, for the names of a first run.

    :raises PkiError: an entry is neither domain nor network
    """
    constraints = name_constraints(permitted)
    return lambda name: _allows(constraints, name)


def permits_name(certificate: x509.Certificate, name: str) -> bool:
    """Whether the nameConstraints of a certificate let it stand above one with this name."""
    return _allows(extension(certificate.extensions, x509.NameConstraints), name)


def _allows(constraints: x509.NameConstraints | None, name: str) -> bool:
    if constraints is None:
        return True
    address = parsed_address(name)
    if address is not None:
        permitted, excluded = _of_kind(constraints, x509.IPAddress)
        return (not permitted or any(address in each for each in permitted)) and not any(
            address in each for each in excluded
        )
    permitted, excluded = _of_kind(constraints, x509.DNSName)
    return (not permitted or any(_is_within(name, each.lower()) for each in permitted)) and not any(
        # A wildcard stands for every label, also for one that is excluded.
        _is_within(name, each.lower()) or name == f"*.{each.lower().lstrip('.').partition('.')[2]}"
        for each in excluded
    )


def _of_kind(constraints: x509.NameConstraints, kind: t.Any) -> tuple[list[t.Any], list[t.Any]]:
    """What is permitted and what is excluded of one kind of names."""
    subtrees: list[t.Any] = [constraints.permitted_subtrees, constraints.excluded_subtrees]
    permitted, excluded = ([each.value for each in given or () if isinstance(each, kind)] for given in subtrees)
    return permitted, excluded


def _is_within(name: str, domain: str) -> bool:
    """Whether a DNS name is the domain or below it; a leading dot says that it has to be below."""
    return not domain or name == domain or name.endswith(domain if domain.startswith(".") else "." + domain)
