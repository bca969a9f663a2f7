"""Pages of the self-assessment report: upload, preview, import.

The uploaded file waits in Redis between preview and import, for an hour and for the same person: what is imported is what was shown.
"""

from __future__ import annotations

import io
import secrets
from typing import Any, cast

import ckan.plugins.toolkit as tk
from ckan.lib.redis import connect_to_redis
from flask import Blueprint, send_file
from flask.typing import ResponseReturnValue
from flask.views import MethodView

from ..catalogue import vocabulary
from ..catalogue.config import reader_language
from ..catalogue.pages import reader_context
from ..catalogue.text import pick
from . import actions
from .report import layout, word
from .report.blocks import to_markdown
from .report.writer import long_date

_WORD = "application/vnd.openxmlformats-officedocument.wordprocessingml.document"
#: Seconds that an uploaded report waits for its import.
WAIT = 3_600
_GIVEN = ("plan", "period_start", "period_end", "agency")

blueprint = Blueprint("ogptn_report", __name__, url_prefix="/commitment-report")


def _key(token: str) -> str:
    return f"ckan:{tk.config['ckan.site_id']}:ogptn:report:{tk.current_user.id}:{token}"


def _kept(token: str) -> bytes | None:
    return cast("bytes | None", connect_to_redis().get(_key(token))) if token else None


def plans() -> list[dict[str, str]]:
    """The action plans for a list: ``[{"value", "label"}]``."""
    return [{"value": term.code, "label": pick(term.label, reader_language())} for term in vocabulary.get("plans")]


class ImportView(MethodView):
    """The upload form, the preview, and the import of what was previewed."""

    def _refuse_strangers(self) -> None:
        try:
            tk.check_access("ogptn_commitment_report_import", reader_context(), {})
        except tk.NotAuthorized as refused:
            tk.abort(403, refused.message or "")

    def _form(self, errors: list[str], status: int = 200) -> ResponseReturnValue:
        given = {name: tk.request.form.get(name, "") for name in _GIVEN}
        return tk.render(
            "commitment/report_import.html", {"plans": plans(), "errors": errors, "given": given, "limit": word.LIMIT_FILE}
        ), status

    def get(self) -> ResponseReturnValue:
        self._refuse_strangers()
        return self._form([])

    def post(self) -> ResponseReturnValue:
        self._refuse_strangers()
        token = tk.request.form.get("token", "")
        given = {name: tk.request.form.get(name, "") for name in _GIVEN}
        if token:
            return self._import(token, given)
        upload = tk.request.files.get("upload")
        content = upload.stream.read(word.LIMIT_FILE + 1) if upload and upload.filename else b""
        if not content:
            return self._form([tk._("Choose the report's file.")], 400)
        return self._preview(content, given)

    def _preview(self, content: bytes, given: dict[str, str], notice: str = "") -> ResponseReturnValue:
        try:
            shown = tk.get_action("ogptn_commitment_report_preview")(reader_context(), {**given, "upload": io.BytesIO(content)})
        except tk.ValidationError as refused:
            return self._form([str(sentence) for value in refused.error_dict.values() for sentence in cast("list[Any]", value)], 400)
        token = secrets.token_urlsafe(24)
        connect_to_redis().set(_key(token), content, ex=WAIT)
        label = vocabulary.label("plans", shown["plan"], reader_language())
        return tk.render(
            "commitment/report_preview.html",
            {"shown": shown, "token": token, "given": given, "notice": notice, "plan_label": label},
        )

    def _import(self, token: str, given: dict[str, str]) -> ResponseReturnValue:
        content = _kept(token)
        if content is None:
            return self._form([tk._("The preview is more than an hour old. Choose the file again.")], 400)
        try:
            done = tk.get_action("ogptn_commitment_report_import")(
                reader_context(), {**given, "upload": io.BytesIO(content), "fingerprint": tk.request.form.get("fingerprint", "")}
            )
        except tk.ValidationError as refused:
            sentences = [str(sentence) for value in refused.error_dict.values() for sentence in cast("list[Any]", value)]
            return self._preview(content, given, notice=" ".join(sentences))
        connect_to_redis().delete(_key(token))
        tk.h.flash_success(
            tk._("The report is imported: {created} commitments created, {updated} updated, {unchanged} unchanged.").format(
                created=len(done["created"]), updated=len(done["updated"]), unchanged=len(done["unchanged"])
            )
        )
        return tk.redirect_to("commitment.search")


def _asked(plan: str) -> dict[str, Any]:
    return {"plan": plan, "period_end": tk.request.args.get("period", ""), "people": tk.request.args.get("people") == "1"}


def page(plan: str) -> ResponseReturnValue:
    """The report as a page to read and to print, in the reader's language."""
    try:
        report = actions.printed_report(reader_context(), _asked(plan))
    except tk.ObjectNotFound as missing:
        return tk.abort(404, missing.message or "")
    except tk.ValidationError as refused:
        return tk.abort(400, str(next(iter(refused.error_summary.values()), "")))
    axes: list[tuple[str, list[Any]]] = []
    for form in report.forms:
        axis = report.axes[form.label]
        if not axes or axes[-1][0] != axis:
            axes.append((axis, []))
        axes[-1][1].append(form)
    return tk.render(
        "commitment/report_page.html",
        {
            "report": report,
            "axes": [(vocabulary.label("axes", axis, report.language) if axis else "", forms) for axis, forms in axes],
            "title": layout.REPORT_TITLE[report.language],
            "labels": {row: names[report.language][0] for row, names in layout.LABELS.items()},
            "heading": lambda form: layout.heading(form.number, form.part, form.title, report.language),
            "to_markdown": to_markdown,
            "levels": layout.LEVELS,
            "today": long_date(report.made_on, report.language),
            "may_people": tk.h.check_access("ogptn_commitment_report_import"),
            "period": tk.request.args.get("period", ""),
            "with_people": any(form.people is not None for form in report.forms),
        },
    )


def document(plan: str) -> ResponseReturnValue:
    """The report as a Word document, in the reader's language or in ``lang``."""
    try:
        name, content = actions.word_report(reader_context(), {**_asked(plan), "lang": tk.request.args.get("lang", "")})
    except tk.ObjectNotFound as missing:
        return tk.abort(404, missing.message or "")
    except tk.ValidationError as refused:
        return tk.abort(400, str(next(iter(refused.error_summary.values()), "")))
    return send_file(io.BytesIO(content), mimetype=_WORD, as_attachment=True, download_name=name)


blueprint.add_url_rule("/<plan>", view_func=page)
blueprint.add_url_rule("/<plan>.docx", view_func=document)
blueprint.add_url_rule("/import", view_func=ImportView.as_view("import_"))
