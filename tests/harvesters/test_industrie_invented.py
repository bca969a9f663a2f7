"""Records that the rules were not written on against what a person reads in each: real ones of the portal that are not in
``../shared/sources/industrie.jsonl`` (``industrie_unseen.yaml``), and INVENTED titles in the portal's manner (``industrie_invented.yaml``).

``python -m tests.harvesters.test_industrie_invented`` prints the figures of both and every difference.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

from ckanext.ogptn.harvesters.industrie import read  # pyright: ignore[reportMissingImports]
from ckanext.ogptn.harvesters.reading.text import fold  # pyright: ignore[reportMissingImports]
from tests.harvesters.test_industrie_records import Score, poor, read_by_hand, remote, spelled, told

HERE = Path(__file__).parent


def invented() -> Iterator[dict[str, Any]]:
    for number, (title, notes, files, row, *may) in enumerate(_rows("industrie_invented.yaml")):
        files = [each if isinstance(each, list) else [each, ""] for each in files]
        yield {"name": f"invented-{number}", "title": title, "notes": notes, "files": files, "read": row, "may": may[0] if may else {}}


def unseen() -> Iterator[dict[str, Any]]:
    yield from _rows("industrie_unseen.yaml")


def _rows(name: str) -> list[Any]:
    return yaml.safe_load((HERE / name).read_text(encoding="utf-8"))


def compare(rows: Iterator[dict[str, Any]]) -> dict[str, Score]:
    """Precision and recall by field.

    :param rows: ``title``, ``read`` and as the record has them ``name``, ``notes``, ``tags``, ``org``, ``period``, ``files``
        (``[[name, file]]``); ``may``: what else may be read; ``or``: another reading of it all, taken where it is nearer
    """
    scores: dict[str, Score] = {}
    for row in rows:
        record = {key: row[key] for key in ("name", "title", "notes", "tags", "org", "period") if key in row}
        record["resources"] = [{"name": name, **({"file": file} if file else {})} for name, file in row.get("files", ())]
        got = told(read(remote(record)))
        may = {
            name: {spelled(each) if name in ("permits", "parties") else fold(each) if name == "unit" else each for each in values}
            for name, values in (row.get("may") or {}).items()
        }
        readings = [_scored(read_by_hand(each), got, may, row["title"]) for each in (row["read"], row.get("or")) if each is not None]
        for name, score in min(readings, key=lambda each: sum(one.wrong + one.missed for one in each.values())).items():
            total = scores.setdefault(name, Score())
            total.right += score.right
            total.wrong += score.wrong
            total.missed += score.missed
            total.differences += score.differences
    return scores


def _scored(hand: dict[str, set[str]], got: dict[str, set[str]], may: dict[str, set[str]], title: str) -> dict[str, Score]:
    scores = {}
    for name in hand.keys() | got.keys():
        scores[name] = Score()
        scores[name].count(hand.get(name, set()), got.get(name, set()), title, may.get(name, set()) if name != "type" else set())
    return scores


def test_invented_titles_are_read_as_a_person_reads_them() -> None:
    scores = compare(invented())
    assert poor(scores) == {}
    assert scores["kind"].right > 240


def test_real_records_that_the_rules_were_not_written_on_are_read_as_a_person_reads_them() -> None:
    scores = compare(unseen())
    assert poor(scores) == {}
    assert scores["kind"].right > 60
    assert scores["permits"].right > 40


def test_a_reading_that_is_wrong_counts_as_wrong() -> None:
    """The measure itself: one field wrong, one missed, one of two readings right, one that may be read."""
    row = {
        "name": "measure",
        "title": "Production de phosphate (tonne)",
        "read": {"kind": "trade|price", "sectors": ["mining"], "commodities": ["2510", "2601"]},
        "may": {"unit": ["tonne"]},
    }
    scores = compare(iter([row]))
    assert (scores["kind"].right, scores["kind"].wrong, scores["kind"].missed) == (0, 1, 1)
    assert (scores["commodities"].right, scores["commodities"].missed) == (1, 1)
    assert (scores["unit"].wrong, scores["type"].right) == (0, 1)
    assert poor(scores).keys() == {"kind", "commodities"}
    nearer = {"kind": "production", "sectors": ["mining"], "commodities": ["2510"]}
    assert poor(compare(iter([{**row, "or": nearer}]))) == {}


def main() -> None:
    for title, rows in (("real records not in the file", unseen()), ("invented", invented())):
        print(title)
        for name, score in sorted(compare(rows).items()):
            print(
                f"  {name:12} precision {score.precision:6.1%} recall {score.recall:6.1%}  ({score.right}, {score.wrong}, {score.missed})"
            )
            for each in score.differences:
                print("     ", each)


if __name__ == "__main__":
    main()
