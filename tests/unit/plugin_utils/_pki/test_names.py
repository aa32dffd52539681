# Copyright (c) 2026, the pifleet.nodered maintainers
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which names a host gets a certificate for."""

from __future__ import annotations

import ipaddress
import re
import typing as t

import pytest

from ansible_collections.pifleet.nodered.plugins.plugin_utils._pki.names import (
    Names,
    PkiError,
    desired_names,
    fleet_subtrees,
    permitted_subtrees,
)

#: "pi" in full-width letters.
WIDE = "\uff50\uff49"


class TestNames:
    def test_all_sources_in_order(self) -> None:
        extra = ["heat.example.com", "192.0.2.8"]
        names = desired_names(
            "Pi", "pi.example.com", "pi.garden.example", ["192.0.2.6"], extra, remote_address="192.0.2.6"
        )
        assert names.dns == ("pi", "pi.local", "pi.example.com", "pi.garden.example", "heat.example.com")
        assert names.ips == ("192.0.2.6", "192.0.2.8")
        assert names.left_out == names.not_permitted == ()

    def test_each_name_once(self) -> None:
        names = desired_names(
            "pi", "PI.local.", "pi", ["2001:DB8::7", "192.0.2.7"], ["Pi.Local", "2001:db8:0:0::7", "192.0.2.7"]
        )
        assert names == Names(("pi", "pi.local"), ("2001:db8::7", "192.0.2.7"))

    def test_a_host_name_with_a_dot_has_no_local_name(self) -> None:
        assert desired_names("pi.home.arpa", inventory_name="pi.home.arpa").dns == ("pi.home.arpa",)
        assert desired_names("pi.home.arpa", inventory_name="pi").dns == ("pi",)

    def test_an_inventory_name_may_be_an_address(self) -> None:
        assert desired_names(inventory_name="192.0.2.7") == Names((), ("192.0.2.7",))

    def test_an_address_to_connect_to_may_be_a_name(self) -> None:
        assert desired_names(remote_address="pi.example.com") == Names(("pi.example.com",), ())

    def test_nothing_known(self) -> None:
        assert desired_names(None, "", None, [""]) == Names((), ())

    @pytest.mark.parametrize(
        "unusable",
        [
            "node_red_1",
            "localhost",
            "localhost.localdomain",
            "127.0.0.1",
            "::1",
            "169.254.1.2",
            "fe80::1",
            "fe80::1%eth0",
            "2001:db8::1%eth0",
            "0.0.0.0",
            "::",
            "224.0.0.251",
            "ff02::fb",
            "a b",
            "-pi",
            "*.example.com",
            "300.1.1.1",
        ],
    )
    def test_what_facts_and_inventory_say_is_skipped_where_unusable(self, unusable: str) -> None:
        assert desired_names(unusable, unusable, unusable, [unusable], remote_address=unusable) == Names((), ())

    @pytest.mark.parametrize(
        ("extra", "dns", "ips"),
        [
            ("*.example.com", ("*.example.com",), ()),
            ("*.Büro.example", ("*.xn--bro-hoa.example",), ()),
            ("küche.example", ("xn--kche-0ra.example",), ()),
            ("xn--kche-0ra.example", ("xn--kche-0ra.example",), ()),
            ("localhost", ("localhost",), ()),
            ("127.0.0.1", (), ("127.0.0.1",)),
            ("::1", (), ("::1",)),
            ("fe80::1", (), ("fe80::1",)),
            (" pi.example.com ", ("pi.example.com",), ()),
            (63 * "a" + ".example", (63 * "a" + ".example",), ()),
        ],
    )
    def test_what_the_user_asks_for_is_taken(self, extra: str, dns: tuple[str, ...], ips: tuple[str, ...]) -> None:
        assert desired_names(extra=[extra]) == Names(dns, ips)

    @pytest.mark.parametrize(
        "extra",
        [
            "node_red",
            "https://pi.local",
            "pi.local:1880",
            "pi..local",
            "-pi",
            "pi-",
            "",
            " ",
            ".",
            "*",
            "*.",
            "*.com",
            "a.*.example",
            "*x.example",
            "**.example",
            64 * "a",
            ".".join(64 * ["abcd"]),
            "192.0.2.256",
            "1.2.3",
            "192.0.2.0/24",
            "fe80::1%eth0",
            "0.0.0.0",
            "224.0.0.1",
            "straße.example",
            "pi\0.local",
            "a b.local",
            # Of the configuration of openssl, which a host makes of them.
            "pi\nbasicConstraints=CA:TRUE",
            "pi.local\n[extensions]",
            "pi.local,DNS:www.bank.com",
            "pi.local, email:copy",
            "@section",
            "$ENV::HOME",
            "pi#.local",
            "pi.local\\",
        ],
    )
    def test_what_the_user_asks_for_is_named_where_unusable(self, extra: str) -> None:
        with pytest.raises(PkiError, match=re.escape(f"'{extra}'")):
            desired_names(extra=[extra])

    @pytest.mark.parametrize("extra", [5, None, ["pi"]])
    def test_names_are_strings(self, extra: object) -> None:
        with pytest.raises(PkiError, match="not text"):
            desired_names(extra=t.cast("list[str]", [extra]))

    def test_a_string_is_not_a_list_of_names(self) -> None:
        with pytest.raises(PkiError, match="must be a list"):
            desired_names(extra="pi")


def confirms(_name: str) -> bool:
    """Evidence for everything."""
    return True


class TestClaims:
    """What only the host says, which may be an attacker's."""

    @pytest.mark.parametrize("claim", ["pi", "pi.local", "PI.Local.", " pi ", WIDE])
    @pytest.mark.parametrize(
        "known", [{"inventory_name": "pi"}, {"remote_address": "pi.lan"}, {"extra": ["pi.example"]}]
    )
    def test_names_that_agree_with_the_inventory(self, claim: str, known: dict[str, t.Any]) -> None:
        names = desired_names(fqdn=claim, **known)
        assert {"pi", "pi.local"} & set(names.dns)
        assert names.left_out == ()

    @pytest.mark.parametrize(
        "claim",
        [
            "router",
            "homeassistant.local",
            "nas.lan",
            "pi2",
            "pi2.local",
            "pi.lan",
            "a.pi",
            "pi.evillocal",
            "local",
            "pi.bank.com",
        ],
    )
    def test_other_names_need_evidence(self, claim: str) -> None:
        assert desired_names(claim, claim, "pi").left_out[0] == claim
        assert claim not in desired_names(claim, claim, "pi").dns

    @pytest.mark.parametrize(
        "name", ["nas.lan", "pi.home.arpa", "pi.cellar.home.arpa", "pi.internal", "pi.home", "pi.localdomain"]
    )
    def test_a_private_name_with_evidence(self, name: str) -> None:
        assert desired_names(fqdn=name, confirms=confirms) == Names((name,), ())
        assert desired_names(fqdn=name, confirms=lambda _name: False).left_out == (name,)

    @pytest.mark.parametrize(
        "name", ["router", "nas.local", "www.bank.com", "bank.com", "local.bank.com", "home.arpa", "notlocal.lanx"]
    )
    def test_names_that_no_evidence_helps(self, name: str) -> None:
        """Others may have them, and any host answers for `.local`."""
        names = desired_names(name, name, "kitchen", [name], confirms=confirms)
        assert names.dns == ("kitchen",)
        assert name in names.left_out

    @pytest.mark.parametrize(
        "spelling",
        [
            "www.bank.com.",
            "WWW.BANK.COM",
            " www.bank.com\t",
            "www\u3002bank\uff0ecom",
            # With a Cyrillic letter, and as a browser is sent it.
            "www.b\u0430nk.com",
            "xn--www-x.xn--bnk-7cd.com",
            # Which a host may not even have of a domain that it is in itself.
            "*.bank.com",
            "*.home.arpa",
            "*",
        ],
    )
    def test_no_spelling_of_a_name_of_somebody_else(self, spelling: str) -> None:
        names = desired_names(spelling, spelling, "kitchen", [spelling], confirms=confirms)
        assert (names.dns, names.ips) == (("kitchen",), ())

    @pytest.mark.parametrize(
        "spelling", ["::ffff:8.8.8.8", "::ffff:808:808", "0:0:0:0:0:FFFF:0808:0808", "64:ff9b::808:808"]
    )
    def test_an_address_inside_another_is_no_evidence(self, spelling: str) -> None:
        """As an IPv6 address may have an IPv4 address in it."""
        names = desired_names(spelling, spelling, "kitchen", [spelling], confirms=lambda name: name == "8.8.8.8")
        assert (names.dns, names.ips, len(names.left_out)) == (("kitchen",), (), 1)

    @pytest.mark.parametrize(
        "address", ["192.168.1.2", "10.0.0.1", "172.16.0.1", "100.64.0.1", "fd00::1", "8.8.8.8", "2a00:1450:4001::1"]
    )
    def test_addresses(self, address: str) -> None:
        assert desired_names(address, address, None, [address]) == Names((), (), left_out=(address,))
        assert desired_names(addresses=[address], confirms=lambda name: name == address) == Names((), (address,))
        assert desired_names(addresses=[address], remote_address=address) == Names((), (address,))
        assert desired_names(addresses=[address], inventory_name=address) == Names((), (address,))
        assert desired_names(addresses=[address], extra=[address]) == Names((), (address,))

    @pytest.mark.parametrize(
        "spelling",
        [
            "pi2",
            "PI2",
            "pi2.",
            " pi2",
            "pi2 ",
            f"{WIDE}2",
            "pi2.local",
            "Pi2.LOCAL.",
            "pi2.lan",
            "192.168.1.21",
            " 192.168.1.21",
            "fd00::21",
            "FD00:0:0::21",
            "fd00:0:0:0:0:0:0:21",
        ],
    )
    @pytest.mark.parametrize("own", ["pi", "pi2.site.example"])
    def test_what_another_host_has_in_any_spelling(self, spelling: str, own: str) -> None:
        taken = ["Pi2", "pi2.local", f"{WIDE}2.lan", "192.168.1.21 ", "FD00::0021"]
        names = desired_names(spelling, spelling, own, [spelling], confirms=confirms, taken=taken)
        assert names.dns == (own,)
        assert names.ips == ()

    def test_what_the_inventory_gives_to_two_hosts_both_have(self) -> None:
        """As two services behind one address."""
        names = desired_names(inventory_name="heat", remote_address="pi.lan", taken=["pi.lan", "pi", "garden"])
        assert names.dns == ("heat", "pi.lan")

    def test_the_control_node_is_believed_what_it_says_of_itself(self) -> None:
        names = desired_names("desk", "desk.example.com", "localhost", ["192.0.2.7"], is_here=True)
        assert names == Names(("desk", "desk.local", "desk.example.com"), ("192.0.2.7",))

    @pytest.mark.parametrize(
        "known",
        [
            {"inventory_name": "kitchen.example.com"},
            {"inventory_name": "kitchen", "remote_address": "pi7.example.com"},
            {"inventory_name": "kitchen", "extra": ["heating.example.com"]},
            {"inventory_name": "kitchen", "extra": ["*.example.com"]},
            {"inventory_name": "kitchen.example.co.uk", "extra": ["PI7.Example.com."]},
        ],
    )
    def test_names_in_a_domain_of_the_user(self, known: dict[str, t.Any]) -> None:
        names = desired_names("kitchen", "kitchen.example.com", **known)
        assert "kitchen.example.com" in names.dns
        assert names.left_out == ()
        for other in ("kitchen.example.org", "kitchen.notexample.com", "example.com", "sso.example.com"):
            assert desired_names("kitchen", other, **known).left_out == (other,)

    @pytest.mark.parametrize(
        ("mine", "theirs"),
        [
            ("pi.com", "www.bank.com"),
            ("pi.co.uk", "www.bank.co.uk"),
            ("pi.com.au", "bank.com.au"),
            ("pi.gouv.fr", "impots.gouv.fr"),
            ("pi.duckdns.org", "neighbour.duckdns.org"),
            ("example.net", "www.bank.net"),
            ("192.0.2.7", "192.0.2.7.bank.com"),
        ],
    )
    def test_a_domain_that_is_shared_is_nobodys(self, mine: str, theirs: str) -> None:
        for known in ({"inventory_name": mine}, {"extra": [mine]}, {"remote_address": mine}):
            assert desired_names(fqdn=theirs, **t.cast("t.Any", known)).left_out == (theirs,)

    def test_a_claim_that_the_user_confirms_is_no_claim(self) -> None:
        names = desired_names("www.bank.com", "WWW.bank.com", extra=["www.bank.com"])
        assert names == Names(("www.bank.com",), ())

    def test_each_is_reported_once_and_not_what_is_unusable(self) -> None:
        names = desired_names("a.bank.com", "A.bank.com.", None, ["8.8.8.8", "8.8.8.8", "127.0.0.1", "a_b.com"])
        assert names == Names((), (), left_out=("a.bank.com", "8.8.8.8"))


class TestPermits:
    def test_names_that_may_not_be_signed_are_reported(self) -> None:
        """What the authority may not sign for is reported unless it is asked for."""
        names = desired_names(
            "kitchen",
            None,
            "kitchen",
            ["192.168.1.2", "8.8.8.8"],
            ["heat.example", "pi.local"],
            "10.0.0.1",
            permits=lambda name: name.endswith(".local") or name.startswith("192."),
            confirms=lambda name: name == "192.168.1.2",
        )
        assert names.dns == ("kitchen.local", "heat.example", "pi.local")
        assert names.ips == ("192.168.1.2",)
        assert names.left_out == ("8.8.8.8",)
        assert names.not_permitted == ("kitchen", "10.0.0.1")


class TestFleetSubtrees:
    """What the authority of a fleet may sign for where nobody says."""

    @pytest.mark.parametrize(
        ("name", "subtree"),
        [
            ("pi7.example.com", "example.com"),
            ("pi7.site.example.co.uk", "site.example.co.uk"),
            ("pi.duckdns.org", "pi.duckdns.org"),
            ("example.com", "example.com"),
            ("8.8.8.8", "8.8.8.8/32"),
            ("2001:4860::1", "2001:4860::1/128"),
        ],
    )
    def test_what_is_not_private_is_named(self, name: str, subtree: str) -> None:
        assert fleet_subtrees([name])[-1] == subtree
        assert fleet_subtrees([], [name])[-1] == subtree

    @pytest.mark.parametrize(
        "name", ["kitchen", "kitchen.local", "kitchen.lan", "192.168.1.2", "fd00::1", "a_b", "", "fe80::1%eth0"]
    )
    def test_what_is_private_adds_nothing(self, name: str) -> None:
        assert fleet_subtrees([name]) == fleet_subtrees([])

    def test_one_label_and_a_wildcard_that_are_asked_for(self) -> None:
        assert fleet_subtrees([], ["Kitchen", "*.example.com", "*.duckdns.org"])[-3:] == [
            "kitchen",
            "example.com",
            "duckdns.org",
        ]

    def test_they_are_what_an_authority_takes(self) -> None:
        domains, networks = permitted_subtrees(fleet_subtrees(["pi7.example.com"], ["kitchen"]))
        assert {"local", "lan", "example.com", "kitchen"} <= set(domains)
        assert any(ipaddress.ip_address("192.168.1.2") in network for network in networks)
        assert not any(ipaddress.ip_address("8.8.8.8") in network for network in networks)
