"""Actions on the tables of files."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import ckan.plugins.toolkit as tk
from ckan import model
from ckan.types import ActionResult, Context, DataDict

from ..fetch.errors import message as fetch_message
from . import config, dictionary, jobs, units, watch
from .findings import Finding
from .model import LOADED, NONE, TableState, table_exists


@tk.side_effect_free
def ogptn_table_show(context: Context, data_dict: DataDict) -> ActionResult.AnyDict:
    """What is known of a file's table: its columns, what was found while reading it, and how far the worker is.

    :param resource_id: id of the resource
    :type resource_id: string
    :returns: ``{"resource_id", "state", "state_label", "rows", "rejections", "columns", "dataset_unit", "findings", "rejected", "steps",
        "reading", "asked_at", "started_at", "finished_at"}``; texts are in the reader's language.

        - ``state``: ``none`` (nobody asked), ``waiting``, ``working``, ``loaded``, ``refused`` (for what the file is) or ``failed`` (it
          could not be had). While a new file is read, ``columns`` and ``rows`` are those of the table that serves
        - ``columns``: ``[{"id", "label", "type", "type_label", "pg_type", "unit", "unit_from", "note", "nulls", "distinct",
          "distinct_exact", "minimum", "maximum", "description"}]``; label and description are those of the data dictionary, where a
          steward wrote them there; columns that the table has and the file has not (the one that marks totals) have no counts;
          ``minimum`` and ``maximum`` are texts in PostgreSQL's notation, None for columns of text; ``distinct`` is an estimate unless
          ``distinct_exact``; totals and headings are left aside
        - ``findings``: ``[{"slug", "severity", "file", "sheet", "row", "column", "details", "message", "place"}]``
        - ``rejected``: the first hundred, ``[{"row", "slug", "details", "message"}]``
        - ``steps``: ``[{"step", "label", "state", "state_label", "at", "message"}]``
        - ``reading``: ``{"format", "file", "sheet", "sheets", "encoding", "delimiter", "titles", "size"}``
    :rtype: dictionary
    :raises NotAuthorized: the resource is not to be seen
    :raises NotFound: there is no such resource
    """
    resource_id = tk.get_or_bust(data_dict, "resource_id")
    tk.check_access("ogptn_table_show", context, {"resource_id": resource_id})
    resource = model.Session.get(model.Resource, resource_id)
    if resource is None:
        raise tk.ObjectNotFound(tk._("There is no such file."))
    state = TableState.of(resource_id) if table_exists() else None
    if state is None:
        return {"resource_id": resource_id, "state": NONE, "state_label": state_label(NONE), "columns": [], "findings": [], "steps": []}
    # What another process, the worker, wrote since.
    model.Session.refresh(state)
    unit, amounts = units.said_by_dataset(resource)
    # A file's own headings say which columns are amounts: before a steward's labels take their place.
    columns = [units.filled(one, unit, amounts) for one in state.columns]
    if columns and config.datastore():
        columns = dictionary.completed(columns, dictionary.stored(resource_id))
    return {
        "resource_id": resource_id,
        "state": state.state,
        "state_label": state_label(state.state),
        "rows": state.rows,
        "rejections": state.rejections,
        "columns": [{**one, "type_label": type_label(one["type"])} for one in columns],
        "dataset_unit": unit,
        "findings": [_finding(one) for one in state.findings],
        "rejected": [{**one, "message": _rejection(one)} for one in state.rejected],
        "steps": [_step(one) for one in state.steps],
        "reading": state.reading,
        "asked_at": _moment(state.asked_at),
        "started_at": _moment(state.started_at),
        "finished_at": _moment(state.finished_at),
    }


def ogptn_table_load(context: Context, data_dict: DataDict) -> ActionResult.AnyDict:
    """Have the worker read a resource's file and load its table.

    :param resource_id: id of the resource
    :type resource_id: string
    :returns: as ``ogptn_table_show``; ``state`` is ``waiting``. A file that is as it was is not loaded anew
    :rtype: dictionary
    :raises NotAuthorized: the resource is not to be changed
    :raises NotFound: there is no such resource
    :raises ValidationError: the site has no DataStore, or its tables are not made
    """
    resource_id = tk.get_or_bust(data_dict, "resource_id")
    tk.check_access("ogptn_table_load", context, {"resource_id": resource_id})
    if model.Session.get(model.Resource, resource_id) is None:
        raise tk.ObjectNotFound(tk._("There is no such file."))
    if not config.datastore() or not table_exists():
        raise tk.ValidationError({"resource_id": [tk._("This site has no DataStore: tables cannot be loaded.")]})
    watch.ask(model.Session, [resource_id])
    model.Session.commit()
    jobs.schedule()
    return tk.get_action("ogptn_table_show")(tk.fresh_context(context), {"resource_id": resource_id})


def _moment(value: Any) -> str | None:
    return value.isoformat() if value is not None else None


def _finding(stored: dict[str, Any]) -> dict[str, Any]:
    one = Finding.from_dict(stored)
    return {**stored, "message": _message(one), "place": one.place}


def _message(one: Finding) -> str:
    details = dict(one.details)
    if "type" in details:
        details["type"] = type_label(details["type"])
    if one.slug == "mostly-rejected":
        details["reason"] = Finding(
            str(details["reason"]), details={"type": "–", **details, "count": 1, "number": details.get("rows")}
        ).message
    return Finding(one.slug, details=details).message


def _rejection(one: dict[str, Any]) -> str:
    details = {**one["details"], "count": 1}
    if "type" in details:
        details["type"] = type_label(details["type"])
    return Finding(one["slug"], details=details).message


def _step(one: dict[str, Any]) -> dict[str, Any]:
    return {**one, "label": step_label(one["step"]), "state_label": step_state_label(one["state"]), "message": _step_message(one)}


def _step_message(step: dict[str, Any]) -> str:
    said = step.get("message") or {}
    if "finding" in said:
        one = Finding.from_dict(said["finding"])
        return " ".join(part for part in (_message(one), f"({one.place})" if one.place else "") if part)
    if said.get("fetch"):
        return fetch_message(said["slug"], **said["details"])
    if said:
        return tk._("Something went wrong here ({reason}); the administrators find it in the log.").format(**said["details"])
    return ""


def state_label(state: str) -> str:
    """A table's state in the reader's language."""
    _ = tk._
    return {
        "none": _("No table was looked for."),
        "waiting": _("The table waits to be read."),
        "working": _("The table is being read."),
        LOADED: _("The table can be queried."),
        "refused": _("The file holds no table that can be loaded."),
        "failed": _("The file could not be fetched or loaded."),
    }[state]


def step_label(step: str) -> str:
    """A step in the reader's language."""
    _ = tk._
    return {
        "fetch": _("Fetch the file"),
        "detect": _("Tell its format and header"),
        "types": _("Tell the types of its columns"),
        "load": _("Load it into the DataStore"),
        "dictionary": _("Write the data dictionary"),
    }[step]


def step_state_label(state: str) -> str:
    """What became of a step, in the reader's language."""
    _ = tk._
    return {
        "running": _("running"),
        "done": _("done"),
        "unchanged": _("unchanged since the last time"),
        "refused": _("refused"),
        "failed": _("failed"),
    }[state]


def type_label(name: str) -> str:
    """A column's type in the reader's language; the name itself when it is none of ours."""
    _ = tk._
    return {
        "integer": _("whole number"),
        "decimal": _("decimal number"),
        "number": _("number"),
        "year": _("year"),
        "month": _("month"),
        "date": _("date"),
        "datetime": _("date and time"),
        "time": _("time"),
        "boolean": _("yes or no"),
        "text": _("text"),
    }.get(name, name)


@tk.chained_action
@tk.side_effect_free
def datastore_info(original: Any, context: Context, data_dict: DataDict) -> ActionResult.AnyDict:
    """CKAN's ``datastore_info``. A column of amounts whose file says no unit has the one that its dataset says: ``info.unit``, with
    ``info.unit_from: "dataset"``.

    :raises NotAuthorized: as CKAN's
    :raises NotFound: as CKAN's
    """
    shown = original(context, data_dict)
    fields = {one["id"]: one.setdefault("info", {}) for one in shown["fields"]}
    resource_id = (shown.get("meta") or {}).get("id") or tk.get_or_bust(data_dict, "id")
    for name, unit in units.of_columns(resource_id, fields.items()).items():
        fields[name] |= {"unit": unit, "unit_from": "dataset"}
    return shown


def get_actions() -> dict[str, Callable[..., Any]]:
    """The actions by name."""
    return {
        "ogptn_table_show": ogptn_table_show,
        "ogptn_table_load": ogptn_table_load,
        **({"datastore_info": datastore_info} if config.datastore() else {}),
    }
