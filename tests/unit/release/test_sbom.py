# Copyright (c) 2026, the pifleet.nodered maintainers
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The bill of materials names all that is shipped of others, and all that a control node needs."""

from __future__ import annotations

import io
import json
import pathlib
import subprocess
import tarfile
import uuid

import pytest
from sbom import SbomError, bill, files

PROJECT = pathlib.Path(__file__).parents[3]
LOGIN = "plugins/plugin_utils/_login"
COMMIT = "0123456789abcdef0123456789abcdef01234567"
MANIFEST = {
    "collection_info": {
        "namespace": "pifleet",
        "name": "nodered",
        "version": "1.2.3",
        "description": "A description",
        "authors": ["Somebody"],
        "license": ["GPL-3.0-or-later"],
        "repository": "https://example.com/repository",
        "issues": "https://example.com/issues",
    }
}


def contents() -> dict[str, bytes]:
    shipped = {
        path.relative_to(PROJECT).as_posix(): path.read_bytes()
        for path in (PROJECT / LOGIN).rglob("*")
        if path.is_file()
    }
    others = {name: (PROJECT / name).read_bytes() for name in ("requirements.txt", "meta/runtime.yml")}
    return {"MANIFEST.json": json.dumps(MANIFEST).encode(), **others, **shipped}


def packed(files_in_it: dict[str, bytes]) -> bytes:
    archive = io.BytesIO()
    with tarfile.open(fileobj=archive, mode="w:gz") as tar:
        for name, content in files_in_it.items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            tar.addfile(member, io.BytesIO(content))
    return archive.getvalue()


def test_every_file_of_others_is_named_with_its_hash(tmp_path: pathlib.Path) -> None:
    listed = json.loads((PROJECT / LOGIN / "third_party.json").read_text("utf-8"))
    sbom = bill(packed(contents()), COMMIT, 0)
    lines = files(sbom)
    assert len(lines) == sum(len(entry["files"]) for entry in listed.values()) > 0
    sums = tmp_path / "sums"
    sums.write_text("\n".join(lines) + "\n", "utf-8")
    subprocess.run(["sha256sum", "--check", "--strict", sums], cwd=PROJECT, check=True)
    packages = {component["purl"]: component for component in sbom["components"]}
    for entry in listed.values():
        component = packages[entry["purl"]]
        assert component["version"] == entry["version"]
        assert component["licenses"] == [{"license": {"id": entry["license"]}}]


def test_every_package_of_the_control_node_is_named() -> None:
    sbom = bill(packed(contents()), COMMIT, 0)
    named = {component["name"]: component.get("properties") for component in sbom["components"]}
    lines = (PROJECT / "requirements.txt").read_text("utf-8").splitlines()
    for line in lines:
        if not line.startswith("#"):
            name, version = line.split(">=")
            assert named[name] == [{"name": "pifleet:versions", "value": f">={version}"}]
    assert named["ansible-core"] == [{"name": "pifleet:versions", "value": ">=2.18.0"}]


def test_what_it_says_of_the_collection() -> None:
    sbom = bill(packed(contents()), COMMIT, 1_700_000_000)
    about = sbom["metadata"]
    assert about["timestamp"] == "2023-11-14T22:13:20+00:00"
    assert about["component"]["version"] == "1.2.3"
    assert COMMIT in about["component"]["purl"]
    references = {component["bom-ref"] for component in sbom["components"]}
    assert set(sbom["dependencies"][0]["dependsOn"]) == references
    assert uuid.UUID(sbom["serialNumber"]).version == 5


def test_the_same_tarball_has_the_same_bill() -> None:
    archive = packed(contents())
    assert bill(archive, COMMIT, 1) == bill(archive, COMMIT, 1)
    other = packed({**contents(), "README.md": b"x"})
    assert bill(archive, COMMIT, 1)["serialNumber"] != bill(other, COMMIT, 1)["serialNumber"]


def test_a_file_that_is_not_as_listed_is_refused() -> None:
    name = f"{LOGIN}/gate/oidc/oauth4webapi.mjs"
    with pytest.raises(SbomError, match=f"{name} has not the hash"):
        bill(packed({**contents(), name: b"// Another one.\n"}), COMMIT, 0)


def test_a_file_that_is_missing_is_refused() -> None:
    without = {name: content for name, content in contents().items() if not name.endswith(".mjs")}
    with pytest.raises(SbomError, match=r"the tarball has no .*\.mjs"):
        bill(packed(without), COMMIT, 0)
