# Copyright (c) 2026, the pifleet.nodered maintainers
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a run has made of its hosts: for people at its end, and as data."""

from __future__ import annotations

import dataclasses
import enum
import ipaddress
import typing as t

from ansible_collections.pifleet.nodered.plugins.module_utils._shared.printable import one_line
from ansible_collections.pifleet.nodered.plugins.module_utils._shared.probe import is_loopback

from .summary import pluralised

if t.TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

#: Up to so many hosts in all, those where nothing had to change are listed too.
_FEW = 10
#: So many hosts of one outcome are listed.
_MOST = 50
#: Whoever is not root may listen from this port on. Where another one is below, that much is added.
_FIRST_FREE_PORT, _PORTS_APART = 1024, 10000
#: So much of a reason is shown (characters).
_LONGEST_REASON = 300


#: What the tasks of the playbook `secure` register that visit a host after the first look.
LATER_RESULTS = (
    "nodered_proxy_package",
    "nodered_certificate_result",
    "nodered_settings_result",
    "nodered_proxy_result",
    "nodered_service_result",
    "nodered_put_back",
)


class Outcome(enum.Enum):
    """What has become of a host; the value is what people read."""

    SECURED = "secured"
    DUE = "would change"
    UNCHANGED = "unchanged"
    FAILED = "failed"
    OFF = "off"
    LEFT_OUT = "not begun"


@dataclasses.dataclass(frozen=True)
class HostSummary:
    """One host at the end of a run.

    :ivar name: its name in the inventory
    :ivar outcome: what has become of it
    :ivar changes: what has changed or would, such as "settings.js"
    :ivar reason: why it failed, in one line; empty where it did not
    :ivar url: where its editor is, empty where that is not known
    :ivar ssh: where only the host itself reaches it, the command that has it answer on this computer as well; else empty
    :ivar users: who may log in to the editor
    :ivar sign_on: the name of the provider by which others may; empty without one
    :ivar certificate_ends: when its certificate ends (ISO 8601), empty without one, and where it shows none
    :ivar authority: the file on the control node that browsers have to trust, or what gives it instead; empty where there
        is none
    :ivar authority_fingerprint: SHA-256 of that certificate as browsers show it, where it is in no file
    """

    name: str
    outcome: Outcome
    changes: tuple[str, ...] = ()
    reason: str = ""
    url: str = ""
    ssh: str = ""
    users: tuple[str, ...] = ()
    sign_on: str = ""
    certificate_ends: str = ""
    authority: str = ""
    authority_fingerprint: str = ""


def of_host(name: str, results: Mapping[str, t.Any], check_mode: bool) -> HostSummary:
    """What the tasks of the playbook `secure` have left of a host.

    :param name: its name in the inventory
    :param results: by the names under which they were registered, their results: nodered_preflight, those of `LATER_RESULTS`,
        nodered_given_up, and ansible_failed_result, why it was put back; those that did not run are missing
    :param check_mode: whether nothing was changed
    """
    preflight = results.get("nodered_preflight")
    if preflight is None:
        return HostSummary(name, Outcome.LEFT_OUT)
    if preflight.get("unreachable"):
        return HostSummary(name, Outcome.OFF)
    access = preflight.get("access") or {}
    known: dict[str, t.Any] = {"users": tuple(access.get("users") or ()), "authority": access.get("authority") or ""}
    known["sign_on"] = access.get("sign_on") or ""
    known["authority_fingerprint"] = access.get("authority_fingerprint") or ""
    known["certificate_ends"] = access.get("not_after") or ""
    reason = _reason_to_fail(results)
    if reason is not None:
        return HostSummary(name, Outcome.FAILED, reason=_shortened(reason), **known)
    due = preflight.get("due") or []
    service = results.get("nodered_service_result") or {}
    of_settings = (results.get("nodered_settings_result") or {}).get("listening") or {}
    listening = {
        **(access.get("listening") or {}),
        **{key: value for key, value in of_settings.items() if value is not None},
    }
    proved = (service.get("proof") or {}).get("expected") or access.get("proved") or {}
    answers = _desired(listening, access.get("proxy"), proved) if check_mode and due else proved
    known["url"], known["ssh"] = _way_in(access, answers, listening.get("host"))
    shows_none = bool(answers) and not answers.get("tls") and not answers.get("proxy")
    if shows_none:
        # One of before may lie on the host, and nobody sees it.
        known["certificate_ends"] = ""
    if not due:
        return HostSummary(name, Outcome.UNCHANGED, **known)
    changes = tuple(reason.partition(" (")[0] for reason in due)
    if not service or service.get("failed"):
        # It is not known of a host that got lost between its first change and its last.
        return HostSummary(name, Outcome.FAILED, changes, "It did not come to its end.", **known)
    installed = (results.get("nodered_certificate_result") or {}).get("certificate") or {}
    if not shows_none:
        known["certificate_ends"] = installed.get("not_after") or known["certificate_ends"]
    return HostSummary(name, Outcome.DUE if check_mode else Outcome.SECURED, changes, **known)


def as_data(hosts: Sequence[HostSummary], fingerprints: Mapping[str, str]) -> dict[str, t.Any]:
    """The same for programs.

    :param fingerprints: by what gives authorities, see `HostSummary.authority`, SHA-256 of their certificates
    """
    return {
        "counts": {outcome.value: sum(host.outcome is outcome for host in hosts) for outcome in Outcome},
        "hosts": [
            {
                **dataclasses.asdict(host),
                "outcome": host.outcome.value,
                "changes": list(host.changes),
                "users": list(host.users),
            }
            for host in hosts
        ],
        "authorities": [
            {"file": file, "fingerprint": fingerprint} for file, fingerprint in sorted(fingerprints.items())
        ],
    }


def lines(hosts: Sequence[HostSummary], fingerprints: Mapping[str, str]) -> list[tuple[str, Outcome | None]]:
    """What people read, line by line, with the outcome that a line is about.

    :param fingerprints: as in `as_data`
    """
    counted = [(outcome, [host for host in hosts if host.outcome is outcome]) for outcome in Outcome]
    counts = ", ".join(f"{len(those)} {outcome.value}" for outcome, those in counted if those)
    told: list[tuple[str, Outcome | None]] = [(f"{pluralised(len(hosts), 'host')}: {counts}.", None)]
    width = max((len(host.name) for host in hosts), default=0)
    for outcome, those in counted:
        if outcome is Outcome.UNCHANGED and len(hosts) > _FEW:
            continue
        for host in those[:_MOST]:
            what = host.reason or ", ".join(host.changes)
            text = "  ".join(filter(None, (outcome.value.ljust(12), host.url, what)))
            told.append((f"  {host.name.ljust(width)}  {text}".rstrip(), outcome))
        if len(those) > _MOST:
            told.append((f"  and {len(those) - _MOST} more {outcome.value}", outcome))
    return told + [(line, None) for line in _of_access(hosts, fingerprints)]


def _of_access(hosts: Sequence[HostSummary], fingerprints: Mapping[str, str]) -> list[str]:
    told = []
    reached = [host for host in hosts if host.url]
    users = sorted({user for host in reached for user in host.users})
    providers = sorted({f"whom {host.sign_on} lets in" for host in reached if host.sign_on})
    if users or providers:
        told.append(f"Who logs in to the editor: {', '.join([*users, *providers])}.")
    local = [host for host in reached if host.ssh]
    if local:
        names = ", ".join(host.name for host in local[:_MOST]) + (" and others" if len(local) > _MOST else "")
        told.append(
            f"Answering on the host itself alone, because of uiHost: {names}. Where no proxy there leads to it: {local[0].ssh}"
        )
    trusted = sorted({host.authority for host in reached} & set(fingerprints))
    told += [f"What browsers have to trust: {file}, SHA-256 {fingerprints[file]}." for file in trusted]
    ending = sorted((host.certificate_ends, host.name) for host in hosts if host.certificate_ends)
    if ending:
        told.append(f"The next certificate that ends: {ending[0][1]}, {ending[0][0][:10]}.")
    return told


def _desired(listening: Mapping[str, t.Any], proxy: int | None, proved: Mapping[str, t.Any]) -> dict[str, t.Any]:
    """What a host would be proved to answer; what code alone tells is taken to stay."""
    told = {key: value for key, value in listening.items() if value is not None}
    root = told.get("admin_root", proved.get("admin_root"))
    return {
        **proved,
        **told,
        "admin_root": None if root is False else root,
        "proxy": {"https": proxy} if proxy else None,
    }


def _way_in(access: Mapping[str, t.Any], answers: Mapping[str, t.Any], host: str | None) -> tuple[str, str]:
    """Where the editor is, and the command without which only the host itself reaches it.

    :param answers: what the server was proved to answer, or would be
    :param host: the uiHost of its settings, None where that is not known
    """
    proxy = answers.get("proxy")
    port = proxy["https"] if proxy else answers.get("port")
    if not port or answers.get("admin_root") is None or not access.get("name"):
        return "", ""
    tls = bool(answers.get("tls") or proxy)
    is_local = not proxy and is_loopback(host)
    name = _loopback_name(str(host)) if is_local else access["name"]
    shown_name = f"[{name}]" if ":" in name else name
    shown_port = "" if port == (443 if tls else 80) else f":{port}"
    root = str(answers["admin_root"]).strip("/")
    url = one_line(f"http{'s' if tls else ''}://{shown_name}{shown_port}/{root}{'/' if root else ''}")
    if not is_local or not access.get("ssh"):
        return url, ""
    # Here, only root has the ports below.
    here = port if port >= _FIRST_FREE_PORT else port + _PORTS_APART
    return url, one_line(f"ssh -L {here}:{shown_name}:{port} {access['ssh']}")


def _loopback_name(host: str) -> str:
    """The host's name for itself; not whatever its settings have there, because it becomes part of a command."""
    try:
        return str(ipaddress.ip_address(host.strip("[]")))
    except ValueError:
        return "localhost"


def _reason_to_fail(results: Mapping[str, t.Any]) -> str | None:
    """Why a host has failed, and what has become of it; None where it has not failed."""
    preflight, put_back = results["nodered_preflight"], results.get("nodered_put_back") or {}
    if preflight.get("failed"):
        return str(preflight.get("msg", ""))
    if any((results.get(name) or {}).get("unreachable") for name in LATER_RESULTS):
        return "The connection broke off. The host, when it starts, or the next run finishes or undoes what was begun."
    if not put_back.get("failed") and not results.get("nodered_given_up"):
        return None
    failure = results.get("ansible_failed_result") or {}
    reason = str(failure.get("msg", "")).strip().partition("\n")[0]
    # A restart that went back has said so in its reason.
    if put_back.get("failed") or "restored" not in failure:
        reason += f" {put_back.get('msg') or put_back.get('message', '')}"
    return reason


def _shortened(text: object) -> str:
    line = one_line(str(text).strip().partition("\n")[0])
    return line if len(line) <= _LONGEST_REASON else f"{line[:_LONGEST_REASON].rstrip()} ..."
