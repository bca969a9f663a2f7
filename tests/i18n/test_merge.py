"""Our catalogue fills the gaps of CKAN's, on pages and in scripts, and CKAN's plural rules stay in force."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path

import ckan
import flask_babel
import pytest
from ckan.common import _, ungettext

from ckanext.ogptn.catalogue import translation

JED = Path(ckan.__file__).parent / "public/base/vendor/jed.js"
PLUGINS = pytest.mark.ckan_config("ckan.plugins", "ogptn scheming_datasets dcat")
PLUGINS_LAST = pytest.mark.ckan_config("ckan.plugins", "dcat scheming_datasets ogptn")


def in_language(app, language):
    """A request context in that language."""
    return app.flask_app.test_request_context(f"/{language}/", environ_overrides={"CKAN_LANG": language})


@PLUGINS
@pytest.mark.usefixtures("with_plugins")
class TestMerge:
    @pytest.mark.parametrize(
        ("language", "message", "expected"),
        [
            ("ar", "Save", "حفظ"),  # CKAN has it, we do not
            ("fr", "Save", "Enregistrer"),
            ("ar", "Invalid parameters", "معاملات غير صالحة"),  # CKAN leaves it in English
            ("fr", "Invalid parameters", "Paramètres non valides"),
            ("ar", "Organizations", "الهياكل"),  # CKAN's translation is replaced
            ("fr", "Organizations", "Organismes"),
            ("ar", "Select at least one", "اختر خيارا واحدا على الأقل"),  # ckanext-scheming has no Arabic
            ("fr", "Select at least one", "Sélectionnez au moins un élément"),
            ("en", "Select at least one", "Select at least one"),
        ],
    )
    def test_each_message_comes_from_the_right_catalogue(self, app, language, message, expected):
        with in_language(app, language):
            assert _(message) == expected

    @pytest.mark.parametrize(
        ("number", "expected"),
        [
            (0, "لم يُعثر على أي مجموعة بيانات"),
            (1, "عُثر على مجموعة بيانات واحدة"),
            (2, "عُثر على مجموعتي بيانات"),
            (3, "عُثر على 3 مجموعات بيانات"),
            (11, "عُثر على 11 مجموعة بيانات"),
            (100, "عُثر على 100 مجموعة بيانات"),
        ],
    )
    def test_arabic_has_its_six_forms(self, app, number, expected):
        with in_language(app, "ar"):
            assert ungettext("{number} dataset found", "{number} datasets found", number).format(number=number) == expected

    @pytest.mark.parametrize(
        ("number", "expected"), [(0, "0 membre"), (1, "1 membre"), (2, "2 membres"), (1_000_000, "1000000 de membres")]
    )
    def test_french_counts_zero_as_singular_and_knows_millions(self, app, number, expected):
        with in_language(app, "fr"):
            assert ungettext("{count} member", "{count} members", number).format(count=number) == expected

    def test_a_form_of_ckan_that_we_do_not_replace_is_still_chosen_by_the_same_rule(self, app):
        with in_language(app, "fr"):
            singular = ungettext("{number} view", "{number} views", 1)
            plural = ungettext("{number} view", "{number} views", 5)
        assert singular != plural


@PLUGINS_LAST
@pytest.mark.usefixtures("with_plugins")
class TestPluralRuleWhateverTheOrder:
    def test_a_plugin_without_arabic_merged_last_does_not_impose_english_plurals(self, app):
        with in_language(app, "ar"):
            rule = flask_babel.get_translations().plural
            assert [rule(n) for n in (0, 1, 2, 5, 11, 100)] == [0, 1, 2, 3, 4, 5]

    def test_flask_babel_alone_would(self, app):
        """Why FirstRuleDomain exists: the day this fails, it can go."""
        babel = app.flask_app.extensions["babel"]
        with in_language(app, "ar"):
            rule = flask_babel.Domain(domain=babel.default_domain).get_translations().plural
            assert [rule(n) for n in (0, 1, 2, 5)] == [1, 0, 1, 1]


@PLUGINS
@pytest.mark.usefixtures("with_plugins")
class TestScripts:
    @pytest.mark.parametrize(("language", "searching"), [("ar", "جارٍ البحث…"), ("fr", "Recherche en cours…")])
    def test_gaps_of_ckan_are_filled_in_its_scripts_too(self, app, language, searching):
        messages = app.get(f"/api/i18n/{language}").json
        assert messages["Searching..."][0] is None
        assert set(messages["Searching..."][1:]) == {searching}
        assert messages["Save order"][1]  # one of CKAN's own

    def test_nothing_that_scripts_say_is_left_in_english(self, app):
        with app.flask_app.test_request_context("/"):
            wanted = {singular for singular, _plural in translation._script_messages(translation._templates())}
        assert len(wanted) > 40
        for language in ("ar", "fr"):
            missing = wanted - set(app.get(f"/api/i18n/{language}").json)
            assert not missing

    def test_english_needs_none(self, app):
        assert set(app.get("/api/i18n/en").json) == {""}

    def test_an_unknown_language_is_refused(self, app):
        response = app.get("/api/i18n/tlh", status=400)
        assert "tlh" in response.get_data(as_text=True)

    def test_the_versioned_address_of_ckan_answers_too(self, app):
        assert app.get("/api/3/i18n/ar").json == app.get("/api/i18n/ar").json

    def test_unchanged_messages_are_not_sent_again(self, app):
        tag = app.get("/api/i18n/ar").headers["ETag"]
        assert app.get("/api/i18n/ar", headers={"If-None-Match": tag}, status=304).get_data() == b""

    @pytest.mark.skipif(not shutil.which("node"), reason="no Node.js to run CKAN's own gettext script")
    @pytest.mark.parametrize(("language", "expected"), [("ar", "فرز"), ("fr", "Trier")])
    def test_ckans_own_script_finds_a_message_without_a_plural(self, app, language, expected):
        catalogue = app.get(f"/api/i18n/{language}").json
        script = f"""
            const Jed = require({json.dumps(str(JED))});
            const jed = new Jed({{domain: "ckan", locale_data: {{ckan: {json.dumps(catalogue)}}}}});
            console.log(jed.gettext("Sort"));
        """
        out = subprocess.run(["node", "-e", script], capture_output=True, text=True, check=True, timeout=60)
        assert out.stdout.strip() == expected

    @pytest.mark.skipif(not shutil.which("node"), reason="no Node.js to run CKAN's own gettext script")
    @pytest.mark.parametrize(("language", "expected"), [("ar", [0, 1, 2, 3, 4, 5]), ("fr", [0, 0, 2, 2, 2, 2])])
    def test_ckans_own_script_reads_our_plural_rule(self, app, language, expected):
        header = app.get(f"/api/i18n/{language}").json[""]
        script = f"""
            const Jed = require({json.dumps(str(JED))});
            const domain = {{"": {json.dumps(header)}, "x": ["xs", "0", "1", "2", "3", "4", "5"]}};
            const jed = new Jed({{domain: "ckan", locale_data: {{ckan: domain}}}});
            console.log(JSON.stringify([0, 1, 2, 5, 11, 100].map(n => Number(jed.ngettext("x", "xs", n)))));
        """
        out = subprocess.run(["node", "-e", script], capture_output=True, text=True, check=True, timeout=60)
        assert json.loads(out.stdout) == expected


@PLUGINS
@pytest.mark.usefixtures("with_plugins")
class TestNamesDatesNumbers:
    @pytest.mark.parametrize(
        ("language", "purpose", "expected"),
        [
            ("ar", "create title", "إنشاء تعهد"),
            ("fr", "create title", "Créer un engagement"),
            ("en", "create title", "Create a commitment"),
            ("ar", "breadcrumb", "التعهدات"),
            ("fr", "activity_record", "engagement"),
            ("en", "activity_record", "commitment"),
            ("en", "search_placeholder", "Search the commitments…"),
        ],
    )
    def test_types_are_named_in_whole_sentences(self, app, language, purpose, expected):
        with in_language(app, language):
            assert translation.tk.h.humanize_entity_type("package", "commitment", purpose) == expected

    def test_a_type_that_is_not_ours_is_left_to_ckan(self, app):
        with in_language(app, "en"):
            assert translation.tk.h.humanize_entity_type("package", "showcase", "create title") == "Create Showcase"
            assert translation.tk.h.humanize_entity_type("package", "dataset", "create title") is None

    @pytest.mark.parametrize(
        ("language", "expected"),
        [("ar", "30 ديسمبر 2024، 23:05 (UTC)"), ("fr", "30 décembre 2024 à 23:05 (TU)"), ("en", "30 December 2024, 23:05 (UTC)")],
    )
    def test_a_date_with_hours_has_the_day_first_and_the_right_year(self, app, language, expected):
        """CKAN's pattern gives "December 30, 2025": YYYY is the year of the week."""
        with in_language(app, language):
            assert translation.tk.h.render_datetime("2024-12-30T23:05:00", with_hours=True) == expected

    @pytest.mark.parametrize(("language", "expected"), [("ar", "5 جانفي 2026"), ("fr", "5 janvier 2026"), ("en", "January 5, 2026")])
    def test_months_are_tunisias(self, app, language, expected):
        with in_language(app, language):
            assert translation.tk.h.render_datetime("2026-01-05") == expected

    @pytest.mark.parametrize("value", [None, "", "31/02/2016", "soon"])
    def test_what_is_no_date_shows_nothing(self, app, value):
        with in_language(app, "ar"):
            assert translation.tk.h.render_datetime(value, with_hours=True) == ""
            assert translation.tk.h.render_datetime(value) == ""

    def test_a_format_of_its_own_is_kept(self, app):
        with in_language(app, "ar"):
            assert translation.tk.h.render_datetime("2026-01-05", "%Y-%m-%d") == "2026-01-05"

    def test_numbers_have_western_digits_and_the_comma_in_arabic(self, app):
        with in_language(app, "ar"):
            assert translation.tk.h.localised_number(1234567.5) == "1\u202f234\u202f567,5"
            assert translation.tk.h.localised_filesize(1_600_000) == "1,5 ميجابايت"
        with in_language(app, "en"):
            assert translation.tk.h.localised_number(1234567.5) == "1,234,567.5"
