# Copyright (c) 2026, the pifleet.nodered maintainers
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The playbook `validate`, as a user or CI runs it in a repository: it touches no host and names the lines of faults."""

from __future__ import annotations

import json
import pathlib
import re
import resource
import subprocess
import typing as t

import pytest
import yaml
from ad_hoc import PROJECT, program

CI = PROJECT / "docs" / "ci"
ADMIN, CREDENTIALS = "correct horse only-for-tests", "paper clip only-for-tests"
#: Of "battery staple only-for-tests".
FRED = "$2b$08$04/Tl8BCmB7dOmEZdDhjseKFmK6CZDw7u84dgv79l/vsYOfK6LgKW"
VAULT = "vault-only-for-tests"
#: Addresses that nobody has (RFC 5737).
INVENTORY = """\
[nodered]
kitchen.example.com ansible_host=192.0.2.1
garage.example.com ansible_host=192.0.2.2
"""
GOOD_SETTINGS = """\
module.exports = {
    uiPort: 1880,
    adminAuth: require("./auth"),
    httpNodeAuth: { user: "fred", pass: process.env.PASS },
    https: function() { return require("./tls") },
    credentialSecret: process.env.SECRET,
}
"""


def validate(
    folder: pathlib.Path, *options: str, inventory: str = "fleet.ini", **variables: t.Any
) -> subprocess.CompletedProcess[str]:
    given = ["-e", json.dumps(variables)] if variables else []
    where = ["-i", inventory] if inventory else []
    return program(folder, "ansible-playbook", *where, "pifleet.nodered.validate", *given, *options)


def rules(folder: pathlib.Path) -> list[str]:
    return [rule for rule, _file, _line in findings(folder)]


def findings(folder: pathlib.Path) -> list[tuple[str, str, int | None]]:
    """What the report has: rule, file and line of each finding."""
    report = json.loads((folder / "reports" / "report.json").read_text("utf-8"))
    return [(finding["rule"], finding["file"], finding["line"]) for finding in report["findings"]]


@pytest.fixture
def fleet(tmp_path: pathlib.Path) -> pathlib.Path:
    """A repository in which nothing is wrong, with its secrets encrypted one by one."""
    (tmp_path / "fleet.ini").write_text(INVENTORY, "utf-8")
    (tmp_path / "vault-password").write_text(VAULT, "utf-8")
    (tmp_path / "group_vars").mkdir()
    secrets = ""
    for name, secret in (("vault_admin", ADMIN), ("vault_fred", FRED), ("vault_credentials", CREDENTIALS)):
        secrets += program(
            tmp_path,
            "ansible-vault",
            "encrypt_string",
            "--vault-password-file",
            "vault-password",
            "--name",
            name,
            secret,
        ).stdout.partition("Encryption successful")[0]
    (tmp_path / "group_vars" / "nodered.yml").write_text(
        f"""\
nodered_admin_users:
  - {{username: admin, password: "{{{{ vault_admin }}}}", permissions: "*"}}
nodered_node_auth: {{user: fred, password_hash: "{{{{ vault_fred }}}}"}}
nodered_credential_secret: "{{{{ vault_credentials }}}}"
nodered_suppressions:
  - {{rule: secret-shared, reason: One family has all of them., until: 2099-12-31}}
{secrets}""",
        "utf-8",
    )
    return tmp_path


@pytest.fixture
def faulty(fleet: pathlib.Path) -> pathlib.Path:
    """The same with faults: of the fleet, of one host, of a settings file."""
    vars_file = fleet / "group_vars" / "nodered.yml"
    vars_file.write_text("nodered_certificat_days: 30\n" + vars_file.read_text("utf-8"), "utf-8")
    (fleet / "host_vars").mkdir()
    (fleet / "host_vars" / "garage.example.com.yml").write_text(
        "nodered_session_expiry: 60\nnodered_credential_secret: plain-only-for-tests\n", "utf-8"
    )
    (fleet / "north.js").write_text(
        "module.exports = {\n    adminauth: {},\n    https: require('./tls'),\n}\n", "utf-8"
    )
    return fleet


def test_a_good_fleet_passes(fleet: pathlib.Path) -> None:
    run = validate(fleet, "--vault-password-file", "vault-password", nodered_report_dir="reports")
    assert run.returncode == 0, run.stdout
    assert "changed=0" in run.stdout
    assert set(rules(fleet)) == {"secret-shared"}
    again = validate(fleet, "--vault-password-file", "vault-password", nodered_fail_severity="low")
    assert again.returncode == 0, again.stdout


def test_a_faulty_fleet_fails(faulty: pathlib.Path) -> None:
    run = validate(
        faulty, "--vault-password-file", "vault-password", nodered_report_dir="reports", nodered_validate_files=["*.js"]
    )
    assert run.returncode == 2, run.stdout
    assert {
        ("variable-misspelt", "group_vars/nodered.yml", 1),
        ("secret-plain-text", "host_vars/garage.example.com.yml", 2),
        ("setting-wrong-case", "north.js", 2),
    } <= set(findings(faulty))
    # What both hosts have from one line is said once.
    assert rules(faulty).count("variable-misspelt") == 1
    for location in ("group_vars/nodered.yml:1", "host_vars/garage.example.com.yml:2", "north.js:2"):
        assert location in run.stdout
    sarif = json.loads((faulty / "reports" / "report.sarif").read_text("utf-8"))
    places = {
        location["physicalLocation"]["artifactLocation"]["uri"]: location["physicalLocation"]["region"]["startLine"]
        for result in sarif["runs"][0]["results"]
        if result["ruleId"] in ("variable-misspelt", "secret-plain-text")
        for location in result["locations"]
    }
    assert places == {"group_vars/nodered.yml": 1, "host_vars/garage.example.com.yml": 2}
    assert validate(faulty, "--vault-password-file", "vault-password", nodered_fail_severity="never").returncode == 0


TRAP = """\
import os

from ansible.plugins.connection import ConnectionBase

DOCUMENTATION = '''
name: trap
short_description: Tells when somebody connects
description: Tells when somebody connects.
options: {}
'''


class Connection(ConnectionBase):
    transport = "trap"

    def _caught(self, *args, **kwargs):
        open(os.environ["TRAP"], "a").write("caught\\n")
        raise AssertionError("somebody connects")

    _connect = exec_command = put_file = fetch_file = _caught

    def close(self):
        pass
"""


@pytest.mark.parametrize("how", ["as the inventory has it", "as the command line has it"])
def test_no_host_is_touched(fleet: pathlib.Path, how: str) -> None:
    (fleet / "connection_plugins").mkdir()
    (fleet / "connection_plugins" / "trap.py").write_text(TRAP, "utf-8")
    bait = {
        "ansible_connection": "trap",
        "ansible_password": f"{{{{ lookup('pipe', 'touch {fleet}/asked') }}}}",
        "ansible_python_interpreter": "/nonexistent",
        "ansible_shell_executable": "/nonexistent",
    }
    given = bait if how == "as the command line has it" else {}
    with (fleet / "group_vars" / "nodered.yml").open("a") as file:
        yaml.safe_dump(bait, file)
    given.pop("ansible_password", None)
    environment = {
        "TRAP": str(fleet / "caught"),
        "ANSIBLE_CONNECTION_PLUGINS": str(fleet / "connection_plugins"),
        "ANSIBLE_VAULT_PASSWORD_FILE": "vault-password",
    }
    run = program(
        fleet,
        "ansible-playbook",
        "-i",
        "fleet.ini",
        "pifleet.nodered.validate",
        "-e",
        json.dumps(given),
        environment=environment,
    )
    assert run.returncode == 0, run.stdout
    assert not (fleet / "caught").exists()
    assert not (fleet / "asked").exists()
    # The trap works.
    caught = program(fleet, "ansible", "-i", "fleet.ini", "nodered", "-m", "ping", environment=environment)
    assert caught.returncode != 0
    assert (fleet / "caught").exists()


def test_lookups_run_only_where_the_command_line_says_so(fleet: pathlib.Path) -> None:
    variables = {
        name: f"{{{{ lookup('pipe', 'touch {fleet / name}; echo reports') }}}}"
        for name in (
            "nodered_certificate_days",
            "nodered_validate_settings",
            "nodered_suppressions",
            "nodered_validate_files",
            "nodered_report_dir",
            "nodered_fail_severity",
        )
    }
    # Also of localhost, where nobody has a host.
    (fleet / "group_vars" / "all.yml").write_text(
        f"nodered_hosts: \"{{{{ lookup('pipe', 'touch {fleet}/nodered_hosts; echo nodered') }}}}\"\n", "utf-8"
    )
    before = (fleet / "group_vars" / "nodered.yml").read_text("utf-8")
    (fleet / "group_vars" / "nodered.yml").write_text(
        before + yaml.safe_dump({**variables, "nodered_validate_lookups": True}), "utf-8"
    )
    run = validate(fleet)
    assert run.returncode == 0, run.stdout
    assert "Lookups in variables were not evaluated" in run.stdout
    assert not list(fleet.glob("nodered_*"))
    (fleet / "group_vars" / "nodered.yml").write_text(
        before + yaml.safe_dump({"nodered_certificate_days": variables["nodered_certificate_days"]}), "utf-8"
    )
    run = validate(fleet, nodered_validate_lookups=True)
    assert "nodered_certificate_days must be a whole number" in run.stdout
    assert (fleet / "nodered_certificate_days").exists()


def test_without_the_password_of_the_vault(fleet: pathlib.Path) -> None:
    run = validate(fleet, nodered_report_dir="reports")
    assert run.returncode == 0, run.stdout
    assert "Secrets that could not be decrypted here were not checked" in run.stdout
    assert findings(fleet) == []


def test_what_becomes_of_the_settings_of_each_host(fleet: pathlib.Path) -> None:
    (fleet / "fleet").mkdir()
    for host in ("kitchen", "garage"):
        (fleet / "fleet" / f"{host}.example.com.js").write_text("module.exports = {\n    uiPort: 1880,\n}\n", "utf-8")
    (fleet / "fleet" / "garage.example.com.js").write_text(
        "const base = {}\nmodule.exports = Object.freeze({})\n", "utf-8"
    )
    options = ("--vault-password-file", "vault-password")
    run = validate(
        fleet, *options, nodered_report_dir="reports", nodered_validate_settings="fleet/{{ inventory_hostname }}.js"
    )
    assert run.returncode == 2
    assert [finding for finding in findings(fleet) if finding[0] != "secret-shared"] == [
        ("settings-refused", "fleet/garage.example.com.js", 2)
    ]


def test_files_without_an_inventory(tmp_path: pathlib.Path) -> None:
    (tmp_path / "sites" / "north").mkdir(parents=True)
    (tmp_path / "sites" / "north" / "settings.js").write_text(GOOD_SETTINGS, "utf-8")
    files = {"nodered_validate_files": ["sites/**/*.js"], "nodered_report_dir": "reports"}
    run = validate(tmp_path, inventory="", **files)
    assert run.returncode == 0, run.stdout
    assert re.findall(r"^  (critical|high)", run.stdout, re.MULTILINE) == []
    (tmp_path / "sites" / "south.js").write_text("module.exports = {\n  uiPort: 1880,,\n}\n", "utf-8")
    run = validate(tmp_path, inventory="", **files)
    assert run.returncode == 2
    assert ("settings-not-analysed", "sites/south.js", 2) in findings(tmp_path)
    assert "sites/south.js:2" in run.stdout


def test_nothing_to_validate(tmp_path: pathlib.Path) -> None:
    run = validate(tmp_path, inventory="")
    assert run.returncode == 2
    assert "There is nothing to validate" in run.stdout
    run = validate(tmp_path, inventory="", nodered_validate_files=["*.js"])
    assert run.returncode == 2
    assert f"There is no file *.js in {tmp_path}" in run.stdout


SECRETS = (
    ADMIN,
    FRED,
    CREDENTIALS,
    "secret-1-only-for-tests",
    "secret-2-only-for-tests",
    "secret-3-only-for-tests",
    "secret-4-only-for-tests",
    "secret-5-only-for-tests",
    "secret-6-only-for-tests",
    "secret-7-only-for-tests",
)


def test_no_secret_is_told(faulty: pathlib.Path) -> None:
    with (faulty / "group_vars" / "nodered.yml").open("a") as file:
        file.write("""
nodered_static_auth: "fred:secret-1-only-for-tests"
nodered_ca_key: "{{ 'secret-2-only-for-tests' | nofilter }}"
nodered_ca_passphrase: "{{ missing ~ 'secret-3-only-for-tests' }}"
nodered_environment: {HTTPS_PROXY: "http://fred:secret-4-only-for-tests@proxy.example.com\\n"}
nodered_acme_options: {dns_token: secret-5-only-for-tests}
nodered_session_expiry: secret-6-only-for-tests
""")
    (faulty / "north.js").write_text(
        'module.exports = {\n    credentialSecret: "secret-7-only-for-tests",\n'
        '    httpNodeAuth: {user: "a", pass: "secret-1-only-for-tests"},\n}\n',
        "utf-8",
    )
    run = validate(
        faulty,
        "-vvv",
        "--vault-password-file",
        "vault-password",
        nodered_report_dir="reports",
        nodered_validate_files=["*.js"],
    )
    assert run.returncode == 2
    assert "variable-type" in run.stdout
    assert {
        "variable-type",
        "variable-unresolved",
        "variable-refused",
        "secret-plain-text",
        "password-plain-text",
    } <= set(rules(faulty))
    written = "".join(path.read_text("utf-8") for path in sorted((faulty / "reports").iterdir()))
    for secret in SECRETS:
        assert secret not in run.stdout
        assert secret not in written


def processor_seconds() -> float:
    """The processor time of all programs that have ended, whatever else the machine did meanwhile."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def test_two_hundred_files(tmp_path: pathlib.Path) -> None:
    """They take little more than one does."""
    times = []
    for count in (1, 200):
        for number in range(count):
            (tmp_path / f"{number}.js").write_text(
                GOOD_SETTINGS.replace("1880", str(1880 + number)) + "// a line\n" * 500, "utf-8"
            )
        started = processor_seconds()
        run = validate(tmp_path, inventory="", nodered_validate_files=["*.js"], nodered_report_dir="reports")
        times.append(processor_seconds() - started)
        assert run.returncode == 0, run.stdout
        assert len(json.loads((tmp_path / "reports" / "report.json").read_text("utf-8"))["subjects"]) == count
    assert times[1] < 5 * times[0]


def test_fifty_hosts(fleet: pathlib.Path) -> None:
    """They take much less than 25 times as long as two do."""
    times = []
    for count in (2, 50):
        if count == 50:
            with (fleet / "fleet.ini").open("a") as file:
                file.writelines(f"pi{number}.example.com ansible_host=192.0.2.{number}\n" for number in range(3, 51))
        started = processor_seconds()
        run = validate(fleet, "--vault-password-file", "vault-password")
        times.append(processor_seconds() - started)
        assert run.returncode == 0, run.stdout
        assert len(re.findall(r"^\S+ +: ok=[1-9]", run.stdout, re.MULTILINE)) == count
    assert times[1] < 15 * times[0]


# ----------------------------------------------------------------------------------------------------------------------
# The examples for CI, with the environment that is here instead of the one they install.


def github_steps(job: dict[str, t.Any], secret: str) -> t.Iterator[tuple[str, dict[str, str]]]:
    """The shell steps of a job, but for the installation, each with its own environment."""
    for step in job["steps"]:
        if "run" in step and step["name"] != "Install":
            yield (
                step["run"],
                {name: secret if "secrets." in value else value for name, value in step.get("env", {}).items()},
            )


@pytest.mark.parametrize("vault", [VAULT, ""], ids=["with the vault's password", "from a fork"])
@pytest.mark.parametrize("state", ["fleet", "faulty"])
def test_the_workflow_for_github(
    state: str, vault: str, request: pytest.FixtureRequest, tmp_path: pathlib.Path
) -> None:
    folder = request.getfixturevalue(state)
    (tmp_path / "runner").mkdir()
    (job,) = yaml.safe_load((CI / "github.yml").read_text("utf-8"))["jobs"].values()
    codes = [
        # As GitHub runs a step.
        program(
            folder, "bash", "-e", "-c", script, environment={**environment, "RUNNER_TEMP": str(tmp_path / "runner")}
        ).returncode
        for script, environment in github_steps(job, vault)
    ]
    assert codes == [0 if state == "fleet" else 2]
    uploaded = [step["with"] for step in job["steps"] if "upload" in step.get("uses", "")]
    sarif = json.loads((folder / uploaded[0]["sarif_file"]).read_text("utf-8"))
    assert bool(sarif["runs"][0]["results"]) is (state == "faulty" or bool(vault))
    assert {path.name for path in (folder / uploaded[1]["path"]).iterdir()} == {
        "report.json",
        "report.sarif",
        "report.xml",
        "report.html",
    }


@pytest.mark.parametrize("state", ["fleet", "faulty"])
def test_the_pipeline_for_gitlab(state: str, request: pytest.FixtureRequest) -> None:
    folder = request.getfixturevalue(state)
    job = yaml.safe_load((CI / "gitlab.yml").read_text("utf-8"))["validate"]
    # As GitLab runs a job: one shell for all lines.
    run = program(
        folder,
        "bash",
        "-eo",
        "pipefail",
        "-c",
        "\n".join(job["script"]),
        environment={"ANSIBLE_VAULT_PASSWORD_FILE": str(folder / "vault-password")},
    )
    assert run.returncode == (0 if state == "fleet" else 2), run.stdout
    assert "<testcase" in (folder / job["artifacts"]["reports"]["junit"]).read_text("utf-8")
    assert all((folder / path).exists() for path in job["artifacts"]["paths"])


def test_what_ansible_says_nothing_of(fleet: pathlib.Path) -> None:
    """Files that it passes over, dictionaries that it does not merge, what it reads too late, and keys beside them."""
    for folder in ("group_vars/nodered", "host_vars", "keys"):
        (fleet / folder).mkdir()
    (fleet / "group_vars/nodered.yml").rename(fleet / "group_vars/nodered/main.yml")
    (fleet / "group_vars/nodered/more.yml").write_text(
        "nodered_serial: 1\nnodered_settings: {uiPort: 1881, httpAdminRoot: /admin}\n", "utf-8"
    )
    options = ("--vault-password-file", "vault-password")
    run = validate(fleet, *options, "-e", "nodered_hosts=nodered", nodered_report_dir="reports")
    assert run.returncode == 0, run.stdout
    assert {rule for rule in rules(fleet) if rule != "secret-shared"} == {"variable-command-line-only"}

    (fleet / "group_vars/nodered.yml").write_text("nodered_session_expiry: 60\n", "utf-8")
    (fleet / "host_vars/garage.example.com.yml").write_text(
        "nodered_settings:\n  uiPort: 1882\n  editorThme.page.title: Garage\n", "utf-8"
    )
    subprocess.run(
        ["openssl", "genpkey", "-algorithm", "ed25519", "-out", fleet / "keys/pi.key"], capture_output=True, check=True
    )
    run = validate(fleet, *options, nodered_report_dir="reports")
    assert run.returncode == 2, run.stdout
    assert {found for found in findings(fleet) if found[0] != "secret-shared"} == {
        ("variable-command-line-only", "group_vars/nodered/more.yml", 1),
        ("variables-passed-over", "group_vars/nodered.yml", None),
        ("variable-hides", "host_vars/garage.example.com.yml", 2),
        ("setting-misspelt", "host_vars/garage.example.com.yml", 3),
        ("private-key-plain-text", "keys/pi.key", None),
    }
    assert "nodered_settings hides httpAdminRoot of group_vars/nodered/more.yml" in run.stdout


@pytest.mark.parametrize("playbook", ["validate", "secure"])
def test_what_is_not_yaml_is_told_with_its_line(fleet: pathlib.Path, playbook: str) -> None:
    with (fleet / "group_vars/nodered.yml").open("a") as file:
        file.write("nodered_umask: x\n nodered_service: y\n")
    line = (fleet / "group_vars/nodered.yml").read_text("utf-8").count("\n")
    run = program(fleet, "ansible-playbook", "-i", "fleet.ini", f"pifleet.nodered.{playbook}")
    assert run.returncode != 0
    assert f"group_vars/nodered.yml:{line}: " in run.stdout
    assert "This is not YAML." in run.stdout
