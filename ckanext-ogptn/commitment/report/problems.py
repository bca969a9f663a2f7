"""What the reader of a document is told, by the slug of a problem: the form, the field, what is wrong, what to do."""

from __future__ import annotations

from typing import Any

import ckan.plugins.toolkit as tk

from ...catalogue.config import reader_language
from ...catalogue.rules import short
from .layout import LABELS, LEVELS, Problem


def field_label(field: str) -> str:
    """A row of the form in the reader's language."""
    if field == "title":
        return tk._("Title")
    if field == "number":
        return tk._("Number")
    if field == "plan":
        return tk._("Action plan")
    if field == "period":
        return tk._("Reporting period")
    return LABELS[field][reader_language()][0] if field in LABELS else field


def message(problem: Problem) -> str:
    """The sentence for the reader: which form and field it is about comes first.

    :raises KeyError: no message has this slug
    """
    details = {name: short(value) for name, value in problem.details}
    sentence = _messages()[problem.slug].format(levels=len(LEVELS), **details)
    if problem.form and problem.field:
        return tk._("Form {form}, “{field}”: {sentence}").format(form=problem.form, field=field_label(problem.field), sentence=sentence)
    if problem.form:
        return tk._("Form {form}: {sentence}").format(form=problem.form, sentence=sentence)
    return sentence


def as_dict(problem: Problem) -> dict[str, Any]:
    """``{"slug", "form", "field", "message"}`` for the API."""
    return {"slug": problem.slug, "form": problem.form, "field": problem.field, "message": message(problem)}


def slugs() -> tuple[str, ...]:
    """All of them."""
    return tuple(_messages())


def _messages() -> dict[str, str]:
    _ = tk._
    return {
        # -- the file
        "empty": _("The file is empty. Choose the report itself."),
        "too-large": _("The file is too large: {size}, at most {limit} are read. Remove its pictures and send it again."),
        "encrypted": _("The document is protected by a password. Save it without one and send it again."),
        "old-word": _("This is an old Word document (.doc). Save it as .docx and send it again."),
        "macros": _("The document holds macros, which are never accepted. Save it as .docx without macros and send it again."),
        "not-word": _(
            "This is not a Word document (.docx) and not the report's plain text. Save the report as one of them and send it again."
        ),
        "damaged": _("The document is damaged and cannot be read ({reason}). Open it, save it again and send that copy."),
        "bomb": _("The document unfolds to more than {limit}, which no report does. It was not read."),
        "entities": _("The document declares entities, which Word never does. It was not read."),
        "not-utf8": _("The text file is not in UTF-8 (byte {position}). Save it with that encoding and send it again."),
        "not-a-report": _(
            "There is not one form of a self-assessment report in this file. A form begins with a heading such as “Commitment 1 - …”."
        ),
        "tracked-changes": _("The document holds tracked changes: what was inserted is read, what was deleted is not."),
        "footnotes": _("{count} footnotes were put in brackets where they are referred to."),
        # -- the plan
        "plan-unknown": _("The document does not say which action plan it reports on. Choose the plan."),
        "plan-wrong": _("There is no action plan “{plan}”. Choose one from the list."),
        "period-wrong": _("“{found}” is not a period. Give its first and last year, month or day."),
        "agencies-none": _("There is no organisation in this catalogue yet. Add the agencies first."),
        # -- numbers
        "heading-missing": _("“{row}” stands in a table without the commitment's number. Put “Commitment …” into the row above the form."),
        "title-missing": _("There is no title after the number. Add it."),
        "title-long": _("The title has {length} characters; at most 500 are kept. Shorten it."),
        "form-twice": _("{count} forms have this number. Keep one, or number the parts (10a, 10b)."),
        "parts-numbered": _("{count} forms have this number and different titles: they are taken as parts a, b, …"),
        "out-of-order": _("This form stands after number {before}. The order does not matter; make sure that the number is right."),
        "numbers-missing": _("There is no form for the numbers {numbers}. Those commitments stay as they are."),
        # -- rows
        "row-missing": _("The row is missing. Add it to the form."),
        "row-twice": _("The row is there twice. Keep one; the second was not read."),
        "cells-joined": _("The row has {count} filled or merged cells where one is expected; their texts were put one below the other."),
        "level-columns": _("The levels must be named once each; the row says: {found}. Correct the names."),
        "level-merged": _(
            "Cells of the levels are merged or missing ({count} found, {levels} expected): the cross has no place of its own. Split them."
        ),
        "level-not-a-cross": _("“{found}” stands where a cross (×) is expected. Put one cross below the level."),
        "level-twice": _("There are {count} crosses. Leave one."),
        "level-none": _("There is no cross. Put one below the level."),
        # -- what is said
        "agency-missing": _("No agency is named. Add it."),
        "agency-unknown": _(
            "“{found}” is no organisation of this catalogue. The form is filed under “{agency}”: "
            "correct it there, or add the organisation first."
        ),
        "agency-kept": _("“{found}” is no organisation of this catalogue. The commitment stays with “{agency}”."),
        "agency-similar": _("“{found}” was taken for “{agency}”. Check it."),
        "agency-several": _("Several organisations are named; the commitment is filed under the first, “{agency}”."),
        "agency-nowhere": _("“{found}” is no organisation of this catalogue. Add the organisation, or correct the name."),
        "several-people": _("{count} persons are named on one form. Each is kept."),
        "person-missing": _("There is a telephone number or an address without a name."),
        "phone-dash": _("“{found}” stands where a number or an address should be. The field stays empty."),
        "phone-missing": _("There is no telephone number."),
        "phone-shared": _("One number for {count} persons: it is kept for each of them."),
        "phone-wrong": _("“{found}” is not a telephone number. It is not kept."),
        "email-wrong": _("“{found}” is not an e-mail address. It is not kept."),
        "not-assigned": _("“{found}” belongs to no person of the form. It is not kept."),
        "role-missing": _("The role is empty."),
        "parties-missing": _("No other party is named."),
        "description-empty": _("The description is empty: a commitment that has one keeps it, a new one gets its title."),
        "description-repeated": _(
            "The description is the same as that of form {other}, probably by mistake: a commitment that has one keeps it."
        ),
        "done-empty": _("Nothing is said of what was done."),
        "deadline-missing": _("There is no deadline. The commitment keeps the one it has."),
        "deadline-unclear": _("“{found}” is not a date that can be compared. It is kept as written."),
        "obstacles-none": _("The level asks for obstacles and the form names none: the record says so."),
        "evidence-wrong": _("“{found}” is not a web address. It is not kept."),
        "refused": "{reason}",
    }
