"""What the pages say: names of phases, states and fields, moments and spans of time, in the reader's language."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import urlsplit

import babel.dates
import ckan.plugins as p
import ckan.plugins.toolkit as tk
from ckan.common import g
from markupsafe import Markup

from ckanext.ogptn.catalogue import theme_helpers

from ..engine.config import number
from ..engine.registry import backends, kind_of

#: CLDR's ``ar_TN`` has the month names in use in Tunisia; days are written before months in ``en_GB``.
_LOCALES = {"ar": "ar_TN", "fr": "fr_TN", "en": "en_GB"}
_WESTERN = str.maketrans("٠١٢٣٤٥٦٧٨٩", "0123456789")
#: Characters of a value that a page shows; the rest is in the raw content.
_VALUE_SHOWN = 2_000


def _language() -> str:
    current = tk.h.lang()
    return current if current in _LOCALES else "en"


# -- names


def phase(job: Mapping[str, Any]) -> str:
    """What a job is doing."""
    if job["cancel"] and job["phase"] not in ("finished", "failed", "cancelled"):
        return tk._("Being stopped")
    return {
        "waiting": tk._("Waiting for a worker"),
        "reading": tk._("Reading the source"),
        "writing": tk._("Writing"),
        "removing": tk._("Looking for what is gone"),
        "finished": tk._("Finished"),
        "failed": tk._("Failed"),
        "cancelled": tk._("Stopped"),
    }[job["phase"]]


def kind(job: Mapping[str, Any]) -> str:
    """What a job is for."""
    return {"harvest": tk._("Harvest"), "preview": tk._("Preview"), "clear": tk._("Clearing")}[job["kind"]]


def heading(job: Mapping[str, Any]) -> str:
    """The title of a job's page: what it does, or what came of it."""
    state = "open" if job["phase"] not in ("finished", "failed", "cancelled") else job["phase"]
    return {
        ("harvest", "open"): tk._("Harvest in progress"),
        ("harvest", "finished"): tk._("Harvest finished"),
        ("harvest", "failed"): tk._("Harvest failed"),
        ("harvest", "cancelled"): tk._("Harvest stopped"),
        ("preview", "open"): tk._("Preview in progress"),
        ("preview", "finished"): tk._("Preview finished"),
        ("preview", "failed"): tk._("Preview failed"),
        ("preview", "cancelled"): tk._("Preview stopped"),
        ("clear", "open"): tk._("Clearing in progress"),
        ("clear", "finished"): tk._("Clearing finished"),
        ("clear", "failed"): tk._("Clearing failed"),
        ("clear", "cancelled"): tk._("Clearing stopped"),
    }[(job["kind"], state)]


def states() -> dict[str, str]:
    """What became of records, by state."""
    return {
        "active": tk._("In the catalogue"),
        "missing": tk._("Gone from the source, still here"),
        "removed": tk._("Removed"),
        "refused": tk._("Refused"),
        "duplicate": tk._("Another source has it"),
    }


def counts() -> dict[str, str]:
    """What a job counts, by name, in the order of the page. What was seen is said beside the bar."""
    return {
        "unchanged": tk._("unchanged"),
        "changed": tk._("changed"),
        "added": tk._("added"),
        "back": tk._("came back"),
        "missing": tk._("newly missing"),
        "removed": tk._("deleted here"),
        "duplicates": tk._("of another source"),
        "refused": tk._("refused"),
    }


def foreseen() -> dict[str, str]:
    """What a preview counts, by name, in the order of the page."""
    return {
        "added": tk._("would be added"),
        "changed": tk._("would change"),
        "unchanged": tk._("unchanged"),
        "missing": tk._("gone from the source"),
        "refused": tk._("would be refused"),
        "duplicates": tk._("of another source"),
        "back": tk._("would come back"),
        "removed": tk._("would be deleted"),
    }


def severity(code: str) -> str:
    return tk._("Error") if code == "error" else tk._("Warning")


def backend(name: str) -> str:
    """What people call a kind of source."""
    found = backends().get(name)
    return found.label() if found else name


def reason(code: str) -> str:
    """Why a pass was not complete: the reason of a backend, or the slug of what was wrong with the records it could not count."""
    counted = re.fullmatch(r"(\d+) of (\d+)", code)
    if counted:
        return tk._("The source gave {number} of the {all} records that it announced.").format(number=counted[1], all=counted[2])
    known = kind_of(code)
    if code.endswith(": no answer"):
        return tk._("There was no answer for “{what}”.").format(what=code.removesuffix(": no answer"))
    return {
        "without-identifier": tk._("A record had no identifier that could be kept: it may be one of those that seem to be gone."),
        "too-many-folders": tk._("There are more folders than a harvest reads."),
        "changes-only": tk._("Only changes were asked for. What is gone is looked for when everything is read again."),
        "fewer-than-announced": tk._("The source gave fewer records than it announced."),
        "empty-source": tk._("The source gave no record at all."),
    }.get(code) or (known.say({}) if known else code)


def started_by(job: Mapping[str, Any]) -> str:
    """Who or what started a job."""
    return str(job["user"] or tk._("the schedule"))


def weekdays() -> dict[str, str]:
    """Days of the week by cron's number, Monday first."""
    names = babel.dates.get_day_names("wide", "stand-alone", _LOCALES[_language()])
    return {str((day + 1) % 7): names[day] for day in range(7)}


_DAILY = re.compile(r"(\d{1,2}) (\d{1,2}) \* \* \*")
_WEEKLY = re.compile(r"(\d{1,2}) (\d{1,2}) \* \* ([0-6])")


def schedule_parts(cron: str) -> dict[str, str]:
    """A stored schedule as the form's controls have it: ``{"kind", "time", "day", "cron"}``."""
    parts = {"kind": "manual", "time": "02:00", "day": "1", "cron": ""}
    daily, weekly = _DAILY.fullmatch(cron), _WEEKLY.fullmatch(cron)
    if not cron:
        return parts
    if cron == "0 * * * *":
        return {**parts, "kind": "hourly"}
    found = daily or weekly
    if found is None:
        return {**parts, "kind": "cron", "cron": cron}
    time = f"{int(found[2]):02}:{int(found[1]):02}"
    return {**parts, "kind": "weekly" if weekly else "daily", "time": time, "day": weekly[3] if weekly else "1"}


def schedule(cron: str) -> Markup:
    """A stored schedule in words."""
    parts = schedule_parts(cron)
    time = theme_helpers.ltr(parts["time"])
    if parts["kind"] == "daily":
        return Markup.escape(tk._("every day at {time}")).format(time=time)
    if parts["kind"] == "weekly":
        return Markup.escape(tk._("every week: {day} at {time}")).format(day=weekdays()[parts["day"]], time=time)
    if parts["kind"] == "cron":
        return Markup.escape(tk._("by cron: {cron}")).format(cron=theme_helpers.ltr(parts["cron"]))
    return Markup.escape(tk._("every hour") if parts["kind"] == "hourly" else tk._("by hand only"))


_WHOLE_FIELD = re.compile(r"resources-(\d+)-(.+)|resources\.([^.]+)\.(.+)")


def field_label(name: str, dataset_type: str, places: Mapping[str, int] | None = None) -> str:
    """A field of a dataset, or of one of its files, as forms call it.

    :param name: ``notes_translated``, ``resources-1-url`` (counted from 0) or ``resources.<id>.url``
    :param places: the file's place in its dataset by id, counted from 1
    """
    labels = _labels(dataset_type)
    found = _WHOLE_FIELD.fullmatch(name)
    if not found:
        return labels["dataset"].get(name) or labels["dataset"].get(name.split("-")[0]) or name
    if found[1] is not None:
        place, inner = int(found[1]) + 1, found[2]
    else:
        place, inner = (places or {}).get(found[3]), found[4]
    label = labels["resource"].get(inner) or labels["resource"].get(inner.split("-")[0]) or inner
    if place is None:
        return tk._("A file: {field}").format(field=label)
    return tk._("File {number}: {field}").format(number=place, field=label)


def _labels(dataset_type: str) -> dict[str, dict[str, str]]:
    known: dict[str, dict[str, dict[str, str]]] = g.setdefault("_ogptn_harvest_labels", {})
    if dataset_type not in known:
        found: dict[str, dict[str, str]] = {"dataset": {}, "resource": {}}
        if p.plugin_loaded("scheming_datasets"):
            try:
                schema = tk.get_action("scheming_dataset_schema_show")({"ignore_auth": True}, {"type": dataset_type})
            except tk.ObjectNotFound:
                schema = {"dataset_fields": [], "resource_fields": []}
            for part in found:
                for field in schema[f"{part}_fields"]:
                    found[part][field["field_name"]] = tk.h.scheming_language_text(field.get("label") or field["field_name"])
        known[dataset_type] = found
    return known[dataset_type]


def file_field_label(name: str, dataset_type: str) -> str:
    """A field of a file as forms call it."""
    return _labels(dataset_type)["resource"].get(name, name)


def _row_labels() -> dict[str, str]:
    """Fields of the rows of groups (a period's beginning and end), of all types."""
    known: dict[str, str] | None = g.get("_ogptn_harvest_row_labels")
    if known is None:
        known = g._ogptn_harvest_row_labels = {}
        types = tk.get_action("scheming_dataset_schema_list")({"ignore_auth": True}, {}) if p.plugin_loaded("scheming_datasets") else []
        for dataset_type in types:
            schema = tk.get_action("scheming_dataset_schema_show")({"ignore_auth": True}, {"type": dataset_type})
            for field in (*schema["dataset_fields"], *schema["resource_fields"]):
                for inner in field.get("repeating_subfields") or ():
                    known.setdefault(inner["field_name"], tk.h.scheming_language_text(inner.get("label") or inner["field_name"]))
    return known


def value(given: Any) -> str:
    """A field's value as text for people: a text as it is, texts in languages each with its language, rows of a group one after the other.
    Cut where it is long."""
    text = _in_words(given)
    return text if len(text) <= _VALUE_SHOWN else text[:_VALUE_SHOWN] + "…"


def _in_words(given: Any) -> str:
    if given is None or given in ("", [], {}):
        return ""
    if isinstance(given, bool):
        return tk._("yes") if given else tk._("no")
    if isinstance(given, Mapping):
        names = {**_row_labels(), **theme_helpers.LANGUAGE_NAMES}
        return "\n".join(f"{names.get(name, name)}{tk._(': ')}{_in_words(inner)}" for name, inner in given.items() if _in_words(inner))
    if isinstance(given, list):
        # Each row of a group is a line of its own.
        rows = [_in_words(each) for each in given]
        return "\n".join(row.replace("\n", " · ") for row in rows if row)
    return str(given)


# -- time


def _parsed(moment: str | dt.datetime | None) -> dt.datetime | None:
    return dt.datetime.fromisoformat(moment) if isinstance(moment, str) else moment


def when(moment: str | None) -> Markup:
    """A moment in the site's time zone, to the minute, in a run of its own direction; a dash for none."""
    found = _parsed(moment)
    if found is None:
        return Markup("–")
    language = _language()
    local = found.astimezone(tk.h.get_display_timezone())
    # Arabic's medium form is all digits, which turn round in a line from right to left.
    day = babel.dates.format_date(local, "long" if language == "ar" else "medium", locale=_LOCALES[language]).translate(_WESTERN)
    hour = theme_helpers.ltr(f"{local:%H:%M}")
    return Markup('<time datetime="{}" dir="{}">{} {}</time>').format(
        local.isoformat(timespec="seconds"), "rtl" if language == "ar" else "ltr", day, hour
    )


def ago(moment: str | None) -> Markup:
    """How long ago, in words, with the moment itself for who wants it; a dash for none."""
    found = _parsed(moment)
    if found is None:
        return Markup("–")
    language = _language()
    # A clock that is a little behind must not make it the future.
    span = min(found - dt.datetime.now(dt.timezone.utc), dt.timedelta(0))
    words = babel.dates.format_timedelta(span, granularity="second", threshold=1.5, add_direction=True, locale=_LOCALES[language])
    return Markup('<time datetime="{}">{}</time>').format(found.isoformat(timespec="seconds"), words.translate(_WESTERN))


def span(seconds: float | None) -> str:
    """A time's length in words: "3 minutes"."""
    if seconds is None:
        return ""
    words = babel.dates.format_timedelta(dt.timedelta(seconds=max(1, round(seconds))), threshold=1.5, locale=_LOCALES[_language()])
    return words.translate(_WESTERN)


#: Seconds of silence that are worth a word: some signs of life of a worker, which come every few seconds.
_SILENCE = 30


def silent(job: Mapping[str, Any]) -> bool:
    """Whether nothing was heard of a job's worker for longer than a busy one takes to show itself."""
    heard = _parsed(job["heartbeat"])
    return heard is not None and (dt.datetime.now(dt.timezone.utc) - heard).total_seconds() > _SILENCE


def stale_after() -> int:
    """Seconds without a sign of life after which another worker takes a job up."""
    return number("stale_after")


def took(job: Mapping[str, Any]) -> str:
    """How long a job took, or takes by now; nothing if it did not begin."""
    begun, over = _parsed(job["started"]), _parsed(job["finished"])
    if begun is None:
        return ""
    return span(((over or dt.datetime.now(dt.timezone.utc)) - begun).total_seconds())


# -- addresses


def safe_url(url: Any) -> str:
    """An address of a source that may stand in a link: http and https only, else nothing."""
    try:
        parts = urlsplit(str(url or "").strip())
    except ValueError:
        return ""
    return str(url).strip() if parts.scheme in ("http", "https") and parts.hostname else ""


# -- the picture of past jobs

#: Pixels.
_CHART_HEIGHT, _BAR, _GAP, _LEAST = 64, 14, 6, 6


def chart(jobs: list[dict[str, Any]]) -> dict[str, Any]:
    """Past harvests as bars, the oldest first: ``{"width", "height", "bars": [{"x", "y", "width", "height", "tone", "job"}]}``.

    The height of a bar is the share of what the job changed in the largest of them, as a square root: a first harvest of thousands would
    flatten all others. Time runs from left to right in every language.
    """
    past = [job for job in reversed(jobs) if job["kind"] != "preview"]
    sizes = [sum(job["counts"][name] for name in ("added", "changed", "back", "missing", "removed")) for job in past]
    largest = max([1, *sizes])
    bars = []
    for place, (job, size) in enumerate(zip(past, sizes, strict=True)):
        height = _LEAST + round((_CHART_HEIGHT - _LEAST) * (size / largest) ** 0.5)
        bars.append(
            {"x": place * (_BAR + _GAP), "y": _CHART_HEIGHT - height, "width": _BAR, "height": height, "tone": tone(job), "job": job}
        )
    return {"width": max(1, len(bars) * (_BAR + _GAP) - _GAP), "height": _CHART_HEIGHT, "bars": bars}


def asks(job: Mapping[str, Any]) -> bool:
    """Whether a job held removals back and nobody answered."""
    return "ceiling" in job["result"] and not job["result"]["ceiling"].get("answer")


def tone(job: Mapping[str, Any]) -> str:
    """How a job went, in one word for styles: ``open``, ``bad`` (failed, stopped, asks), ``changed`` or ``calm``."""
    if job["phase"] not in ("finished", "failed", "cancelled"):
        return "open"
    if job["phase"] != "finished" or asks(job):
        return "bad"
    return "changed" if any(job["counts"][name] for name in ("added", "changed", "back", "missing", "removed")) else "calm"


def limits() -> list[dict[str, Any]]:
    """The limits of a source: ``[{"name", "label", "default"}]``; the default is the site's."""
    return [
        {"name": name, "label": label, "default": number(option) if option else 0}
        for name, label, option in (
            ("grace_days", tk._("Days that a dataset stays here after it is gone from the source"), "grace_days"),
            ("grace_passes", tk._("Or complete harvests that it stays, whichever is over first"), "grace_passes"),
            ("ceiling_percent", tk._("Share of the datasets that may go without a person being asked (percent)"), "ceiling_percent"),
            ("ceiling_count", tk._("Datasets that may go without a person being asked, whatever their share"), "ceiling_count"),
            ("full_days", tk._("Days after which everything is read again, not only changes"), "full_days"),
            ("max_mb", tk._("Size of one answer of the source (megabytes)"), "max_megabytes"),
            ("timeout", tk._("Silence after which the source counts as not answering (seconds)"), "timeout"),
            ("delay", tk._("Pause between two requests (seconds)"), ""),
        )
    ]


def in_templates() -> dict[str, Callable[..., Any]]:
    """The functions that templates use, by name."""
    return {
        "ago": ago,
        "asks_person": asks,
        "backend_label": backend,
        "count_labels": counts,
        "field_label": field_label,
        "file_field_label": file_field_label,
        "foreseen_labels": foreseen,
        "heading": heading,
        "kind_label": kind,
        "phase_label": phase,
        "reason_label": reason,
        "safe_url": safe_url,
        "schedule_label": schedule,
        "severity_label": severity,
        "silent": silent,
        "span": span,
        "stale_after": stale_after,
        "started_by": started_by,
        "state_labels": states,
        "tone": tone,
        "took": took,
        "value_text": value,
        "when": when,
    }
