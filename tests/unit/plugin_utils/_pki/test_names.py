# Copyright (c) 2026, the pifleet.nodered maintainers
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which names a host gets a certificate for."""

from __future__ import annotations

import re
import typing as t

import pytest

from ansible_collections.pifleet.nodered.plugins.plugin_utils._pki.names import Names, PkiError, desired_names


class TestNames:
    def test_all_sources_in_order(self) -> None:
        extra = ["heat.example.com", "192.0.2.8"]
        names = desired_names("Pi", "pi.example.com", "kitchen", ["192.0.2.7"], extra, remote_address="192.0.2.6")
        assert names.dns == ("pi", "pi.local", "pi.example.com", "kitchen", "heat.example.com")
        assert names.ips == ("192.0.2.7", "192.0.2.6", "192.0.2.8")
        assert names.left_out == names.not_permitted == ()

    def test_each_name_once(self) -> None:
        names = desired_names(
            "pi", "PI.local.", "pi", ["2001:DB8::7", "192.0.2.7"], ["Pi.Local", "2001:db8:0:0::7", "192.0.2.7"]
        )
        assert names == Names(("pi", "pi.local"), ("2001:db8::7", "192.0.2.7"))

    def test_a_host_name_with_a_dot_has_no_local_name(self) -> None:
        assert desired_names("pi.home.arpa").dns == ("pi.home.arpa",)

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


class TestClaims:
    """What only the host says, which may be an attacker's."""

    @pytest.mark.parametrize(
        "name",
        ["pi", "pi.local", "pi.lan", "pi.home.arpa", "pi.cellar.home.arpa", "pi.internal", "pi.home", "pi.localdomain"],
    )
    def test_names_that_nobody_has_on_the_internet(self, name: str) -> None:
        assert desired_names(fqdn=name) == Names((name,), ())
        assert name in desired_names(hostname=name).dns

    @pytest.mark.parametrize("name", ["www.bank.com", "bank.com", "local.bank.com", "home.arpa", "notlocal.lanx"])
    def test_names_that_somebody_may_have(self, name: str) -> None:
        assert desired_names(name, name, "kitchen", [name]) == Names(("kitchen",), (), left_out=(name,))

    @pytest.mark.parametrize("address", ["192.168.1.2", "10.0.0.1", "172.16.0.1", "100.64.0.1", "fd00::1"])
    def test_addresses_that_are_not_global(self, address: str) -> None:
        assert desired_names(addresses=[address]) == Names((), (address,))

    @pytest.mark.parametrize("address", ["8.8.8.8", "2a00:1450:4001::1", "::ffff:808:808"])
    def test_addresses_that_are(self, address: str) -> None:
        assert desired_names(address, address, None, [address]) == Names((), (), left_out=(address,))
        assert desired_names(addresses=[address], remote_address=address) == Names((), (address,))
        assert desired_names(addresses=[address], inventory_name=address) == Names((), (address,))
        assert desired_names(addresses=[address], extra=[address]) == Names((), (address,))

    @pytest.mark.parametrize(
        "known",
        [
            {"inventory_name": "pi7.example.com"},
            {"remote_address": "pi7.example.com"},
            {"extra": ["heating.example.com"]},
            {"extra": ["*.example.com"]},
            {"inventory_name": "fleet.example.co.uk", "extra": ["PI7.Example.com."]},
        ],
    )
    def test_names_in_a_domain_of_the_user(self, known: dict[str, t.Any]) -> None:
        names = desired_names("kitchen", "kitchen.example.com", **known)
        assert "kitchen.example.com" in names.dns
        assert names.left_out == ()
        for other in ("kitchen.example.org", "kitchen.notexample.com", "example.com"):
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
            "pi",
            None,
            "kitchen",
            ["192.168.1.2", "8.8.8.8"],
            ["heat.example", "kitchen.local"],
            "10.0.0.1",
            permits=lambda name: name.endswith(".local") or name.startswith("192."),
        )
        assert names.dns == ("pi.local", "heat.example", "kitchen.local")
        assert names.ips == ("192.168.1.2",)
        assert names.left_out == ("8.8.8.8",)
        assert names.not_permitted == ("pi", "kitchen", "10.0.0.1")
