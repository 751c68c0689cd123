"""What is built of the programs, tried with a program that is none, and the units of systemd."""

import hashlib
import io
import json
import os
import subprocess
import tarfile
from pathlib import Path

import pytest

DEPLOY = Path(__file__).parent.parent
UNITS = sorted((DEPLOY / "systemd").glob("*.service"))


def run(*command: str | Path, **variables: str) -> str:
    done = subprocess.run(command, capture_output=True, text=True, check=False, env={**os.environ, **variables})
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.fixture
def programs(tmp_path: Path) -> Path:
    folder = tmp_path / "programs"
    folder.mkdir()
    program = folder / "weft"
    program.write_text("#!/bin/true\n")
    program.chmod(0o755)
    return folder


def test_every_script_is_one() -> None:
    scripts = [
        *DEPLOY.glob("*.sh"),
        *DEPLOY.glob("[!c]*/*.sh"),
        *DEPLOY.glob("compose/*.sh"),
        *DEPLOY.glob("deb/p*[tm]"),
    ]
    assert len(scripts) == 7
    for script in scripts:
        run("sh", "-n", script)


@pytest.mark.parametrize("unit", UNITS, ids=lambda unit: unit.name)
def test_systemd_understands_every_unit_and_finds_it_careful(unit: Path, tmp_path: Path) -> None:
    # The program and its user are not on this machine.
    text = unit.read_text().replace("/usr/bin/weft ", "/bin/true ")
    text = text.replace("User=weft\nGroup=weft\n", "DynamicUser=yes\n")
    copy = tmp_path / unit.name
    copy.write_text(text)
    verified = subprocess.run(["systemd-analyze", "verify", copy], capture_output=True, text=True, check=False)
    assert verified.returncode == 0 and unit.stem.strip("@") not in verified.stderr, verified.stderr
    # 0 is no exposure at all, 100 all there is.
    run("systemd-analyze", "security", "--offline=true", "--threshold=20", copy)


def test_what_serves_is_started_again_however_often_it_ended() -> None:
    for name in ["weft-web.service", "weft-work@.service"]:
        settings = (DEPLOY / "systemd" / name).read_text().splitlines()
        unit = settings[settings.index("[Unit]") : settings.index("[Service]")]
        # Five starts in ten seconds are soon there, with a pause of two.
        assert "StartLimitIntervalSec=0" in unit and "Restart=always" in settings


def test_each_way_to_deploy_says_where_the_number_of_an_installation_goes() -> None:
    for name in ["compose/env.example", "systemd/weft.env", "kubernetes/base/settings.yaml"]:
        lines = [line.strip(" #") for line in (DEPLOY / name).read_text().splitlines()]
        assert {"WEFT_CELL=17", 'WEFT_CELL: "17"'} & set(lines), name


def test_the_tarball_has_what_an_installation_needs(programs: Path, tmp_path: Path) -> None:
    archives = [tmp_path / "one.tar.gz", tmp_path / "two.tar.gz"]
    for archive in archives:
        run("sh", DEPLOY / "tarball.sh", programs, "1.2.3", archive, SOURCE_DATE_EPOCH="1")
    assert archives[0].read_bytes() == archives[1].read_bytes(), "the same files make the same bytes"
    with tarfile.open(archives[0]) as tar:
        members = {member.name: member for member in tar}
    assert members["weft-1.2.3/bin/weft"].mode == 0o755
    for name in ["LICENSE", "README.md", "deploy/systemd/weft-web.service", "deploy/compose/compose.yaml"]:
        assert f"weft-1.2.3/{name}" in members
    assert all(member.uid == member.gid == 0 and not member.mode & 0o022 for member in members.values())


def test_the_package_of_debian_holds_the_program_and_its_units(programs: Path, tmp_path: Path) -> None:
    package = tmp_path / "weft.deb"
    run("sh", DEPLOY / "deb/build.sh", programs / "weft", "1.2.3", package)
    fields = dict(
        line.split(": ", 1) for line in run("dpkg-deb", "--field", package, "Package", "Version").splitlines()
    )
    assert fields == {"Package": "weft", "Version": "1.2.3"}
    listed = run("dpkg-deb", "--contents", package)
    for path in ["./usr/bin/weft", "./etc/weft/weft.env", *(f"./usr/lib/systemd/system/{unit.name}" for unit in UNITS)]:
        assert any(line.endswith(f" {path}") for line in listed.splitlines()), path
    settings = next(line for line in listed.splitlines() if line.endswith("./etc/weft/weft.env"))
    assert settings.startswith("-rw-r----- root/root"), "passwords are in it"


def test_the_image_is_one_layer_whose_digests_hold(programs: Path, tmp_path: Path) -> None:
    debian, archive = tmp_path / "debian.tar", tmp_path / "image.tar"
    with tarfile.open(debian, "w") as tar:
        for name, text in {
            "bin/sh": b"a shell",
            "usr/bin/apt": b"a package manager",
            "etc/hostname": b"the machine that built it",
            "lib/libc.so.6": b"the library",
            "usr/share/ca-certificates/a.crt": b"A CERTIFICATE\n",
        }.items():
            member = tarfile.TarInfo(f"./{name}")
            member.size = len(text)
            tar.addfile(member, io.BytesIO(text))
    run("sh", DEPLOY / "image/build.sh", programs / "weft", "1.2.3", archive, WEFT_IMAGE_ROOT=str(debian))
    with tarfile.open(archive) as tar:
        files = {member.name: tar.extractfile(member).read() for member in tar if member.isfile()}
    blobs = {name.rsplit("/")[-1]: content for name, content in files.items() if name.startswith("blobs/")}
    for digest, content in blobs.items():
        assert hashlib.sha256(content).hexdigest() == digest

    def blob(of: dict) -> bytes:
        content = blobs[of["digest"].removeprefix("sha256:")]
        assert len(content) == of["size"]
        return content

    manifest = json.loads(blob(json.loads(files["index.json"])["manifests"][0]))
    config = json.loads(blob(manifest["config"]))
    assert config["config"]["User"] == "10001:10001" and config["config"]["Entrypoint"] == ["/usr/bin/weft"]
    [layer] = manifest["layers"]
    with tarfile.open(fileobj=io.BytesIO(blob(layer)), mode="r:gz") as tar:
        inside = {member.name: member for member in tar}
        certificates = tar.extractfile("./etc/ssl/certs/ca-certificates.crt").read()
    assert certificates == b"A CERTIFICATE\n"
    programs_inside = {name for name in inside if "/bin/" in name}
    assert programs_inside == {"./usr/bin/weft"}, "nothing in it starts another program"
    assert "./lib/libc.so.6" in inside and "./etc/hostname" not in inside
    assert all(member.uid == member.gid == 0 for member in inside.values())
