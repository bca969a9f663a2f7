"""Text in three languages: folding, names, keywords, what may be stored."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ckanext.ogptn.catalogue import text as t


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("أحمد", "احمد"),
        ("إنتاج", "انتاج"),
        ("آبار", "ابار"),
        ("ميزانية", "ميزانيه"),
        ("مستوى", "مستوي"),
        ("مُعْطَيَات", "معطيات"),
        ("مـعـطـيـات", "معطيات"),
        ("النفط", "نفط"),
        ("والميزانية", "ميزانيه"),
        ("للبيانات", "بيانات"),
        ("٢٠١٦", "2016"),
        ("۲۰۱۶", "2016"),
        ("Pétrole", "petrole"),
        ("ÉNERGIE", "energie"),
        ("Œuvre", "oeuvre"),
        ("ﻻ", "لا"),
    ],
)
def test_the_searcher_need_not_care(one: str, other: str) -> None:
    assert t.fold(one) == t.fold(other)


@pytest.mark.parametrize(("word", "kept"), [("الله", "الله"), ("ألم", "الم"), ("باب", "باب"), ("كالة", "كاله")])
def test_words_that_only_look_like_an_article_stay(word: str, kept: str) -> None:
    assert t.fold(word) == kept


@given(st.text())
def test_folding_twice_is_folding_once_for_latin(text: str) -> None:
    folded = t.fold(text)
    assert t.western_digits(folded) == folded
    if not t.is_arabic(text):
        assert t.fold(folded) == folded


@pytest.mark.parametrize(
    ("title", "name"),
    [
        ("تطوير بوابة وطنية للبيانات المفتوحة", "ttouir-bouaba-outnia-llbianat-almftouha"),
        ("Permis Amilcar : convention particulière", "permis-amilcar-convention-particuliere"),
        ("2017", "dataset-2017"),
        ("٢٠١٧", "dataset-2017"),
        ("2016-2017", "dataset-2016-2017"),
        ("...", "dataset"),
        ("__", "dataset"),
        ("é", "dataset-e"),
        ("Œuvres & cœur", "oeuvres-coeur"),
    ],
)
def test_names(title: str, name: str) -> None:
    assert t.slug(title) == name


@given(st.text(max_size=300))
def test_names_are_always_good(title: str) -> None:
    name = t.slug(title)
    assert re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*", name)
    assert 2 <= len(name) <= 90
    assert not name.replace("-", "").isdigit()
    assert t.slug(title) == name


def test_a_numbered_name_fits() -> None:
    assert t.numbered("a" * 100, 12) == "a" * 97 + "-12"
    assert t.numbered("budget", 2) == "budget-2"


@pytest.mark.parametrize(
    ("word", "tag"),
    [
        ("بيانات مفتوحة", "بيانات مفتوحة"),
        ("المِيزانيّة", "الميزانية"),
        ("pétrole & gaz", "pétrole gaz"),
        ("a__b", "a b"),
        ("2016", ""),
        ("٢٠١٦", ""),
        ("x", ""),
        ("NAP1 2014", "NAP1 2014"),
    ],
)
def test_keywords(word: str, tag: str) -> None:
    assert t.tag(word) == tag


@given(st.text())
def test_keywords_are_always_ones_that_ckan_takes(word: str) -> None:
    tag = t.tag(word)
    assert tag == "" or (2 <= len(tag) <= 100 and re.fullmatch(r"[\w \-.]*", tag) and "__" not in tag)


@pytest.mark.parametrize("character", ["\ud800", "\x00", "\x1b", "\u202e", "\u2066", "\x85", "\uffff"])
def test_forbidden(character: str) -> None:
    assert t.forbidden_character(f"a{character}b") == f"U+{ord(character):04X}"


def test_allowed() -> None:
    assert t.forbidden_character("سطر\n\tثان \u200fو\u200cنص 😀") is None
    assert t.forbidden_character("a\nb", multiline=False) == "U+000A"


def test_invisible_marks_go() -> None:
    assert t.clean("\ufeff \u200fنص\u200b \r\n") == "نص"
    assert t.clean("e\u0301") == "é"


def test_pick() -> None:
    assert t.pick({"fr": "a", "ar": "b"}, "ar") == "b"
    assert t.pick({"en": "c"}, "ar") == "c"
    assert t.pick(None, "ar") == ""
    assert t.pick({"ar": ""}, "ar") == ""
