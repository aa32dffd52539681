# Copyright: (c) The pifleet.nodered maintainers
# GNU General Public License v3.0 or later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Test hosts: containers that behave like a Raspberry Pi (Debian, systemd, sshd, Node-RED).

Each host belongs to a group, and every command keeps to its own group, so that several test runs share a machine.
The SSH key, the known hosts and what else must outlive a run are kept in $PIFLEET_CACHE, else ~/.cache/pifleet-nodered.
"""

from __future__ import annotations

import argparse
import contextlib
import fcntl
import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
import threading
import time
import urllib.request
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

HERE = Path(__file__).resolve().parent
CACHE = Path(os.environ.get("PIFLEET_CACHE") or Path.home() / ".cache/pifleet-nodered").absolute()
KEY = CACHE / "id_ed25519"
#: Seconds after which a host will not come up, on the slowest machine.
TIMEOUT = 600
# Enough to keep the processor busy; more would only make each other wait for podman's lock.
STARTING = threading.Semaphore(2 * (os.cpu_count() or 1))


@dataclass(frozen=True)
class Image:
    """What makes one image differ from the others: its Debian, its stage in the Containerfile, its npm packages.

    An architecture is Debian's name of one that this machine does not have, and that the kernel runs by an emulator.
    """

    suite: str
    stage: str
    npm_packages: str = ""
    architecture: str = field(default="", repr=False)

    def definition(self) -> str:
        """Identify the content: equal for equal definitions, whatever the checkout and the origin of Debian."""
        digest = hashlib.sha256(repr(self).encode() + self.architecture.encode())
        for path in sorted((HERE / "image").iterdir()):
            digest.update(path.name.encode() + b"\0" + path.read_bytes() + b"\0")
        return digest.hexdigest()[:16]


#: Both dashboards, where Node-RED finds nodes that are installed beside it.
DASHBOARDS = "node-red-dashboard@3.6.6 @flowfuse/node-red-dashboard@1.31.0"

IMAGES = {
    "trixie-nodered41": Image("trixie", "nodered", "node-red@4.1.15"),
    "bookworm-nodered31": Image("bookworm", "nodered", "node-red@3.1.15"),
    # Node-RED 5 needs Node 22.9; npm puts it in /usr/local/bin, which a unit's PATH has before /usr/bin.
    "trixie-nodered5": Image("trixie", "nodered", "node@22 node-red@5.0.7"),
    "trixie-nodered41-dashboards": Image("trixie", "nodered", f"node-red@4.1.15 {DASHBOARDS}"),
    "bookworm-nodered31-dashboards": Image("bookworm", "nodered", f"node-red@3.1.15 {DASHBOARDS}"),
    "trixie-nodered5-dashboards": Image("trixie", "nodered", f"node@22 node-red@5.0.7 {DASHBOARDS}"),
    "trixie-bare": Image("trixie", "bare"),
    "bookworm-bare": Image("bookworm", "bare"),
    # A Pi's processor, emulated: tests/arm64 prepares the machine for it.
    "trixie-nodered41-arm64": Image("trixie", "nodered", "node-red@4.1.15", architecture="arm64"),
}


class HostsError(Exception):
    """What is told to the user, without a traceback."""


def run(*command: str | Path, stdin: str = "") -> str:
    """Run a command and return its output; raise with all it said when it fails."""
    result = subprocess.run(command, input=stdin, capture_output=True, text=True, check=False)
    if result.returncode:
        said = (result.stdout[-4000:] + result.stderr[-4000:]).strip()
        raise HostsError(f"{' '.join(map(str, command[:3]))} ... failed ({result.returncode}): {said}")
    return result.stdout


def podman(*arguments: str | Path, stdin: str = "") -> str:
    return run("podman", *arguments, stdin=stdin)


@contextlib.contextmanager
def locked() -> Iterator[None]:
    """Let one process at a time prepare what all share."""
    CACHE.mkdir(mode=0o700, parents=True, exist_ok=True)
    with open(CACHE / "lock", "w", encoding="utf-8") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


@contextlib.contextmanager
def step(what: str) -> Iterator[None]:
    """Tell what is done and how long it took."""
    print(f"{what} ...", end=" ", flush=True)
    started = time.monotonic()
    try:
        yield
    except HostsError:
        print("failed", flush=True)
        raise
    print(f"{time.monotonic() - started:.1f} s", flush=True)


# Images


def reference(name: str) -> str:
    """Return an image's name with its definition as tag: checkouts with different definitions share a machine."""
    return f"localhost/pifleet-{name}:{IMAGES[name].definition()}"


def is_built(image: str) -> bool:
    return subprocess.run(["podman", "image", "exists", image], check=False).returncode == 0


def machine_settings() -> Path:
    """Gather this machine's ways to its registries in a folder that a container can mount on /mnt."""
    folder = CACHE / "machine"
    folder.mkdir(exist_ok=True)
    shutil.copyfile("/etc/ssl/certs/ca-certificates.crt", folder / "ca.crt")
    apt = re.findall(r"^Acquire::(?:https?::Proxy |Check-).*$", run("apt-config", "dump"), re.MULTILINE)
    (folder / "apt.conf").write_text("".join(f"{line}\n" for line in apt), encoding="utf-8")
    npmrc = ["cafile=/mnt/ca.crt"]
    if shutil.which("npm"):
        settings = run("npm", "config", "get", "registry", "proxy", "https-proxy").splitlines()
        npmrc += [line for line in settings if not line.endswith("=null")]
    (folder / "npmrc").write_text("".join(f"{line}\n" for line in npmrc), encoding="utf-8")
    return folder


def debian(suite: str, architecture: str, origin: str) -> str:
    """Return the plain Debian that the images start from, as an image name."""
    if origin == "registry":
        return f"debian:{suite}"
    name = f"debian-{suite}" + (f"-{architecture}" if architecture else "")
    image = f"localhost/pifleet-{name}"
    if not is_built(image):
        tar = CACHE / f"{name}.tar"
        foreign = [f"--arch={architecture}"] if architecture else []
        # The emulator that the kernel knows may be another than Debian's of this machine, for which mmdebstrap looks.
        emulated = [*foreign, "--skip=check/qemu"] if architecture else []
        with step(f"{name}: bootstrap"):
            options = [f"--aptopt={line}" for line in (CACHE / "machine/apt.conf").read_text("utf-8").splitlines()]
            # What it takes over from this machine must not stay in an image.
            forget = '--customize-hook=cd "$1/etc" && rm -f apt/apt.conf.d/99mmdebstrap hostname resolv.conf'
            run("mmdebstrap", "--variant=minbase", *emulated, *options, forget, suite, tar)
            podman("import", "--quiet", *foreign, tar, image)
            tar.unlink()
    return image


def build(names: list[str], origin: str = "mmdebstrap") -> None:
    """Build the images that are missing or whose definition changed."""
    with locked():
        missing = [name for name in names if not is_built(reference(name))]
        settings = machine_settings() if missing else None
        for name in missing:
            image = IMAGES[name]
            base = debian(image.suite, image.architecture, origin)
            platform = [f"--platform=linux/{image.architecture}"] if image.architecture else []
            with step(f"{name}: build"):
                podman(
                    "build",
                    "--network=host",
                    *platform,
                    f"--target={image.stage}",
                    f"--build-arg=BASE={base}",
                    "--build-arg=APT_CONFIG=/mnt/apt.conf",
                    "--build-arg=NPM_CONFIG_GLOBALCONFIG=/mnt/npmrc",
                    f"--build-arg=NPM_PACKAGES={image.npm_packages}",
                    f"--volume={settings}:/mnt:ro",
                    f"--tag={reference(name)}",
                    f"--tag=localhost/pifleet-{name}:latest",
                    HERE / "image",
                )


def clean_images() -> None:
    """Remove the images, of every definition, and the plain Debian below them."""
    with locked():
        images = podman("images", "--filter=reference=localhost/pifleet-*", "--format={{.Repository}}:{{.Tag}}").split()
        if images:
            podman("rmi", *images)
        for image in images:
            print(f"removed {image}")


# Hosts

SETUP = r"""
set -eu
state=unknown
trap 'echo "systemd still says: $state" >&2; exit 1' TERM
until state=$(systemctl is-system-running 2>/dev/null) || [ "$state" = degraded ]; do
    sleep 0.1
done
install -d -o pi -g pi -m 0700 /home/pi/.ssh
keys=/home/pi/.ssh/authorized_keys
grep -qxFs "$PUBLIC_KEY" $keys || echo "$PUBLIC_KEY" >>$keys
chown pi:pi $keys
chmod 0600 $keys
if [ -f /mnt/ca.crt ]; then
    cp /mnt/ca.crt /usr/local/share/ca-certificates/machine.crt
    update-ca-certificates >/dev/null 2>&1
    cp /mnt/apt.conf /etc/apt/apt.conf.d/90machine
    cp /mnt/npmrc /etc/npmrc
    # Debian's npm reads /etc/npmrc, any other npm the one below its prefix.
    install -d /usr/local/etc
    ln -sf /etc/npmrc /usr/local/etc/npmrc
fi
echo "$state"
cat /etc/ssh/ssh_host_ed25519_key.pub
"""


@dataclass(frozen=True)
class Host:
    group: str
    name: str
    address: str
    image: str
    status: str

    @property
    def known_hosts(self) -> Path:
        """Each host has a file of its own, so that an address used before by another host cannot clash."""
        return known_hosts(self.group, self.name)

    @property
    def ssh_arguments(self) -> list[str]:
        return [
            f"-oUserKnownHostsFile={self.known_hosts}",
            "-oGlobalKnownHostsFile=/dev/null",
            "-oStrictHostKeyChecking=yes",
            "-oIdentitiesOnly=yes",
        ]


def container(group: str, name: str) -> str:
    return f"pifleet-{group}-{name}"


def known_hosts(group: str, name: str) -> Path:
    return CACHE / "known_hosts" / container(group, name)


def find(group: str | None = None) -> list[Host]:
    """Return the hosts of one group, or of all groups."""
    return inspect(*(identifier for identifier, state, _name in listed(group) if state != "removing"))


def listed(group: str | None = None) -> list[tuple[str, str, str]]:
    """Return identifier, state and name of a group's containers, also of those that cannot be inspected.

    When `podman rm` is killed half-way, a container is left that has a name and a state and nothing else.
    """
    wanted = "label=pifleet.group" + (f"={group}" if group else "")
    found = json.loads(podman("ps", "--all", "--filter", wanted, "--format=json"))
    return [(item["Id"], item["State"].lower(), item["Labels"]["pifleet.name"]) for item in found]


def inspect(*containers: str) -> list[Host]:
    hosts = []
    for item in json.loads(podman("inspect", "--type=container", *containers)) if containers else []:
        labels = item["Config"]["Labels"]
        hosts.append(
            Host(
                group=labels["pifleet.group"],
                name=labels["pifleet.name"],
                address=item["NetworkSettings"]["IPAddress"],
                image=labels["pifleet.image"],
                status=item["State"]["Status"],
            )
        )
    return sorted(hosts, key=lambda host: (host.group, host.name))


def start(group: str, name: str, image: str, registries: bool, extra: list[str]) -> None:
    mounts = [f"--volume={CACHE / 'machine'}:/mnt:ro"] if registries else []
    podman(
        "run",
        "--detach",
        "--systemd=always",
        "--http-proxy=false",
        # Else systemd ignores a unit's ProtectSystem and the like, or fails to start it, as it never does on a Pi.
        "--cap-add=SYS_ADMIN",
        "--security-opt=apparmor=unconfined",
        f"--name={container(group, name)}",
        f"--hostname={name}",
        f"--label=pifleet.group={group}",
        f"--label=pifleet.name={name}",
        f"--label=pifleet.image={image}",
        *mounts,
        *extra,
        reference(image),
        "/sbin/init",
    )


def wait_for_node_red(host: Host, deadline: float) -> None:
    # A proxy of this machine has no way to the hosts.
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    while True:
        try:
            opener.open(f"http://{host.address}:1880/settings", timeout=TIMEOUT).close()
            return
        except OSError:
            if time.monotonic() > deadline:
                journal = podman("exec", container(host.group, host.name), "journalctl", "-u", "nodered", "-n", "30")
                raise HostsError(f"no answer on port 1880\n{journal}") from None
        time.sleep(0.2)


def up(group: str, name: str, image: str, registries: bool, extra: list[str]) -> None:
    """Start one host and wait until it can be used as a user would use it."""
    started = time.monotonic()
    with STARTING:
        start(group, name, image, registries, extra)
        public_key = KEY.with_suffix(".pub").read_text("utf-8").strip()
        settle = ["timeout", str(TIMEOUT), "sh", "-s"]
        told = podman(
            "exec", "--interactive", f"--env=PUBLIC_KEY={public_key}", container(group, name), *settle, stdin=SETUP
        )
    state, host_key = told.strip().splitlines()
    (host,) = inspect(container(group, name))
    host.known_hosts.parent.mkdir(exist_ok=True)
    host.known_hosts.write_text(f"{host.address} {host_key}\n", encoding="utf-8")
    run("ssh", "-i", KEY, "-oBatchMode=yes", *host.ssh_arguments, f"pi@{host.address}", "sudo -n true")
    if IMAGES[image].stage == "nodered":
        wait_for_node_red(host, started + TIMEOUT)
        # Else files would still appear while a test compares what a host holds.
        first_start = (HERE / "first-start.sh").read_text("utf-8")
        podman(
            "exec",
            "--interactive",
            container(group, name),
            "timeout",
            str(TIMEOUT),
            "sh",
            "-s",
            "/home/pi/.node-red",
            stdin=first_start,
        )
    print(f"{name} {host.address} {image} {state} {time.monotonic() - started:.1f} s", flush=True)


def up_all(group: str, names: list[str], image: str, registries: bool, extra: list[str]) -> None:
    """Start hosts side by side, with further arguments for podman; leave alone those that run already."""
    build([image])
    with locked():
        if not KEY.exists():
            run("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "pifleet test hosts", "-f", KEY)
        if registries:
            machine_settings()
    present = {host.name: host for host in find(group)}
    for name in names:
        host = present.get(name)
        if host and (host.image, host.status) != (image, "running"):
            raise HostsError(f"{name} is there as {host.image}, {host.status}: take it down first")
        if host:
            print(f"{name} {host.address} {image} already there", flush=True)
    missing = [name for name in names if name not in present]
    failed = []
    with ThreadPoolExecutor(max_workers=max(1, len(missing))) as pool:
        started = {name: pool.submit(up, group, name, image, registries, extra) for name in missing}
        for name, future in started.items():
            try:
                future.result()
            except HostsError as error:
                print(f"{name}: {error}", file=sys.stderr)
                failed.append(name)
    if failed:
        raise HostsError(f"did not come up: {', '.join(failed)}")


def down(group: str, names: list[str]) -> None:
    """Remove hosts of one group, all of them when none is named."""
    doomed = [name for _identifier, _state, name in listed(group) if not names or name in names]
    if doomed:
        podman("rm", "--force", "--ignore", "--time=0", "--volumes", *(container(group, name) for name in doomed))
    if left := [name for _identifier, _state, name in listed(group) if name in doomed]:
        raise HostsError(f"still there: {', '.join(left)}")
    for name in doomed:
        known_hosts(group, name).unlink(missing_ok=True)
        print(f"removed {name}")


def inventory(group: str) -> str:
    """Write the running hosts of a group as an Ansible inventory."""
    lines = ["nodered:", "  vars:"]
    lines += ["    ansible_user: pi", f"    ansible_ssh_private_key_file: {KEY}"]
    lines += ["    ansible_python_interpreter: /usr/bin/python3", "  hosts:"]
    for host in find(group):
        if host.status == "running":
            lines += [f"    {host.name}:", f"      ansible_host: {host.address}"]
            lines += [f"      ansible_ssh_common_args: {' '.join(host.ssh_arguments)}"]
    return "\n".join(lines)


# Command line


def parser() -> argparse.ArgumentParser:
    main_parser = argparse.ArgumentParser(
        prog="hosts", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    commands = main_parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    in_group = argparse.ArgumentParser(add_help=False)
    in_group.add_argument("--group", default="default", help="the hosts that belong together (default: %(default)s)")

    command = commands.add_parser("build", help="build the images that are missing or changed")
    command.add_argument(
        "images", nargs="*", metavar="IMAGE", help=f"one of {', '.join(IMAGES)} (default: all that are not emulated)"
    )
    command.add_argument(
        "--from",
        dest="origin",
        choices=["mmdebstrap", "registry"],
        default="mmdebstrap",
        help="where Debian comes from: its packages, or the official image (default: %(default)s)",
    )

    command = commands.add_parser("up", parents=[in_group], help="start hosts and wait until they can be used")
    command.add_argument("names", nargs="*", metavar="NAME")
    command.add_argument("--image", required=True, choices=IMAGES, metavar="IMAGE")
    command.add_argument("--count", type=int, default=0, help="start PREFIX01 to PREFIXcount")
    command.add_argument("--prefix", default="pi", help="(default: %(default)s)")
    command.add_argument("--with-registries", action="store_true", help="let apt and npm work inside as they do here")
    command.add_argument("--address", help="the address of the one host, which it has again after each start")
    command.add_argument("--volume", action="append", default=[], metavar="SOURCE:TARGET", help="as podman has it")

    commands.add_parser("inventory", parents=[in_group], help="print an Ansible inventory of the running hosts")

    command = commands.add_parser("list", help="list the hosts")
    command.add_argument("--group", help="of this group only")

    command = commands.add_parser("down", parents=[in_group], help="remove hosts with all they hold")
    command.add_argument("names", nargs="*", metavar="NAME", help="(default: the whole group)")

    command = commands.add_parser("exec", parents=[in_group], help="run a command in a host as root")
    command.add_argument("name", metavar="NAME")
    command.usage = "hosts exec [--group GROUP] NAME -- COMMAND ..."

    commands.add_parser("clean-images", help="remove the images")
    return main_parser


def main() -> None:
    # What follows "--" is a host's command line, not ours.
    words = sys.argv[1:]
    split = words.index("--") if "--" in words else len(words)
    arguments, inside = parser().parse_args(words[:split]), words[split + 1 :]
    if os.geteuid() != 0:
        raise HostsError("run this as root: the hosts run systemd and have addresses of their own")
    os.environ["CONTAINERS_CONF"] = str(HERE / "containers.conf")
    match arguments.command:
        case "build":
            if unknown := set(arguments.images) - set(IMAGES):
                raise HostsError(f"no such image: {', '.join(sorted(unknown))}")
            build(arguments.images or [name for name in IMAGES if not IMAGES[name].architecture], arguments.origin)
        case "up":
            numbered = [f"{arguments.prefix}{number:02}" for number in range(1, arguments.count + 1)]
            if not arguments.names + numbered:
                raise HostsError("name a host, or give --count")
            extra = [f"--volume={volume}" for volume in arguments.volume]
            if arguments.address:
                # With the network card of before, nobody has to learn a new one.
                card = ":".join(f"{int(byte):02x}" for byte in arguments.address.split("."))
                extra += [f"--ip={arguments.address}", f"--mac-address=02:42:{card}"]
            up_all(arguments.group, arguments.names + numbered, arguments.image, arguments.with_registries, extra)
        case "inventory":
            print(inventory(arguments.group))
        case "list":
            for host in find(arguments.group):
                print(f"{host.group:<12} {host.name:<16} {host.address:<16} {host.image:<20} {host.status}")
        case "down":
            down(arguments.group, arguments.names)
        case "exec":
            if not inside:
                raise HostsError("exec needs a command: hosts exec NAME -- COMMAND")
            terminal = ["--tty"] if sys.stdin.isatty() else []
            name = container(arguments.group, arguments.name)
            os.execvp("podman", ["podman", "exec", "--interactive", *terminal, name, *inside])
        case "clean-images":
            clean_images()


if __name__ == "__main__":
    try:
        main()
    except HostsError as error:
        sys.exit(f"hosts: {error}")
