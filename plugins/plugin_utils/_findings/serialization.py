# Copyright (c) 2026, the pifleet.nodered maintainers
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Findings and subjects as what JSON can say, for the results of tasks and for reports, and back.

Times are in UTC as in 2026-11-23T15:14:35Z, without fractions of a second; days as in 2026-11-23.
"""

from __future__ import annotations

import datetime
import typing as t
from collections.abc import Mapping

from ansible_collections.pifleet.nodered.plugins.plugin_utils._errors import UserError

from .model import Finding, Kind, Location, Rule, ServedCertificate, Subject, Suppression


class DataError(UserError):
    """Data that no `finding_data` or `subject_data` made; the text says what is wrong with it."""


def finding_data(finding: Finding) -> dict[str, t.Any]:
    """A finding with what a reader wants to see beside it: severity and title of its rule, and its fingerprint."""
    suppression = finding.suppression
    return {
        "rule": finding.rule.identifier,
        "severity": str(finding.rule.severity),
        "title": finding.rule.title,
        "subject": finding.subject,
        "message": finding.message,
        "file": finding.location.file,
        "line": finding.location.line,
        "detail": finding.detail,
        "fingerprint": finding.fingerprint,
        "suppression": suppression and {"reason": suppression.reason, "until": suppression.until.isoformat()},
        "baselined": finding.baselined,
    }


def finding_from_data(data: Mapping[str, t.Any], rules: Mapping[str, Rule]) -> Finding:
    """The finding that `finding_data` made this of; what a rule says is taken from the rules. DataError."""
    _require_mapping(data, "A finding")
    identifier = _text(data, "rule")
    if identifier not in rules:
        raise DataError(f"A finding names the rule {identifier!r}, which there is not.")
    line = data.get("line")
    if line is not None and (not isinstance(line, int) or isinstance(line, bool) or line < 1):
        raise DataError(f"`line` must be a number from 1 on, not {line!r}.")
    suppression = data.get("suppression")
    if suppression is not None:
        _require_mapping(suppression, "`suppression`")
        suppression = Suppression(_text(suppression, "reason"), day_from_data(suppression.get("until")))
    return Finding(
        rules[identifier],
        _text(data, "subject"),
        _text(data, "message"),
        Location(_text(data, "file", ""), line),
        _text(data, "detail", ""),
        suppression,
        bool(data.get("baselined", False)),
    )


def subject_data(subject: Subject) -> dict[str, t.Any]:
    """A subject; `certificate` is None where none is known."""
    certificate = subject.certificate
    return {
        "name": subject.name,
        "kind": subject.kind.value,
        "error": subject.error,
        "address": subject.address,
        "node_red": subject.node_red,
        "node": subject.node,
        "certificate": certificate
        and {
            "name": certificate.name,
            "issuer": certificate.issuer,
            "not_before": time_data(certificate.not_before),
            "not_after": time_data(certificate.not_after),
        },
    }


def subject_from_data(data: Mapping[str, t.Any]) -> Subject:
    """The subject that `subject_data` made this of; all but the name may be missing, then it is a host. DataError."""
    _require_mapping(data, "A subject")
    kinds = [kind.value for kind in Kind]
    kind = _text(data, "kind", Kind.HOST.value)
    if kind not in kinds:
        raise DataError(f"`kind` must be one of {', '.join(kinds)}, not {kind!r}.")
    certificate = data.get("certificate")
    if certificate is not None:
        _require_mapping(certificate, "`certificate`")
        certificate = ServedCertificate(
            _text(certificate, "name"),
            _text(certificate, "issuer"),
            time_from_data(certificate.get("not_before")),
            time_from_data(certificate.get("not_after")),
        )
    return Subject(
        _text(data, "name"),
        Kind(kind),
        _text(data, "error", ""),
        _text(data, "address", ""),
        _text(data, "node_red", ""),
        _text(data, "node", ""),
        certificate,
    )


def time_data(time: datetime.datetime) -> str:
    """A time as text; one without a time zone is UTC."""
    if time.tzinfo:
        time = time.astimezone(datetime.UTC)
    return time.replace(tzinfo=None).isoformat(timespec="seconds") + "Z"


def time_from_data(value: t.Any) -> datetime.datetime:
    """The time that `time_data` wrote. DataError."""
    try:
        time = datetime.datetime.fromisoformat(value)
    except (TypeError, ValueError):
        raise DataError(f"{value!r} is no time such as 2026-11-23T15:14:35Z.") from None
    return time if time.tzinfo else time.replace(tzinfo=datetime.UTC)


def day_from_data(value: t.Any) -> datetime.date:
    """A day, which YAML makes a date where it is written without quotes. DataError."""
    if isinstance(value, datetime.date) and not isinstance(value, datetime.datetime):
        return datetime.date(value.year, value.month, value.day)
    try:
        # Nothing but this form: fromisoformat also takes 20261123 and 2026-W48-1.
        return datetime.datetime.strptime(value, "%Y-%m-%d").date()  # noqa: DTZ007 - a day has no zone
    except (TypeError, ValueError):
        raise DataError(f"{value!r} is no day such as 2026-11-23.") from None


def _require_mapping(data: t.Any, what: str) -> None:
    if not isinstance(data, Mapping):
        raise DataError(f"{what} must be a dictionary, not {data!r}.")


def _text(data: Mapping[str, t.Any], key: str, default: str | None = None) -> str:
    value = data.get(key, default)
    if value is None and default is not None:
        return default
    if not isinstance(value, str):
        raise DataError(f"`{key}` must be a text, not {value!r}.")
    return value
