"""Query text to query tree."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ckanext.ogptn.search import dismax, syntax
from ckanext.ogptn.search.errors import BadRequestError, QuerySyntaxError

ALL_OF = [
    ("water energy", "(+water +energy)"),
    ("water AND energy OR budget", "(+water energy budget)"),
    ("water && energy || budget", "(+water energy budget)"),
    ("water NOT energy", "(+water -energy)"),
    ("water !energy", "(+water -energy)"),
    ("+water -energy budget", "(+water -energy +budget)"),
    ("NOT water AND energy", "(-water +energy)"),
    ("title:(water energy)^3", "(+title:water +title:energy)^3"),
    ("tags:(water energy)", "(+(tags:water tags:energy))"),
    ("title:(NOT water)", "(+(-title:water))"),
    ('"clean water"~3^2', '"clean water"~3^2'),
    ("wat*", "wat*"),
    ("te?t", "te?t"),
    ("roam~", "roam~"),
    ("roam~1", "roam~1"),
    ("title:/[wv]ater/", "title:/[wv]ater/"),
    ("metadata_modified:[NOW-7DAYS TO *}", "metadata_modified:[NOW-7DAYS TO *}"),
    ('version:{"1 0" TO 2]', "version:{1 0 TO 2]"),
    ("*:*", "*:*"),
    ("*", "*:*"),
    ("author:*", "author:*"),
    ("url:http\\://x/y", "url:http://x/y"),
    ("a/b", "a/b"),
    ("water^=2", "water^=2"),
    ("(water)", "water"),
    ("foo - bar", "(+foo +- +bar)"),
]
ANY_OF = [
    ("water energy", "(water energy)"),
    ("water AND energy OR budget", "(+water +energy budget)"),
    ("+water energy", "(+water energy)"),
    ("tags:(water energy)", "(tags:water tags:energy)"),
]
WRONG = [
    "--included",
    "water OR",
    "AND water",
    "(water",
    "water)",
    "()",
    '"water',
    "a:b:c",
    "name:-5",
    "x^y",
    "[a TO b",
    "[a b]",
    "{!term f=x}y",
    "a\\",
    "/abc",
    ":water",
    "+ +",
    "NOT NOT a",
    "~",
]


@pytest.mark.parametrize(("text", "tree"), ALL_OF)
def test_with_all_words_required(text: str, tree: str) -> None:
    assert syntax.describe(syntax.parse(text, conjunction=True)) == tree


@pytest.mark.parametrize(("text", "tree"), ANY_OF)
def test_with_any_word_enough(text: str, tree: str) -> None:
    assert syntax.describe(syntax.parse(text, conjunction=False)) == tree


@pytest.mark.parametrize("text", WRONG)
def test_what_solr_refuses_is_refused(text: str) -> None:
    with pytest.raises(QuerySyntaxError, match=r"org\.apache\.solr\.search\.SyntaxError: Cannot parse"):
        syntax.parse(text, conjunction=True)


def test_too_many_clauses_and_too_deep_groups_are_refused() -> None:
    with pytest.raises(BadRequestError, match="too many boolean clauses"):
        syntax.parse(" ".join(f"w{number}*" for number in range(1100)), conjunction=True)
    with pytest.raises(QuerySyntaxError, match="nested deeper"):
        syntax.parse("(" * 500 + "a" + ")" * 500, conjunction=True)


@given(st.text(alphabet='ab:"()[]{}+-!&|*?~^/\\ TOANDR1.é', max_size=30))
def test_any_text_gives_a_tree_or_a_plain_refusal(text: str) -> None:
    try:
        syntax.describe(syntax.parse(text, conjunction=True))
    except BadRequestError as error:
        assert "SyntaxError" in error.reason


@given(st.text(max_size=40))
def test_edismax_never_refuses_what_a_person_types(text: str) -> None:
    dismax.edismax(text, [("title", 4.0), ("text", 1.0)], 0.1, "2<-1 5<80%", conjunction=True)


@pytest.mark.parametrize(
    ("spec", "optional", "needed"),
    [
        ("2<-1 5<80%", 1, 1),
        ("2<-1 5<80%", 2, 2),
        ("2<-1 5<80%", 4, 3),
        ("2<-1 5<80%", 10, 8),
        ("100%", 4, 4),
        ("-25%", 4, 3),
        ("9", 4, 4),
        ("-9", 4, 0),
    ],
)
def test_minimum_should_match(spec: str, optional: int, needed: int) -> None:
    assert dismax.minimum(spec, optional) == needed


def test_a_malformed_minimum_is_an_error() -> None:
    with pytest.raises(BadRequestError):
        dismax.minimum("most of them", 3)
