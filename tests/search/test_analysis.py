"""Words to index terms."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ckanext.ogptn.search import analysis


@pytest.mark.parametrize(
    ("word", "parts"),
    [
        ("water", ["water"]),
        ("Wi-Fi", ["Wi", "Fi"]),
        ("PowerShot", ["Power", "Shot"]),
        ("SD500", ["SD", "500"]),
        ("O'Neil's", ["O", "Neil"]),
        ("budget_2026.csv", ["budget", "2026", "csv"]),
        ("(هيئة)", ["هيئة"]),
        ("--", []),
    ],
)
def test_words_are_cut_as_lucene_cuts_them(word: str, parts: list[str]) -> None:
    assert [part for part, _number in analysis.word_parts(word, split_case=True)] == parts


def test_the_joined_form_is_indexed_but_not_asked_for() -> None:
    assert analysis.index_word("Wi-Fi", True, False) == (("wi", "wifi"), ("fi",))
    assert analysis.query_word("wi-fi", True) == analysis.query_word("wi-fi", True)
    assert all("wifi" not in terms for terms in analysis.query_word("Wi-Fi", True))


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("السكان", "سكان"),
        ("أساسية", "الاساسيه"),
        ("مُعَلِّم", "المعلمين"),
        ("وبالبيانات", "بيانات"),
        ("مدينة", "المدينه"),
    ],
)
def test_arabic_forms_of_a_word_share_a_term(one: str, other: str) -> None:
    assert set(analysis.query_word(one, True)[0]) & set(analysis.query_word(other, True)[0])


@pytest.mark.parametrize(
    ("one", "other"), [("rivières", "riviere"), ("communale", "communaux"), ("énergies", "energie"), ("œuvre", "oeuvres")]
)
def test_french_forms_of_a_word_share_a_term(one: str, other: str) -> None:
    assert set(analysis.query_word(one, True)[0]) & set(analysis.query_word(other, True)[0])


def test_an_english_text_gets_no_french_terms() -> None:
    terms, _length = analysis.index_positions(
        ["The list of communities"], stemmed=True, french=analysis.looks_french("The list of communities")
    )
    assert not [term for term in terms if term.startswith(analysis.FRENCH)]


@pytest.mark.parametrize("text", ["Qualité", "l'eau potable", "budget de la ville"])
def test_french_is_known_by_its_accents_elisions_and_small_words(text: str) -> None:
    assert analysis.looks_french(text)


def test_positions_leave_a_gap_between_values() -> None:
    terms, length = analysis.index_positions(["a b", "c"], stemmed=False, french=False)
    assert terms == {"a": [0], "b": [1], "c": [2 + analysis.POSITION_GAP]}
    assert length == 3


@given(st.text(max_size=60))
def test_every_text_can_be_analysed_and_every_word_asks_for_a_term_that_was_indexed(text: str) -> None:
    terms, _length = analysis.index_positions([text], stemmed=True, french=analysis.looks_french(text))
    for _position, wanted in analysis.query_positions(text, stemmed=True):
        assert wanted[0] in terms
    assert all(len(term) <= analysis.MAX_TERM + 2 for term in terms)
