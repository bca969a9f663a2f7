"""The reader of pages sees what people see, and knows English when it sees it."""

from __future__ import annotations

import pytest

from tests.i18n.visible import english, texts


def test_it_reads_what_people_read():
    html = """<html lang="ar"><head><title>العنوان</title><meta name="description" content="وصف"><script>var a = 'Hidden';</script></head>
    <body><!-- a comment --><p>نص <b>غليظ</b></p><img alt="صورة" src="Hidden.png"><input placeholder="اكتب" value="typed">
    <input type="submit" value="أرسل"><button aria-label="أغلق" title="إغلاق"></button><code>package_show</code>
    <a data-module-content="هل تريد؟" href="/Hidden">رابط</a><span data-bs-content="&lt;b&gt;تلميح&lt;/b&gt;">؟</span>
    <a lang="en" href="/en/">English</a></body></html>"""
    assert set(texts(html)) == {"العنوان", "وصف", "نص", "غليظ", "صورة", "اكتب", "أرسل", "أغلق", "إغلاق", "رابط", "هل تريد؟", "تلميح", "؟"}


@pytest.mark.parametrize(
    ("text", "language"),
    [
        ("Organizations", "ar"),
        ("Organizations", "fr"),
        ("Save", "fr"),
        ("Remove applied filter: CSV", "ar"),
        ("This is a sentence that is in no catalogue", "fr"),
        ("المورد of التعهد", "ar"),
        ("Are you sure?", "fr"),
    ],
)
def test_english_is_found(text, language):
    assert english(text, language)


@pytest.mark.parametrize(
    ("text", "language"),
    [
        ("الهياكل", "ar"),
        ("Organismes", "fr"),
        ("Le budget de l'État par ministère", "fr"),
        ("Date", "fr"),
        ("CSV", "ar"),
        ("https://data.example.tn/of/the/state", "fr"),
        ("12 345,6 %", "ar"),
        ("name@example.tn", "ar"),
        ("package_search", "ar"),
    ],
)
def test_what_is_not_english_is_left_alone(text, language):
    assert english(text, language) is None


def test_what_both_pages_say_was_not_translated():
    assert english("Gouvernorats maps", "fr", frozenset({"Gouvernorats maps"}))
    assert english("Cartes", "fr", frozenset({"Maps"})) is None
