# Copyright (c) 2026, the pifleet.nodered maintainers
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A new certificate in the place of the old one: without a restart, without a broken connection, and never half."""

from __future__ import annotations

import pathlib
import subprocess
import typing as t

import pytest
from scenario import pythons
from scenario.comms import Comms
from scenario.fleet import CERTIFICATE, PORT, Fleet, differences
from scenario.leaks import leaked


@pytest.fixture(scope="module", autouse=True)
def secured(fleet: Fleet) -> None:
    run = fleet.play()
    assert run.status == 0, run.output


def served(fleet: Fleet, name: str) -> str:
    """The certificate that a handshake shows, in PEM."""
    connection = fleet.here().openssl(
        "s_client",
        "-connect",
        f"{fleet.address(name)}:{PORT}",
        "-CAfile",
        fleet.ca,
        "-verify_return_error",
        "-verify_ip",
        fleet.address(name),
    )
    assert connection.rc == 0, connection.stderr
    start = connection.stdout.index("-----BEGIN CERTIFICATE-----")
    return connection.stdout[start : connection.stdout.index("-----END CERTIFICATE-----")]


def installed(fleet: Fleet, name: str) -> str:
    content = fleet.host(name).file(CERTIFICATE).content_string
    start = content.index("-----BEGIN CERTIFICATE-----")
    return content[start : content.index("-----END CERTIFICATE-----")]


def key(fleet: Fleet, name: str) -> str:
    return fleet.host(name).check_output("openssl pkey -in %s -pubout", CERTIFICATE)


class Host(t.NamedTuple):
    """A host before a renewal, with an editor that is open."""

    process: str
    served: str
    key: str
    editor: Comms


@pytest.fixture
def before(fleet: Fleet) -> t.Iterator[dict[str, Host]]:
    hosts = {}
    for name in fleet.names:
        token = fleet.here().token(fleet.url(name), "admin", fleet.password("admin"))
        editor = Comms(fleet.address(name), PORT, fleet.ca, token)
        hosts[name] = Host(fleet.process(name), served(fleet, name), key(fleet, name), editor)
    yield hosts
    for host in hosts.values():
        host.editor.close()


@pytest.mark.parametrize(
    ("variables", "renewed"),
    [
        ({"nodered_certificate_names": ["heating.example.com"]}, ["pi31", "pi41", "pi5"]),
        # Without the one that takes its time.
        ({"nodered_certificate_names": ["heating.example.com"], "nodered_certificate_new_key": True}, ["pi31", "pi41"]),
        (
            {"nodered_certificate_names": ["heating.example.com"], "nodered_certificate_key_type": "rsa-2048"},
            ["pi31", "pi41"],
        ),
    ],
    ids=["another name", "a new key", "another type of key"],
)
def test_open_connections_survive(
    fleet: Fleet, before: dict[str, Host], variables: dict[str, t.Any], renewed: list[str]
) -> None:
    run = fleet.play("--limit", ",".join([*renewed, "patient"]), variables=variables)
    assert run.status == 0, run.output
    for name in renewed:
        assert fleet.process(name) == before[name].process
        assert served(fleet, name) == installed(fleet, name) != before[name].served
        assert (key(fleet, name) != before[name].key) is (len(variables) > 1)
        assert before[name].editor.messages()
        assert fleet.host(name).file(CERTIFICATE).mode == 0o600
    # This one would show its old certificate for hours.
    assert fleet.process("patient") != before["patient"].process
    assert served(fleet, "patient") == installed(fleet, "patient") != before["patient"].served
    again = fleet.play(variables={"nodered_certificate_names": ["heating.example.com"]})
    assert {name: recap["changed"] for name, recap in again.recap.items()} == dict.fromkeys(fleet.names, 0)
    names = fleet.here().openssl(
        "s_client",
        "-connect",
        f"{fleet.address('pi41')}:{PORT}",
        "-CAfile",
        fleet.ca,
        "-verify_return_error",
        "-verify_hostname",
        "heating.example.com",
    )
    assert names.rc == 0, names.stderr


# Faults: a clear error, and the old certificate still served

ANOTHER = {"nodered_certificate_names": ["attic.example.com"]}


@pytest.fixture
def disk_in_memory(fleet: Fleet) -> t.Iterator[None]:
    """A directory of certificates that is gone with the next start of the host."""
    host = fleet.host("pi41")
    directory = CERTIFICATE.rpartition("/")[0]
    host.check_output(
        f"cp -p {CERTIFICATE} /root/kept.pem && mount -t tmpfs -o mode=0700,uid=pi,gid=pi tmpfs {directory}"
        f" && cp -p /root/kept.pem {CERTIFICATE}"
    )
    yield
    host.check_output(f"umount {directory}")


#: By the name of a Python of the scenarios: how the clock is told that modules then find.
CLOCKS = {"past": "3650 days behind", "future": "365 days ahead of"}


def clock(fleet: Fleet, when: str) -> dict[str, t.Any]:
    """Variables with which modules find the clock in the past or in the future."""
    return {"ansible_python_interpreter": f"{pythons.install(fleet.host('pi41'), when)}/python"}


def assert_refused(fleet: Fleet, variables: dict[str, t.Any], *messages: str) -> None:
    before = served(fleet, "pi41"), fleet.process("pi41")
    run = fleet.play("--limit", "pi41", variables=variables)
    assert run.recap["pi41"]["failed"] == 1
    for message in messages:
        assert run.said(message), run.output
    assert "Traceback" not in run.output
    assert (served(fleet, "pi41"), fleet.process("pi41")) == before
    assert served(fleet, "pi41") == installed(fleet, "pi41")


def test_disk_in_memory(fleet: Fleet, disk_in_memory: None) -> None:
    assert_refused(fleet, ANOTHER, CERTIFICATE, "is on a file system in memory (tmpfs)")


@pytest.mark.parametrize("when", CLOCKS)
def test_clock_of_a_host_that_signs_for_itself(fleet: Fleet, when: str) -> None:
    assert_refused(
        fleet,
        {**clock(fleet, when), "nodered_certificate_provider": "selfsigned"},
        f"The clock of this host is {CLOCKS[when]} that of the control node. Set it",
    )


@pytest.mark.parametrize("when", CLOCKS)
def test_clock_of_a_host_does_not_matter_to_the_fleets_authority(fleet: Fleet, when: str) -> None:
    run = fleet.play(
        "--limit", "pi41", variables={**clock(fleet, when), **ANOTHER, "nodered_certificate_new_key": True}
    )
    assert run.status == 0, run.output
    assert run.said(f"[WARNING]: The clock of this host is {CLOCKS[when]}")
    assert served(fleet, "pi41") == installed(fleet, "pi41")


def test_wrong_passphrase(fleet: Fleet) -> None:
    assert_refused(
        fleet,
        {"nodered_certificate_names": ["cellar.example.com"], "nodered_ca_passphrase": "wrong-only-for-tests"},
        "ca.key",
        "passphrase",
    )


@pytest.mark.parametrize(
    ("command", "message"),
    [
        ("openssl pkey -in {0} -aes256 -passout pass:only-for-tests", "has an encrypted private key"),
        ("openssl x509 -in {0}", "has no private key"),
    ],
    ids=["encrypted", "missing"],
)
def test_a_key_that_cannot_be_used_is_not_replaced(fleet: Fleet, command: str, message: str) -> None:
    host = fleet.host("pi41")
    original = host.file(CERTIFICATE).content_string
    process = fleet.process("pi41")
    # The server notices at its next look, and goes on with what it has.
    host.check_output(
        f"({command}; openssl x509 -in {{0}}) >/root/other.pem && cat /root/other.pem >{{0}}".format(CERTIFICATE)
    )
    try:
        run = fleet.play("--limit", "pi41", variables=ANOTHER)
        assert run.recap["pi41"]["failed"] == 1
        assert run.said(f"{CERTIFICATE} {message}. Put a good one back"), run.output
        assert fleet.process("pi41") == process
    finally:
        host.check_output(f"printf %%s %s >{CERTIFICATE}", original)


# Certificates from elsewhere


def bought(fleet: Fleet, name: str, days: int = 90, names: str = "DNS:*.bought.example.com") -> tuple[str, str]:
    """A certificate with its intermediate, and its key, as an authority sells them; made with openssl."""
    directory = fleet.work / "bought"
    directory.mkdir(exist_ok=True)
    (directory / "extensions").write_text(
        "[ca]\nbasicConstraints = critical, CA:TRUE\nkeyUsage = critical, keyCertSign\nsubjectKeyIdentifier = hash\n"
        f"[leaf]\nbasicConstraints = critical, CA:FALSE\nextendedKeyUsage = serverAuth\nsubjectAltName = {names}\n",
        "utf-8",
    )

    def openssl(*arguments: str) -> None:
        subprocess.run(["openssl", *arguments], cwd=directory, check=True, stderr=subprocess.DEVNULL)

    new_key = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes")
    if not (directory / "root.pem").exists():
        openssl(
            "req", "-x509", *new_key, "-keyout", "root.key", "-out", "root.pem", "-subj", "/CN=Root", "-days", "900"
        )
        openssl("req", *new_key, "-keyout", "middle.key", "-out", "middle.csr", "-subj", "/CN=Middle")
        openssl(
            "x509",
            "-req",
            "-in",
            "middle.csr",
            "-CA",
            "root.pem",
            "-CAkey",
            "root.key",
            "-CAcreateserial",
            "-days",
            "800",
            "-extfile",
            "extensions",
            "-extensions",
            "ca",
            "-out",
            "middle.pem",
        )
    openssl("req", *new_key, "-keyout", f"{name}.key", "-out", f"{name}.csr", "-subj", f"/CN={name}")
    openssl(
        "x509",
        "-req",
        "-in",
        f"{name}.csr",
        "-CA",
        "middle.pem",
        "-CAkey",
        "middle.key",
        "-CAcreateserial",
        "-days",
        str(days),
        "-extfile",
        "extensions",
        "-extensions",
        "leaf",
        "-out",
        f"{name}.pem",
    )
    texts = [(directory / file).read_text("utf-8") for file in (f"{name}.pem", "middle.pem", f"{name}.key")]
    return texts[0] + texts[1], texts[2]


def given(chain: str, private_key: str, **variables: t.Any) -> dict[str, t.Any]:
    return {
        "nodered_certificate_provider": "file",
        "nodered_certificate_chain": chain,
        "nodered_certificate_key": private_key,
        "nodered_certificate_names": ["pi.bought.example.com"],
        **variables,
    }


def test_a_bought_certificate(fleet: Fleet) -> None:
    chain, private_key = bought(fleet, "good")
    encrypt = ["openssl", "pkey", "-aes256", "-passout", "pass:bought-key-only-for-tests"]
    encrypted = subprocess.run(encrypt, input=private_key, check=True, stdout=subprocess.PIPE, text=True).stdout
    variables = given(chain, encrypted, nodered_certificate_key_passphrase="bought-key-only-for-tests")
    process = fleet.process("pi41")
    run = fleet.play("--limit", "pi41", "--diff", "-vvv", variables=variables)
    assert run.status == 0, run.output
    lines = [line for line in (private_key + encrypted).splitlines() if "-----" not in line]
    assert not leaked([*lines, "bought-key-only-for-tests"], run.output)
    connection = fleet.here().openssl(
        "s_client",
        "-connect",
        f"{fleet.address('pi41')}:{PORT}",
        "-CAfile",
        str(fleet.work / "bought/root.pem"),
        "-verify_return_error",
        "-verify_hostname",
        "pi.bought.example.com",
    )
    assert connection.rc == 0, connection.stderr
    assert fleet.process("pi41") == process
    again = fleet.play("--limit", "pi41", variables=variables)
    assert again.recap["pi41"]["changed"] == 0, again.output


def faulty(fleet: Fleet) -> dict[str, tuple[dict[str, t.Any], str]]:
    """Variables with a fault, and what the message must say."""
    chain, private_key = bought(fleet, "good")
    other_chain, other_key = bought(fleet, "other")
    leaf, middle = (part + "-----END CERTIFICATE-----\n" for part in chain.split("-----END CERTIFICATE-----\n")[:2])
    return {
        "mismatched pair": (given(chain, other_key), "nodered_certificate_key"),
        "wrong order": (given(middle + leaf, private_key), "nodered_certificate_chain"),
        "a certificate without its intermediate's": (
            given(leaf + other_chain, private_key),
            "nodered_certificate_chain",
        ),
        "expired": (given(*bought(fleet, "late", days=-1)), "expired"),
        "another name": (given(chain, private_key, nodered_certificate_names=["pi.example.com"]), "pi.example.com"),
        "no key": (given(chain, ""), "set nodered_certificate_chain and nodered_certificate_key"),
    }


@pytest.mark.parametrize(
    "fault",
    ["mismatched pair", "wrong order", "a certificate without its intermediate's", "expired", "another name", "no key"],
)
def test_a_faulty_certificate_from_elsewhere(fleet: Fleet, fault: str) -> None:
    variables, message = faulty(fleet)[fault]
    before = fleet.checksums("pi41")
    run = fleet.play("--limit", "pi41", variables=variables)
    assert run.recap["pi41"]["failed"] == 1
    assert run.said(message), run.output
    assert "Traceback" not in run.output
    assert differences(before, fleet.checksums("pi41")) == []


# Another authority, another card


def test_roll_over_of_the_authority(fleet: Fleet) -> None:
    """Browsers that trust only the former root, and those that trust only the new one, accept every certificate."""
    former = fleet.work / "former.pem"
    former.write_text(pathlib.Path(fleet.ca).read_text("utf-8"), "utf-8")
    process = fleet.process("pi41")
    run = fleet.play(
        "--limit", "pi41,pi31", playbook="pifleet.nodered.rotate", variables={"nodered_rotate": ["authority"]}
    )
    assert run.status == 0, run.output
    roots = pathlib.Path(fleet.ca).read_text("utf-8").split("-----END CERTIFICATE-----\n")
    new = fleet.work / "new.pem"
    new.write_text(roots[0] + "-----END CERTIFICATE-----\n", "utf-8")
    assert new.read_text("utf-8") != former.read_text("utf-8")
    for name in ("pi41", "pi31"):
        for root in (former, new):
            connection = fleet.here().openssl(
                "s_client",
                "-connect",
                f"{fleet.address(name)}:{PORT}",
                "-CAfile",
                str(root),
                "-no-CApath",
                "-no-CAstore",
                "-verify_return_error",
                "-verify_ip",
                fleet.address(name),
            )
            assert connection.rc == 0, connection.stderr
    assert fleet.process("pi41") == process
    again = fleet.play("--limit", "pi41,pi31")
    assert {recap["changed"] for recap in again.recap.values()} == {0}


def test_a_cloned_card(fleet: Fleet) -> None:
    """The same files on a host with another name and address: its own certificate, and a word about the key."""
    original, clone = fleet.host("pi41"), fleet.host("patient")
    content = original.file(CERTIFICATE).content_string
    clone.check_output(f"printf %%s %s >{CERTIFICATE}", content)
    run = fleet.play("--limit", "pi41,patient")
    assert run.status == 0, run.output
    assert run.recap["pi41"]["changed"] == 0
    assert run.said("pi41 has the same private key, as after a card was cloned."), run.output
    assert key(fleet, "patient") == key(fleet, "pi41")
    served(fleet, "patient")
    run = fleet.play("--limit", "patient", variables={"nodered_certificate_new_key": True})
    assert run.status == 0, run.output
    assert key(fleet, "patient") != key(fleet, "pi41")


def test_a_constrained_authority(fleet: Fleet) -> None:
    assert "Permitted:" in fleet.here().openssl("x509", "-in", fleet.ca, "-noout", "-text").stdout
    run = fleet.play("--limit", "pi31", variables={"nodered_certificate_names": ["pi.example.org"]})
    assert run.recap["pi31"]["failed"] == 1
    assert run.said("pi.example.org"), run.output


def test_another_host_name(fleet: Fleet) -> None:
    """What the host alone calls itself is told with the line to add, and signed for when that is there."""
    fleet.host("pi31").check_output("hostname attic")
    run = fleet.play("--limit", "pi31")
    assert (run.status, run.recap["pi31"]["changed"]) == (0, 0), run.output
    run = fleet.play("--limit", "pi31", variables={"nodered_certificate_new_key": True})
    assert run.said("nodered_certificate_names: [attic.local]"), run.output
    run = fleet.play("--limit", "pi31", variables={"nodered_certificate_names": ["attic.local"]})
    assert run.status == 0, run.output
    connection = fleet.here().openssl(
        "s_client",
        "-connect",
        f"{fleet.address('pi31')}:{PORT}",
        "-CAfile",
        fleet.ca,
        "-verify_return_error",
        "-verify_hostname",
        "attic.local",
    )
    assert connection.rc == 0, connection.stderr


def test_a_lost_authority(fleet: Fleet) -> None:
    """One host without a certificate must not bring an authority that all others would have to be trusted for anew."""
    directory = pathlib.Path(fleet.ca).parent
    directory.rename(directory.with_name("lost"))
    fleet.host("patient").check_output("rm %s", CERTIFICATE)
    run = fleet.play("--limit", "pi31,pi5,patient")
    # Those that need no signature today are warned of.
    assert {name: recap["failed"] for name, recap in run.recap.items()} == {"pi31": 0, "pi5": 0, "patient": 1}, (
        run.output
    )
    assert run.said("holds no certificate authority. Its certificate of"), run.output
    assert run.said("Restore that directory from its backup"), run.output
    assert not (directory / "ca.key").exists()
    run = fleet.play("--limit", "pi31,pi5,patient", variables={"nodered_ca_new": True})
    assert run.status == 0, run.output
    assert run.said(f"A certificate authority was made in {directory}. Back that folder up"), run.output
    assert served(fleet, "pi31") == installed(fleet, "pi31")
