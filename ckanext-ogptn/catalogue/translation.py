"""What a third language asks of CKAN 2.12 beyond catalogues: the plural rule, the JavaScript messages, names of types, dates.

The catalogues themselves are below ``i18n/``; ``docs/translations.md`` tells how they are kept.
"""

from __future__ import annotations

import datetime as dt
import json
import re
from collections.abc import Callable
from functools import lru_cache
from pathlib import Path
from typing import Any

import ckan.plugins as p
import ckan.plugins.toolkit as tk
import flask_babel
from babel.messages.pofile import read_po
from babel.support import Translations
from ckan.lib.i18n import get_ckan_i18n_dir, get_locales_from_config
from ckan.types import CKANApp, Context, DataDict
from flask import Blueprint, Response, request
from markupsafe import Markup, escape

from .theme_helpers import format_number

ENGLISH_PLURALS = "nplurals=2; plural=(n != 1);"
#: CLDR's plain ``ar`` names the months as the Middle East does (يناير); Tunisia says جانفي.
_LOCALES = {"ar": "ar_TN"}
#: CKAN's own pattern puts the month first in every language, and its ``YYYY`` is the year of the week: 2024-12-30 reads 2025.
_WITH_HOURS = {"ar": "d MMMM y، HH:mm (z)", "fr": "d MMMM y 'à' HH:mm (z)", "en": "d MMMM y, HH:mm (z)"}

blueprint = Blueprint("ogptn_translation", __name__)


# -- Plural rule -------------------------------------------------------------------------------------------------------


class FirstRuleDomain(flask_babel.Domain):
    """Merged catalogues of CKAN and of all plugins, with CKAN's plural rule.

    flask_babel takes the plural rule of the last catalogue it merges, and a plugin without a catalogue for the language counts, with
    the English rule: one such plugin (ckanext-dcat has no Arabic) and Arabic has two forms instead of six.
    """

    def get_translations(self) -> Any:
        translations = super().get_translations()
        if isinstance(translations, Translations):
            rule = self._rule(str(flask_babel.get_locale()))
            if rule is not None:
                translations.plural = rule
        return translations

    @lru_cache(maxsize=64)  # noqa: B019 - one domain per application, alive as long as it
    def _rule(self, locale: str) -> Callable[[Any], int] | None:
        for directory, domain in zip(self.translation_directories, self.domain, strict=True):
            catalogue = Translations.load(directory, [locale], domain)
            if isinstance(catalogue, Translations):
                return catalogue.plural
        return None


def keep_plural_rule(app: CKANApp) -> CKANApp:
    """Give the application's messages :class:`FirstRuleDomain`."""
    babel = app.extensions["babel"]
    babel.instance.domain_instance = FirstRuleDomain(domain=babel.default_domain)
    return app


# -- Messages of the scripts -------------------------------------------------------------------------------------------


def _templates() -> tuple[str, ...]:
    """The message templates (``.pot``) of CKAN and of the plugins that have one: they tell which messages scripts use."""
    found = [Path(get_ckan_i18n_dir()) / "ckan.pot"]
    found += [Path(plugin.i18n_directory()) / f"{plugin.i18n_domain()}.pot" for plugin in p.PluginImplementations(p.ITranslation)]
    return tuple(str(path) for path in found if path.is_file())


@lru_cache(maxsize=8)
def _script_messages(templates: tuple[str, ...]) -> tuple[tuple[str, str | None], ...]:
    """(message, its plural) of every message that occurs in a ``.js`` file."""
    found: dict[tuple[str, str | None], None] = {}
    for template in templates:
        with Path(template).open("rb") as f:
            for message in read_po(f):
                if message.id and any(str(path).endswith(".js") for path, _line in message.locations):
                    singular, plural = message.id if isinstance(message.id, (tuple, list)) else (message.id, None)
                    found[str(singular), plural] = None
    return tuple(found)


def _plural_forms(language: str) -> str:
    catalogue = Translations.load(get_ckan_i18n_dir(), [language], "ckan")
    return catalogue.info().get("plural-forms", ENGLISH_PLURALS) if isinstance(catalogue, Translations) else ENGLISH_PLURALS


def script_catalogue(language: str) -> dict[str, Any]:
    """The messages of the scripts in one language, as Jed 0.5 (CKAN's gettext in the browser) reads them.

    Made from the catalogues that pages use, so that what fills CKAN's gaps on a page does so in its scripts too.

    :param language: a locale that the site offers.
    :returns: ``{"": header, message: [None, translation, …], message: [plural, form 0, form 1 …]}``; untranslated messages are left out.
    """
    rule = _plural_forms(language)
    result: dict[str, Any] = {"": {"domain": "ckan", "lang": language, "plural_forms": rule}}
    # Jed looks up a message without a plural as if it were counted once: the form of 1 is the second one in Arabic.
    forms_of_the_rule = int(re.match(r"\s*nplurals\s*=\s*(\d+)", rule)[1])  # pyright: ignore[reportOptionalSubscript] - CKAN's catalogues say it
    with flask_babel.force_locale(language):
        translations = flask_babel.get_translations()
    catalogue: dict[Any, str] = getattr(translations, "_catalog", {})
    for singular, plural in _script_messages(_templates()):
        if plural is None:
            if catalogue.get(singular):
                result[singular] = [None] + [catalogue[singular]] * forms_of_the_rule
            continue
        forms = []
        while (singular, len(forms)) in catalogue:
            forms.append(catalogue[singular, len(forms)])
        if forms:
            result[singular] = [plural, *forms]
    return result


def script_messages(lang: str, ver: int = 3) -> Response:  # noqa: ARG001 - part of CKAN's route
    """``/api/i18n/<lang>`` in the place of CKAN's own view.

    CKAN serves a file there that only ``ckan run`` and ``ckan translation js`` write (a site behind another WSGI server has none and
    speaks English), with the plural rule under a name that its own script does not read.
    """
    if lang not in get_locales_from_config():
        return Response(json.dumps(f"Bad request - Unknown locale: {lang}"), status=400, mimetype="application/json")
    body = json.dumps(script_catalogue(lang), ensure_ascii=False, sort_keys=True, separators=(",", ":"))
    response = Response(body, mimetype="application/json")
    response.add_etag()
    response.make_conditional(request)
    return response


blueprint.add_url_rule("/api/i18n/<lang>", view_func=script_messages)
blueprint.add_url_rule("/api/<int(min=1, max=3):ver>/i18n/<lang>", view_func=script_messages)


# -- Names of types ----------------------------------------------------------------------------------------------------


def _commitment(purpose: str) -> str:
    return {
        "activity record": flask_babel.pgettext("in a sentence", "commitment"),
        "add link": tk._("Add a commitment"),
        "create label": tk._("Create the commitment"),
        "create title": tk._("Create a commitment"),
        "delete confirmation": tk._("Do you really want to delete this commitment?"),
        "edit label": tk._("Edit the commitment"),
        "form label": tk._("Commitment form"),
        "my label": tk._("My commitments"),
        "no any objects": tk._("There are no commitments on this site yet."),
        "no description": tk._("This commitment has no description."),
        "save label": tk._("Save the commitment"),
        "search placeholder": tk._("Search the commitments…"),
        "update label": tk._("Update the commitment"),
        "view label": tk._("View the commitment"),
    }.get(purpose) or (tk._("Commitments") if purpose in _PLURAL_PURPOSES else tk._("Commitment"))


def _budget(purpose: str) -> str:
    return {
        "activity record": flask_babel.pgettext("in a sentence", "budget dataset"),
        "add link": tk._("Add a budget dataset"),
        "create label": tk._("Create the budget dataset"),
        "create title": tk._("Create a budget dataset"),
        "delete confirmation": tk._("Do you really want to delete this budget dataset?"),
        "edit label": tk._("Edit the budget dataset"),
        "form label": tk._("Budget dataset form"),
        "my label": tk._("My budget datasets"),
        "no any objects": tk._("There are no budget datasets on this site yet."),
        "no description": tk._("This budget dataset has no description."),
        "save label": tk._("Save the budget dataset"),
        "search placeholder": tk._("Search the budget…"),
        "update label": tk._("Update the budget dataset"),
        "view label": tk._("View the budget dataset"),
    }.get(purpose) or tk._("Budget")


def _extractive(purpose: str) -> str:
    return {
        "activity record": flask_babel.pgettext("in a sentence", "extractive dataset"),
        "add link": tk._("Add an extractive dataset"),
        "create label": tk._("Create the extractive dataset"),
        "create title": tk._("Create an extractive dataset"),
        "delete confirmation": tk._("Do you really want to delete this extractive dataset?"),
        "edit label": tk._("Edit the extractive dataset"),
        "form label": tk._("Extractive dataset form"),
        "my label": tk._("My extractive datasets"),
        "no any objects": tk._("There are no extractive datasets on this site yet."),
        "no description": tk._("This extractive dataset has no description."),
        "save label": tk._("Save the extractive dataset"),
        "search placeholder": tk._("Search contracts, permits and production…"),
        "update label": tk._("Update the extractive dataset"),
        "view label": tk._("View the extractive dataset"),
    }.get(purpose) or tk._("Natural resources")


def activity_type_label(code: str) -> str:
    """What an activity is called in the list that filters them; a code that is not CKAN's is shown as it is."""
    return {
        "new package": tk._("Dataset created"),
        "changed package": tk._("Dataset changed"),
        "deleted package": tk._("Dataset deleted"),
        "follow dataset": tk._("Dataset followed"),
        "new resource view": tk._("View of a file created"),
        "changed resource view": tk._("View of a file changed"),
        "deleted resource view": tk._("View of a file deleted"),
        "new user": tk._("User created"),
        "changed user": tk._("User changed"),
        "follow user": tk._("User followed"),
        "new group": tk._("Group created"),
        "changed group": tk._("Group changed"),
        "deleted group": tk._("Group deleted"),
        "follow group": tk._("Group followed"),
        "new organization": tk._("Organisation created"),
        "changed organization": tk._("Organisation changed"),
        "deleted organization": tk._("Organisation deleted"),
        "follow organization": tk._("Organisation followed"),
    }.get(code, code)


_PLURAL_PURPOSES = frozenset({"breadcrumb", "content tab", "facet label", "main nav", "page title"})
_NAMES: dict[tuple[str, str], Callable[[str], str]] = {
    ("package", "commitment"): _commitment,
    ("package", "budget"): _budget,
    ("package", "extractive"): _extractive,
}


@tk.chained_helper
def humanize_entity_type(next_: Callable[..., str | None], entity_type: str, object_type: str, purpose: str) -> str | None:
    """CKAN makes the name of a type from its code, in English ("Create Commitment"); ours have whole sentences to translate."""
    name = _NAMES.get((entity_type, object_type))
    return name(purpose.replace("_", " ")) if name else next_(entity_type, object_type, purpose)


# -- Titles of views ---------------------------------------------------------------------------------------------------

#: What CKAN's plugins call a view that nobody named. It is written into the database in the language of whoever makes the view.
_VIEW_TITLES = {"datatables_view": "Table", "image_view": "Image", "text_view": "Text"}


@lru_cache(maxsize=32)
def _in_every_language(message: str, languages: tuple[str, ...]) -> frozenset[str]:
    found = {message}
    for language in languages:
        with flask_babel.force_locale(language):
            found.add(str(flask_babel.gettext(message)))
    return frozenset(found)


@tk.side_effect_free
@tk.chained_action
def resource_view_list(up_func: Callable[..., Any], context: Context, data_dict: DataDict) -> list[dict[str, Any]]:
    """CKAN's, with the titles that nobody chose in the reader's language."""
    views: list[dict[str, Any]] = up_func(context, data_dict)
    for view in views:
        unnamed = _VIEW_TITLES.get(view["view_type"])
        if unnamed and view["title"] in _in_every_language(unnamed, tuple(get_locales_from_config())):
            view["title"] = flask_babel.gettext(unnamed)
    return views


def get_actions() -> dict[str, Callable[..., Any]]:
    """The actions by name."""
    return {"resource_view_list": resource_view_list}


# -- Dates and numbers of CKAN's own templates -------------------------------------------------------------------------


def _language() -> str:
    return str(flask_babel.get_locale() or "en").split("_", 1)[0]


@tk.chained_helper
def render_datetime(
    next_: Callable[..., str],
    datetime_: dt.datetime | str | None,
    date_format: str | None = None,
    with_hours: bool = False,
    with_seconds: bool = False,
) -> str:
    """CKAN's dates with Tunisia's month names in Arabic, and with the day before the month."""
    language = _language()
    with flask_babel.force_locale(_LOCALES.get(language, str(flask_babel.get_locale() or "en"))):
        if date_format or not with_hours or with_seconds or language not in _WITH_HOURS:
            return next_(datetime_, date_format, with_hours, with_seconds)
        moment = _moment(datetime_)
        return flask_babel.format_datetime(moment, _WITH_HOURS[language]) if moment else ""


def _moment(value: Any) -> dt.datetime | None:
    # As CKAN's helper does: what is no date is nothing on the page, and what says no zone is UTC.
    if isinstance(value, str):
        try:
            value = tk.h.date_str_to_datetime(value)
        except (TypeError, ValueError):
            return None
    if not isinstance(value, dt.datetime):
        return None
    return value if value.tzinfo else value.replace(tzinfo=dt.timezone.utc)


@tk.chained_helper
def localised_number(next_: Callable[..., str], number: float) -> str:
    """Arabic as in Tunisia: a comma before decimals and narrow spaces between thousands (CLDR's ``ar`` has the Middle East's signs)."""
    return format_number(number) if _language() == "ar" else next_(number)


@tk.chained_helper
def localised_filesize(next_: Callable[..., str], number: int) -> str:
    """As :func:`localised_number`, for sizes of files."""
    language = _language()
    with flask_babel.force_locale(_LOCALES.get(language, str(flask_babel.get_locale() or "en"))):
        return next_(number)


def reword(html: str, english: str, around: str, text: str) -> Markup:
    """Put ``text`` in the place of a piece of a core block that is English whatever the language.

    :param html: the block as CKAN renders it.
    :param english: the piece, as it stands in the HTML.
    :param around: what to put there, with ``{}`` where ``text`` goes; ``text`` is escaped.
    """
    return Markup(str(html).replace(str(english), around.replace("{}", str(escape(text)))))  # noqa: S704 - CKAN's own HTML, and escaped text


def get_helpers() -> dict[str, Callable[..., Any]]:
    return {
        "humanize_entity_type": humanize_entity_type,
        "render_datetime": render_datetime,
        "localised_number": localised_number,
        "localised_filesize": localised_filesize,
        "ogptn_reword": reword,
        "ogptn_activity_type_label": activity_type_label,
    }
