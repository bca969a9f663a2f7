"""The catalogues are whole, well made, compiled, and in the package."""

# Below ``tools``, which only running finds.
# pyright: reportAttributeAccessIssue=false

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from babel.messages.catalog import Message

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tools"))

import i18n  # noqa: E402

from tests.i18n.visible import catalogues  # noqa: E402


@pytest.fixture(scope="module")
def state():
    return catalogues()


def test_nothing_is_untranslated_malformed_or_out_of_date(state):
    """The message of a failure is the list of what to do; ``python tools/i18n.py check`` prints it too."""
    found = i18n.problems(state)
    assert not found, "\n".join(str(problem) for problem in found)


def test_there_is_something_to_check(state):
    assert len(state.own) > 250
    assert len(state.foreign) > 1200


@pytest.mark.parametrize("language", i18n.LANGUAGES)
def test_what_we_leave_to_ckan_is_translated_and_well_made_there(state, language):
    allowed = i18n.same_on_purpose()
    replaced = i18n.entries(i18n.read_catalogue(i18n.po_path(language, i18n.GAPS), language))
    found = [
        problem
        for key, message in i18n.core_translations(language).items()
        if key not in replaced
        for problem in i18n.message_problems(message, language, f"{language}/ckan.po", allowed)
    ]
    assert not found, "\n".join(str(problem) for problem in found)


@pytest.mark.parametrize("language", i18n.LANGUAGES)
def test_plural_rules_are_ckans_own(language):
    core = i18n.po_path(language, i18n.DOMAIN)
    theirs = i18n._package("ckan") / "i18n" / language / "LC_MESSAGES" / "ckan.po"
    rules = []
    for path in (core, i18n.po_path(language, i18n.GAPS), theirs):
        with path.open("rb") as f:
            rules.append(i18n.read_po(f).plural_forms.replace(" ", ""))
    assert len(set(rules)) == 1


def message(original, string, context=None):
    return Message(original, string, context=context)


@pytest.mark.parametrize(
    ("original", "string", "language", "complaint"),
    [
        ("Save", "", "fr", "not translated"),
        (("{n} row", "{n} rows"), ("{n} ligne", "", "{n} lignes"), "fr", "not translated"),
        ("Save", "Save", "fr", "English"),
        ("Save", "Enregistrer", "ar", "English"),
        ("Hello {name}", "Bonjour", "fr", "placeholders"),
        ("Hello {name}", "Bonjour {nom}", "fr", "placeholders"),
        ("Hello %(name)s", "Bonjour %(name)d", "fr", "placeholders"),
        ("%s of %i", "%i de %s", "fr", "placeholders"),
        (("{n} row", "{n} rows"), ("une ligne", "{n} lignes", "des lignes"), "fr", "placeholders"),
        (("{n} row", "{n} rows"), ("لا", "سطر", "سطران", "أسطر", "{n} سطرا", "{n} سطر"), "ar", "placeholders"),
        ("<b>Save</b>", "<b>Enregistrer", "fr", "tags"),
        ('See <a href="%(a)s">this</a>', 'Voir <a href="%(b)s">ceci</a>', "fr", "tags"),
        ("Save", " Enregistrer", "fr", "blanks"),
    ],
)
def test_a_bad_translation_is_found(original, string, language, complaint):
    found = i18n.message_problems(message(original, string), language, "here", {})
    assert any(complaint in problem.what for problem in found), found


@pytest.mark.parametrize(
    ("original", "string", "language"),
    [
        ("Save", "حفظ", "ar"),
        ("%s of %s", "%s de %s", "fr"),
        ("100 % sure", "sûr à 100 %", "fr"),
        ("{a}, then {b}", "{b} après {a}", "fr"),
        ("a {{ brace", "une accolade {{", "fr"),
        (("{n} row", "{n} rows"), ("لا أسطر", "سطر واحد", "سطران", "{n} أسطر", "{n} سطرا", "{n} سطر"), "ar"),
        (": ", "\u00a0: ", "fr"),
        ("{key}", "{key}", "ar"),
    ],
)
def test_a_good_translation_is_not(original, string, language):
    assert i18n.message_problems(message(original, string), language, "here", {}) == []


def test_a_scheming_text_without_french_is_found(tmp_path, monkeypatch):
    (tmp_path / "scheming_schemas").mkdir()
    (tmp_path / "scheming_schemas" / "x.yaml").write_text(
        "dataset_fields:\n- field_name: a\n  label: {en: Title, ar: العنوان}\n  choices:\n  - {value: x, label: {en: X, fr: X, ar: س}}\n",
        encoding="utf-8",
    )
    monkeypatch.setattr(i18n, "ROOT", tmp_path)
    assert [(p.message, p.what) for p in i18n.yaml_problems()] == [(".dataset_fields[0].label", "no fr")]


def test_messages_of_every_kind_of_source_are_extracted(tmp_path):
    folder = tmp_path / "templates"
    folder.mkdir()
    (folder / "a.html").write_text("{{ _('One') }}{% trans %}Two{% endtrans %}{{ ungettext('{n} x', '{n} xs', 3) }}", encoding="utf-8")
    (folder / "mail.txt").write_text("{% trans %}\nThree\n  lines\n{% endtrans %}", encoding="utf-8")
    (tmp_path / "b.py").write_text("import x as tk\ntk._('Four')\npgettext('where', 'Five')\n", encoding="utf-8")
    (tmp_path / "c.js").write_text("this._('Six'); ckan.i18n._('Seven'); this.ngettext('eight', 'eights', n);", encoding="utf-8")
    assert {found.key for found in i18n.extract(tmp_path, "here")} == {
        (None, "One", None),
        (None, "Two", None),
        (None, "{n} x", "{n} xs"),
        (None, "Three lines", None),
        (None, "Four", None),
        ("where", "Five", None),
        (None, "Six", None),
        (None, "Seven", None),
        (None, "eight", "eights"),
    }
