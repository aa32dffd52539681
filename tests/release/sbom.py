# Copyright (c) 2026, the pifleet.nodered maintainers
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The bill of materials of a release: CycloneDX 1.6, in JSON, https://cyclonedx.org/.

    sbom.py make TARBALL COMMIT EPOCH        print it: what is in the tarball of others, and what the control node needs
    sbom.py check SBOM                       fail where it is not as CycloneDX's schema says
    sbom.py files SBOM                       print hash and path of each shipped file, as `sha256sum --check` takes it

It is made from the tarball alone. What others have written stands in a file third_party.json beside it, with the names of
files, their hashes, and for each package the version, the licence and the package URL.
"""

from __future__ import annotations

import datetime
import hashlib
import json
import pathlib
import posixpath
import sys
import typing as t
import urllib.parse
import uuid

import yaml
from packaging.requirements import Requirement
from tarball import MANIFEST, Members, members_of

THIRD_PARTY = "third_party.json"


class SbomError(Exception):
    """A tarball of which no true bill of materials can be made; the message names the file."""


def _text(members: Members, name: str) -> str:
    content = members.get(name)
    if content is None:
        raise SbomError(f"the tarball has no {name}")
    return content.decode()


def _hash(content: bytes) -> list[dict[str, str]]:
    return [{"alg": "SHA-256", "content": hashlib.sha256(content).hexdigest()}]


def _shipped(members: Members) -> list[dict[str, t.Any]]:
    """The packages of others that are in the tarball, with their files."""
    components = []
    for listing in sorted(name for name in members if posixpath.basename(name) == THIRD_PARTY):
        for package, entry in json.loads(_text(members, listing)).items():
            files = []
            for name, file in entry["files"].items():
                path = posixpath.join(posixpath.dirname(listing), name)
                hashes = _hash(_text(members, path).encode())
                if hashes[0]["content"] != file["sha256"]:
                    raise SbomError(f"{path} has not the hash that {listing} says")
                files.append({"type": "file", "bom-ref": path, "name": path, "hashes": hashes})
            components.append(
                {
                    "type": "library",
                    "bom-ref": entry["purl"],
                    "name": package,
                    "version": entry["version"],
                    "purl": entry["purl"],
                    "scope": "required",
                    "licenses": [{"license": {"id": entry["license"]}}],
                    "components": files,
                }
            )
    return components


def _needed(members: Members) -> list[dict[str, t.Any]]:
    """The Python packages that the control node has to have, in which releases."""
    core = yaml.safe_load(_text(members, "meta/runtime.yml"))["requires_ansible"]
    lines = [line.partition("#")[0].strip() for line in _text(members, "requirements.txt").splitlines()]
    components = []
    for requirement in [Requirement(f"ansible-core{core}"), *(Requirement(line) for line in lines if line)]:
        purl = f"pkg:pypi/{requirement.name.lower()}"
        components.append(
            {
                "type": "library",
                "bom-ref": purl,
                "name": requirement.name,
                "purl": purl,
                "scope": "required",
                "properties": [{"name": "pifleet:versions", "value": str(requirement.specifier)}],
            }
        )
    return components


def bill(archive: bytes, commit: str, epoch: int) -> dict[str, t.Any]:
    """The bill of materials of a tarball.

    :param commit: what the tarball was built from
    :param epoch: the time of the commit, in seconds since 1970
    :raises SbomError: a file is missing, or is not as it is listed
    """
    members, _executable = members_of(archive)
    about = json.loads(_text(members, MANIFEST))["collection_info"]
    name, version = f"{about['namespace']}.{about['name']}", about["version"]
    source = urllib.parse.quote(f"git+{about['repository']}@{commit}", safe="")
    purl = f"pkg:generic/{name}@{version}?vcs_url={source}"
    shipped, needed = _shipped(members), _needed(members)
    hashes = _hash(archive)
    return {
        "$schema": "http://cyclonedx.org/schema/bom-1.6.schema.json",
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "serialNumber": uuid.uuid5(uuid.NAMESPACE_URL, f"{purl}#{hashes[0]['content']}").urn,
        "version": 1,
        "metadata": {
            "timestamp": datetime.datetime.fromtimestamp(epoch, datetime.UTC).isoformat(),
            "lifecycles": [{"phase": "build"}],
            "component": {
                "type": "application",
                "bom-ref": purl,
                "name": name,
                "version": version,
                "description": about["description"],
                "authors": [{"name": author} for author in about["authors"]],
                "licenses": [{"license": {"id": licence}} for licence in about["license"]],
                "purl": purl,
                "hashes": hashes,
                "externalReferences": [
                    {"type": "vcs", "url": about["repository"]},
                    {"type": "issue-tracker", "url": about["issues"]},
                ],
            },
        },
        "components": [*shipped, *needed],
        "dependencies": [
            {"ref": purl, "dependsOn": [component["bom-ref"] for component in (*shipped, *needed)]},
            *({"ref": component["bom-ref"], "dependsOn": []} for component in shipped),
        ],
        "compositions": [
            {"aggregate": "complete", "assemblies": [purl, *(component["bom-ref"] for component in shipped)]},
            # What these need in turn is for pip to find.
            {"aggregate": "unknown", "dependencies": [component["bom-ref"] for component in needed]},
        ],
    }


def files(sbom: dict[str, t.Any]) -> list[str]:
    """Hash and path of each shipped file, a line each."""
    return [
        f"{file['hashes'][0]['content']}  {file['name']}"
        for component in sbom["components"]
        for file in component.get("components", [])
    ]


def fault(text: str) -> str:
    """What CycloneDX's schema says against a bill of materials; nothing where it is as it should be."""
    from cyclonedx.schema import SchemaVersion
    from cyclonedx.validation.json import JsonStrictValidator

    error = JsonStrictValidator(SchemaVersion.V1_6).validate_str(text)
    # The whole schema is in the text of the error.
    return f"{error.data.json_path}: {error.data.message}" if error else ""


def main(arguments: list[str]) -> None:
    command, file = arguments[:2]
    path = pathlib.Path(file)
    if command == "make":
        try:
            made = bill(path.read_bytes(), arguments[2], int(arguments[3]))
        except SbomError as error:
            sys.exit(f"sbom.py: {error}")
        print(json.dumps(made, indent=2))
    elif command == "files":
        print("\n".join(files(json.loads(path.read_text("utf-8")))))
    else:
        sys.exit(fault(path.read_text("utf-8")) or print(f"{file} is as CycloneDX 1.6 says"))


if __name__ == "__main__":
    main(sys.argv[1:])
