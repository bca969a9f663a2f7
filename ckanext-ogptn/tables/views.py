"""Asking for a table from the resource's page: to have it read again, to have it as a file."""

from __future__ import annotations

import itertools
import json
import os
import re
import tempfile
from collections.abc import Iterator, Mapping
from html import escape
from typing import Any

import ckan.plugins.toolkit as tk
from ckanext.datatablesview.blueprint import ESTIMATION_THRESHOLD, merge_filters
from flask import Blueprint, send_file
from flask.typing import ResponseReturnValue
from werkzeug.wrappers import Response

from . import download as files

blueprint = Blueprint("ogptn_tables", __name__)
#: What file systems do not take in a name.
_NOT_IN_NAMES = re.compile(r'[\\/:*?"<>|\x00-\x1f\u200e\u200f\u202a-\u202e\u2066-\u2069]+')
#: A word as PostgreSQL's parser takes it; a decimal point, a dot or a hyphen inside belongs to it.
_WORDS = re.compile(r"\w+(?:[.-]\w+)*")
#: Of a download's address: what goes to ``datastore_search`` as it is.
_SEARCHED = ("q", "plain", "language", "sort", "fields", "full_text")


def load(resource_id: str) -> Response:
    """Have the worker read a file again."""
    try:
        resource = tk.get_action("resource_show")({}, {"id": resource_id})
    except (tk.ObjectNotFound, tk.NotAuthorized):
        # A file that is not to be seen is not there.
        return tk.abort(404, tk._("There is no such file."))
    try:
        tk.get_action("ogptn_table_load")({}, {"resource_id": resource_id})
        tk.h.flash_success(tk._("The file will be read again shortly."))
    except tk.ObjectNotFound:
        return tk.abort(404, tk._("There is no such file."))
    except tk.NotAuthorized:
        return tk.abort(403, tk._("Only those who may change the file can have it read again."))
    except tk.ValidationError:
        return tk.abort(409, tk._("This site has no DataStore: tables cannot be loaded."))
    package = tk.get_action("package_show")({}, {"id": resource["package_id"]})
    address = tk.url_for(f"{package['type']}_resource.read", id=package["name"], resource_id=resource_id, _anchor="table")
    return tk.redirect_to(address)


def download(resource_id: str, form: str) -> Response:
    """A table as a file: ``/table/RESOURCE/download/csv``, ``xlsx``, ``json``, ``parquet``.

    The address takes what ``datastore_search`` takes to choose and to order rows: ``filters`` (JSON, or ``column:value|column:value`` as
    the pages' previews write it), ``q``, ``plain``, ``language``, ``full_text``, ``sort``, ``fields``. For CSV and XLSX ``header=ids`` puts
    the names for programs into the first row; for CSV ``bom=false`` gives the bare texts, for programs.
    """
    if form not in files.formats():
        return tk.abort(404, tk._("Unsupported format"))
    try:
        query = files.Query(resource_id, _options())
        resource = tk.get_action("resource_show")({}, {"id": resource_id})
        files.check(query)
    except (tk.ObjectNotFound, tk.NotAuthorized):
        # As CKAN's own pages: what is not to be seen is not there.
        return tk.abort(404, tk._("There is no such table."))
    except tk.ValidationError as error:
        said = "; ".join(f"{name}: {' '.join(map(str, told))}" for name, told in error.error_dict.items() if isinstance(told, list))
        return tk.abort(400, tk._("Filters, order or columns of this address make no sense: {reason}").format(reason=said))
    if tk.request.method == "HEAD":
        response = Response(mimetype=files.MEDIA_TYPES[form])
        response.headers.set("Content-Disposition", "attachment", filename=f"{resource_id}.{form}")
        return response
    # Sent when it is whole; the system forgets it with the answer.
    file = tempfile.TemporaryFile()  # noqa: SIM115 - closed by the answer
    try:
        files.write(
            query,
            form,
            file,
            labels=tk.request.args.get("header") != "ids",
            safe=tk.request.args.get("bom", "true").lower() not in ("false", "0", "no"),
            right_to_left=tk.h.is_rtl_language(),
        )
    except files.TooManyRows as error:
        file.close()
        said = tk._("A sheet of a workbook holds {most} rows and this table has {rows}: take another format, or choose rows by a filter.")
        return tk.abort(422, said.format(most=tk.h.localised_number(files.SHEET_ROWS - 1), rows=tk.h.localised_number(error.rows)))
    except BaseException:
        file.close()
        raise
    size = file.seek(0, os.SEEK_END)
    file.seek(0)
    response = send_file(
        file,
        mimetype=files.MEDIA_TYPES[form],
        as_attachment=True,
        download_name=f"{_name(resource)}.{form}",
        conditional=False,
        etag=False,
    )
    response.content_length = size
    # Made for this reader at this moment; what of it others may see is not for a cache to decide.
    tk.request.environ["__no_cache__"] = True
    response.headers["Cache-Control"] = "no-store"
    return response


def _options() -> dict[str, Any]:
    asked: dict[str, Any] = {name: tk.request.args[name] for name in _SEARCHED if tk.request.args.get(name)}
    if written := tk.request.args.get("filters"):
        asked["filters"] = _filters(written)
    return asked


def _filters(written: str) -> Any:
    """JSON as ``datastore_search`` takes it, or ``column:value|column:value``.

    :raises ValidationError: it is neither
    """
    if written.lstrip().startswith(("{", "[")):
        try:
            return json.loads(written)
        except ValueError:
            raise tk.ValidationError({"filters": [tk._("This is no JSON.")]}) from None
    found: dict[str, list[str]] = {}
    for part in written.split("|"):
        name, colon, value = part.partition(":")
        if not colon:
            raise tk.ValidationError({"filters": [tk._("Write “column:value”.")]})
        found.setdefault(name, []).append(value)
    return found


def _name(resource: dict[str, Any]) -> str:
    """The file's name, in the reader's language where the resource has one in it."""
    shown = _NOT_IN_NAMES.sub(" ", str(tk.h.resource_display_name(resource)))
    shown = re.sub(r"\.(?:csv|tsv|txt|xlsx?|ods|zip|xml|json)$", "", " ".join(shown.split()), flags=re.IGNORECASE)
    return shown.strip(". ")[:100] or resource["id"]


def rows(resource_view_id: str) -> ResponseReturnValue:
    """POST: rows for a preview (a ``datatables_view``), as DataTables asks for them on the server's side.

    CKAN's own answer takes every letter that is not Latin, and every accent, for a gap: what was typed in Arabic found nothing. Here each
    word is looked for as it is, by its beginning. What was asked comes back as ``query``, by the names of ``datastore_search``, so that the
    same rows can be downloaded.
    """
    form = tk.request.form
    try:
        view = tk.get_action("resource_view_show")({}, {"id": resource_view_id})
        if view["view_type"] != "datatables_view":
            raise tk.ObjectNotFound
        asked = {"resource_id": view["resource_id"], "total_estimation_threshold": ESTIMATION_THRESHOLD}
        every = tk.get_action("datastore_search")({}, {**asked, "limit": 0, "filters": view.get("filters") or {}})
    except (tk.ObjectNotFound, tk.NotAuthorized):
        return {"error": tk._("There is no such table.")}, 404
    columns = [one["id"] for one in every["fields"] if one["id"] in view.get("show_fields", [one["id"]])]
    try:
        query = {
            "q": _searched(form),
            "plain": False,
            # The language in which the words of the table were made, unlike CKAN's preview, which never finds a word that was cut there.
            "language": tk.config.get("ckan.datastore.default_fts_lang"),
            "sort": ", ".join(_order(form, columns)),
            "filters": merge_filters(view.get("filters") or {}, tk.h.decode_view_request_filters()),
        }
        page = {"offset": int(form["start"]), "limit": int(form["length"])}
        found = tk.get_action("datastore_search")({}, {**asked, **query, **page})
        draw = int(form["draw"])
    except (KeyError, ValueError, tk.ValidationError):
        return {"error": tk._("This search cannot be understood.")}, 400
    nothing = tk.h.datatablesview_null_label()
    return {
        "draw": draw,
        "recordsTotal": every.get("total", 0),
        "recordsFiltered": found.get("total", 0),
        "total_was_estimated": every.get("total_was_estimated", False),
        "data": [
            {
                **{name: escape(str(nothing if row.get(name) is None else row[name])) for name in columns},
                "DT_RowId": f"row{row.get('_id', '')}",
            }
            for row in found["records"]
        ],
        "query": {
            name: json.dumps(part, ensure_ascii=False) if isinstance(part, (dict, bool)) else part
            for name, part in query.items()
            if part or part is False
        },
    }


def _searched(form: Mapping[str, str]) -> str | dict[str, str]:
    """Words for PostgreSQL's full-text search: those of the columns that were searched, else those for the whole row."""
    columns = {}
    for place in itertools.count():
        if (value := form.get(f"columns[{place}][search][value]")) is None:
            break
        if words := _beginnings(value):
            columns[form[f"columns[{place}][name]"]] = words
    return columns or _beginnings(form.get("search[value]", ""))


def _beginnings(text: str) -> str:
    """``"صفاقس 2,5"`` becomes ``"'صفاقس':* & '2':* & '5':*"`` (PostgreSQL, “Parsing Queries”): every word by its beginning."""
    return " & ".join(f"'{word}':*" for word in _WORDS.findall(text[:200]))


def _order(form: Mapping[str, str], columns: list[str]) -> Iterator[str]:
    for place in itertools.count():
        if (number := form.get(f"order[{place}][column]")) is None:
            return
        if not 0 <= int(number) < len(columns):
            raise ValueError(number)
        direction = "desc" if form.get(f"order[{place}][dir]") == "desc" else "asc"
        yield f"{columns[int(number)]} {direction}"


blueprint.add_url_rule("/table/view/<resource_view_id>/rows", view_func=rows, methods=["POST"])
blueprint.add_url_rule("/table/<resource_id>/load", view_func=load, methods=["POST"])
blueprint.add_url_rule("/table/<resource_id>/download/<form>", view_func=download, methods=["GET"])
