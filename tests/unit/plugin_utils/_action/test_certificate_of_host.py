# Copyright (c) 2026, the pifleet.nodered maintainers
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The provider host: what may be followed, and why a run has something to do."""

from __future__ import annotations

import datetime
import time
import typing as t

import pytest
from certbot_lineages import NOW, pair
from host_state import make_state
from pki_tools import CertificateFactory

from ansible_collections.pifleet.nodered.plugins.module_utils._shared.certificate_follower import digest, follower_files
from ansible_collections.pifleet.nodered.plugins.module_utils._shared.layout import Reader
from ansible_collections.pifleet.nodered.plugins.plugin_utils._action.certificate_providers import (
    Provider,
    certificate_provider,
    follower_reasons,
    source_is_known,
    source_options,
)
from ansible_collections.pifleet.nodered.plugins.plugin_utils._collection.argument_specs import argument_spec, validated
from ansible_collections.pifleet.nodered.plugins.plugin_utils._errors import UserError

KEY, CHAIN = "/etc/letsencrypt/live/pi/privkey.pem", "/etc/letsencrypt/live/pi/fullchain.pem"


class Action:
    """What a provider asks of an action."""

    task_vars: t.ClassVar[dict[str, t.Any]] = {"inventory_hostname": "kitchen"}
    remote_address = None
    is_here = False

    def certificates_of_others(self) -> dict[str, t.Any]:
        return {}


def options(**changes: t.Any) -> dict[str, t.Any]:
    asked = {"provider": "host", "host_key": KEY, "host_chain": CHAIN, "names": ["pi"], **changes}
    given = validated(argument_spec("certificate"), asked)
    assert given is not None
    return given


@pytest.fixture
def chain(factory: CertificateFactory) -> str:
    return signed(factory)


def signed(factory: CertificateFactory, days: str = "90") -> str:
    root = factory.self_signed("p256", "-days", "1000", subject="/CN=authority")
    extensions = "basicConstraints=CA:FALSE\nsubjectAltName=DNS:pi"
    return factory.signed("p384", root, "p256", extensions, "-days", days).decode()


def state(chain: str, **changes: t.Any) -> dict[str, t.Any]:
    """The state of a host that follows its certificate."""
    made: t.Any = make_state()
    copy = made["certificate"]["path"]
    files = follower_files("nodered.service", Reader(copy, "pi", "pi"), KEY, CHAIN)
    source = {"key": KEY, "chain": CHAIN, "problem": "", "certificates": chain, "sha256": "0" * 64}
    return {
        **made,
        "host": {**made["host"], "clock": int(time.time())},
        "certificate": {**made["certificate"], "chain": chain},
        "source": source,
        "follower": {"sha256": digest(files), "active": True},
        **changes,
    }


def provider(found: dict[str, t.Any], **changes: t.Any) -> Provider:
    made = certificate_provider(t.cast("t.Any", Action()), options(**changes), found)
    assert made is not None
    return made


def test_nothing_to_do(chain: str) -> None:
    asked = provider(state(chain))
    assert asked.all_reasons() == []
    assert asked.warnings == []


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"follower": None}, "its renewals are not followed yet"),
        ({"follower": {"sha256": "0" * 64, "active": True}}, "what follows its renewals differs"),
    ],
)
def test_renewals_would_not_arrive(chain: str, changes: dict[str, t.Any], reason: str) -> None:
    assert provider(state(chain, **changes)).all_reasons() == [reason]


def test_renewals_go_to_where_nginx_reads(chain: str) -> None:
    asked = provider(state(chain), proxy="nginx")
    assert asked.path == "/etc/pifleet-nodered/nodered/server.pem"
    assert asked.all_reasons() == ["what follows its renewals differs", "it lies where nobody reads it any more"]
    reader = Reader.nginx("nodered.service")
    there = state(
        chain, follower={"sha256": digest(follower_files("nodered.service", reader, KEY, CHAIN)), "active": True}
    )
    there["certificate"] = {**there["certificate"], "path": reader.path}
    assert provider(there, proxy="nginx").all_reasons() == []


def test_nobody_watches(chain: str) -> None:
    found = state(chain)
    found["follower"]["active"] = False
    assert provider(found).all_reasons() == ["its renewals are not watched for"]


def test_the_host_has_renewed_it(chain: str) -> None:
    found = state(chain)
    found["source"]["sha256"] = "1" * 64
    assert provider(found).all_reasons() == ["the host has another certificate"]
    found["certificate"] = {**found["certificate"], "chain": None, "sha256": ""}
    assert provider(found).all_reasons() == ["there is no certificate yet"]


def test_another_path_is_another_wish(chain: str) -> None:
    asked = options(host_key="/srv/key.pem")
    assert not source_is_known(asked, state(chain))
    assert source_is_known(options(), state(chain))
    assert source_is_known(options(provider="ca"), state(chain, source=None))
    # A host that does not answer what it was asked.
    with pytest.raises(UserError, match="does not say what is in nodered_certificate_host_key"):
        provider(state(chain, source=None))


def test_the_words_of_the_host_name_the_variable(chain: str) -> None:
    found = state(chain)
    found["source"]["problem"] = "nodered_certificate_host_key: /x does not exist on this host."
    with pytest.raises(UserError, match="^nodered_certificate_host_key: /x does not exist"):
        provider(found)


def test_a_name_that_is_missing(chain: str) -> None:
    with pytest.raises(UserError, match=rf"nodered_certificate_host_chain \({CHAIN}\) is for pi, not for attic.local"):
        provider(state(chain), names=["attic.local"])


def test_a_renewal_that_is_late(factory: CertificateFactory) -> None:
    """Short certificates are good for a part of their time, whatever nodered_certificate_renew_before says."""
    assert provider(state(signed(factory, "1"))).warnings == []
    passed = (datetime.datetime.now(datetime.UTC) - NOW).days
    late = pair("pi", start=passed - 80, days=90)[1].decode()
    (warning,) = provider(state(late)).warnings
    assert warning.startswith(f"The certificate in {CHAIN} expires on ")
    assert warning.endswith("What renews it on this host should have done so long ago.")


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"host_key": None}, "set nodered_certificate_host_key and nodered_certificate_host_chain"),
        ({"host_chain": ""}, "set nodered_certificate_host_key and nodered_certificate_host_chain"),
        ({"host_key": "privkey.pem"}, "nodered_certificate_host_key: 'privkey.pem' must be an absolute path"),
        ({"host_chain": "/etc/../srv/chain.pem"}, "nodered_certificate_host_chain: "),
        ({"host_chain": "/etc/a b.pem"}, "nodered_certificate_host_chain: "),
        ({"host_chain": "/etc/a\nPathChanged=/b"}, "nodered_certificate_host_chain: "),
    ],
)
def test_paths_that_cannot_be_followed(changes: dict[str, t.Any], message: str) -> None:
    with pytest.raises(UserError, match=message):
        source_options(options(**changes))


def test_a_new_key_is_not_ours_to_make(chain: str) -> None:
    with pytest.raises(UserError, match="certbot renew --force-renewal --no-reuse-key"):
        provider(state(chain), new_key=True)


def test_with_another_provider_it_is_followed_no_more(chain: str) -> None:
    assert source_options(options(provider="ca")) == {}
    told = ["the renewals of the host's own certificate are still followed"]
    assert follower_reasons(state(chain)) == told
    assert follower_reasons(state(chain, follower=None)) == []
    assert provider(state(chain), provider="selfsigned").all_reasons()[-1:] == told
