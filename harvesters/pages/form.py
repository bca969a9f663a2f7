"""The form of a source: its fields, drawn from the backends' typed options, and what is sent by it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import ckan.plugins.toolkit as tk

from ckanext.ogptn.catalogue import theme_helpers

from ..engine.registry import backends
from . import words

Field = dict[str, Any]


def _text(name: str, label: str, **more: Any) -> Field:
    return {"field_name": name, "label": label, "kind": "text", **more}


def _choice(name: str, label: str, choices: Mapping[str, str], **more: Any) -> Field:
    return {
        "field_name": name,
        "label": label,
        "kind": "choice",
        "choices": [{"value": value, "label": text} for value, text in choices.items()],
        **more,
    }


class SourceForm:
    """The fields of a source's form for one reader.

    :param organizations: those that the source may belong to: ``[{"value", "label"}]``
    :param dataset_types: what its records may become, by type
    :param sysadmin: whether the reader may name credentials
    """

    def __init__(self, organizations: list[dict[str, str]], dataset_types: Mapping[str, str], *, sysadmin: bool) -> None:
        self.organizations = organizations
        self.dataset_types = dataset_types
        self.sysadmin = sysadmin
        #: Whether the source has a stored value, which nobody sees.
        self.stored = False
        self.kinds = backends()

    # -- fields

    def where(self) -> list[Field]:
        """What it is and where it is."""
        return [
            _text("title", tk._("Name of the source"), required=True, help_text=tk._("For example the name of the portal.")),
            _text("url", tk._("Address"), required=True, ltr=True, input="url", example="https://catalog.data.gov.tn"),
            {
                "field_name": "backend",
                "label": tk._("Kind of source"),
                "kind": "radio",
                "required": True,
                "choices": [
                    {"value": name, "label": found.label(), "description": found.description()} for name, found in self.kinds.items()
                ],
            },
        ]

    def options(self, backend: str) -> list[Field]:
        """The options of one kind of source."""
        return [_drawn(backend, described) for described in self.kinds[backend].Options.describe()]

    def what(self) -> list[Field]:
        """What its records become here."""
        return [
            {
                "field_name": "owner_org",
                "label": tk._("Organisation that owns what is harvested"),
                "kind": "choice",
                "blank": len(self.organizations) != 1,
                "choices": self.organizations,
                "required": True,
            },
            _choice(
                "dataset_type",
                tk._("Its records become"),
                self.dataset_types,
                help_text=tk._("Where the kind of source does not tell: budgets and contracts become what they are."),
                # Asked of those kinds of source for which it makes a difference.
                kinds=" ".join(name for name, found in self.kinds.items() if not found.dataset_type),
            ),
            _choice(
                "language",
                tk._("Language of its texts"),
                theme_helpers.LANGUAGE_NAMES,
                help_text=tk._("Of those that do not say it themselves."),
                # Each in itself.
                speaks=True,
            ),
            _choice(
                "conflict",
                tk._("If another source has the same dataset"),
                {
                    "first": tk._("it stays with the source that had it first"),
                    "this": tk._("this source wins"),
                },
            ),
        ]

    def time(self) -> list[Field]:
        """When it is harvested."""
        return [
            _choice(
                "schedule-kind",
                tk._("How often"),
                {
                    "manual": tk._("By hand only"),
                    "hourly": tk._("Every hour"),
                    "daily": tk._("Every day"),
                    "weekly": tk._("Every week"),
                    "cron": tk._("By a line of cron"),
                },
            ),
            _text("schedule-time", tk._("Time of day"), input="time", short=True, ltr=True, when="daily weekly"),
            _choice("schedule-day", tk._("Day of the week"), words.weekdays(), short=True, when="weekly"),
            _text(
                "schedule-cron",
                tk._("The five fields of cron"),
                ltr=True,
                short=True,
                example="30 3 1 * *",
                when="cron",
                help_text=tk._("Minute, hour, day of the month, month, day of the week."),
            ),
            {
                "field_name": "active",
                "label": tk._("Follow this schedule"),
                "kind": "check",
                "help_text": tk._("Without the tick the source rests; it can be harvested by hand all the same."),
            },
        ]

    def limits(self) -> list[Field]:
        """What may be asked of it, and how much may go at once."""
        return [
            _text(
                f"limits-{each['name']}",
                each["label"],
                input="numeric",
                short=True,
                ltr=True,
                help_text=tk._("Left empty: {number}, as everywhere on this site.").format(number=each["default"]),
            )
            for each in words.limits()
        ]

    def access(self) -> list[Field]:
        """How its server is trusted and what is shown to it."""
        fields: list[Field] = [
            {
                "field_name": "ca_bundle",
                "label": tk._("Certificates"),
                "kind": "area",
                "ltr": True,
                "help_text": tk._("Those that are missing in the source’s chain, as PEM text. Nothing else is trusted because of them."),
            }
        ]
        if self.sysadmin:
            example = tk._("For example {name}.").format(name="Authorization")
            fields += [
                _text("auth_header", tk._("Header with credentials"), ltr=True, short=True, help_text=example),
                _text(
                    "auth_env",
                    tk._("Environment variable with its value"),
                    ltr=True,
                    short=True,
                    example="OGPTN_HARVEST_ENERGIE",
                    help_text=tk._("The value is not stored then. It is sent to this source only."),
                ),
                _text(
                    "auth_value",
                    tk._("Or its value"),
                    ltr=True,
                    input="password",
                    help_text=tk._("Stored encrypted and never shown again. Enter it last: no page brings it back.")
                    if not self.stored
                    else tk._("A value is stored. Left empty, it stays; to take it away, empty the header too. Enter a new one last."),
                ),
            ]
        return fields

    def all(self, backend: str) -> list[Field]:
        """Every field in the order of the page, for the summary of errors; of the options only those of the chosen kind."""
        options = self.options(backend) if backend in self.kinds else []
        return [*self.where(), *options, *self.what(), *self.time(), *self.limits(), *self.access()]

    # -- values

    def values(self, source: Mapping[str, Any] | None) -> dict[str, Any]:
        """What the controls of a form show that was not sent yet."""
        self.stored = bool(source and source["auth_stored"])
        # Most sources are CKAN sites.
        backend = source["backend"] if source else next(name for name in ("ckan", *self.kinds) if name in self.kinds)
        values: dict[str, Any] = {"backend": backend, "active": "true", "dataset_type": "dataset", "language": "ar", "conflict": "first"}
        if len(self.organizations) == 1:
            values["owner_org"] = self.organizations[0]["value"]
        if source:
            named = ("title", "url", "owner_org", "dataset_type", "language", "conflict", "ca_bundle", "auth_header", "auth_env")
            values |= {name: source[name] for name in named}
            values["active"] = "true" if source["active"] else ""
            values |= {f"limits-{name}": number for name, number in source["limits"].items()}
        values |= {f"schedule-{name}": part for name, part in words.schedule_parts(source["schedule"] if source else "").items()}
        for kind, found in self.kinds.items():
            stored = source["options"] if source and kind == backend else {}
            for described in found.Options.describe():
                shown = stored.get(described["name"], described["default"])
                if described["type"] == "list":
                    shown = "\n".join(shown)
                elif described["type"] == "boolean":
                    shown = "true" if shown else ""
                values[f"options-{kind}-{described['name']}"] = shown
        return values

    def sent(self, form: Mapping[str, str], source: Mapping[str, Any] | None) -> dict[str, Any]:
        """What the form says, as `ogptn_harvest_source_create` takes it.

        :param form: the last value of each control
        """
        backend = form.get("backend", "")
        data: dict[str, Any] = {
            name: form.get(name, "")
            for name in ("title", "url", "backend", "owner_org", "dataset_type", "language", "conflict", "ca_bundle")
        }
        data["active"] = bool(form.get("active"))
        data["schedule"] = _schedule(form)
        data["limits"] = {each["name"]: form.get(f"limits-{each['name']}", "").strip() for each in words.limits()}
        options = self.kinds[backend].Options.describe() if backend in self.kinds else []
        data["options"] = {
            described["name"]: form.get(f"options-{backend}-{described['name']}", "")
            for described in options
            # A number that was emptied is not zero: it has its default again.
            if described["type"] != "integer" or form.get(f"options-{backend}-{described['name']}", "").strip()
        }
        if self.sysadmin:
            data |= {name: form.get(name, "") for name in ("auth_header", "auth_env", "auth_value")}
        if source:
            data["id"] = source["id"]
        return data

    def errors(self, errors: Mapping[str, Any], form: Mapping[str, str]) -> dict[str, Any]:
        """The action's errors by the names of the form's controls."""
        backend = form.get("backend", "")
        named: dict[str, Any] = {}
        for name, sentences in errors.items():
            if name.startswith("options-"):
                name = f"options-{backend}-{name.removeprefix('options-')}"
            elif name == "schedule" and form.get("schedule-kind") == "cron":
                name, sentences = "schedule-cron", [tk._("Give five fields, such as 30 3 1 * * for 03:30 on the first day of each month.")]
            elif name == "schedule":
                name, sentences = "schedule-time", [tk._("Give a time of day, such as 03:30.")]
            named[name] = sentences
        return named


def _drawn(backend: str, described: Mapping[str, Any]) -> Field:
    """A typed option as a field of the form."""
    kinds = {"boolean": "check", "list": "area", "choice": "choice"}
    field: Field = {
        "field_name": f"options-{backend}-{described['name']}",
        "label": described["label"],
        "help_text": described["help"],
        "kind": kinds.get(described["type"], "area" if described["multiline"] else "text"),
    }
    if described["type"] == "choice":
        field["choices"] = [{"value": choice["value"], "label": choice["text"]} for choice in described["choices"]]
    if described["type"] == "integer":
        field |= {"input": "numeric", "short": True, "ltr": True}
        if described["minimum"] is not None and described["maximum"] is not None:
            ends = tk._("From {minimum} to {maximum}.").format(minimum=described["minimum"], maximum=described["maximum"])
            field["help_text"] = f"{described['help']} {ends}".strip()
    return field


def _schedule(form: Mapping[str, str]) -> str:
    kind, time, day = form.get("schedule-kind", ""), form.get("schedule-time", "").strip(), form.get("schedule-day", "")
    if kind == "daily":
        return f"daily {time or '?'}"
    if kind == "weekly":
        return f"weekly {day} {time or '?'}"
    if kind == "cron":
        return form.get("schedule-cron", "").strip() or "?"
    return "hourly" if kind == "hourly" else "manual"
