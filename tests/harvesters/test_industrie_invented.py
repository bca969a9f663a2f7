"""INVENTED titles in the portal's manner against what a person reads in each (``industrie_invented.yaml``): the rules were written on the
real records, and the portal has others.

``python -m tests.harvesters.test_industrie_invented`` prints the figures and every difference.
"""

from __future__ import annotations

from pathlib import Path

import yaml

from ckanext.ogptn.harvesters.industrie import read  # pyright: ignore[reportMissingImports]
from tests.harvesters.test_industrie_records import Score, poor, read_by_hand, remote, told

TABLE = Path(__file__).with_name("industrie_invented.yaml")


def compare() -> dict[str, Score]:
    """Precision and recall by field."""
    scores: dict[str, Score] = {}
    for number, (title, notes, resources, row) in enumerate(yaml.safe_load(TABLE.read_text(encoding="utf-8"))):
        record = {"name": f"invented-{number}", "title": title, "notes": notes, "resources": [{"name": name} for name in resources]}
        expected, got = read_by_hand(row), told(read(remote(record)))
        for name in expected.keys() | got.keys():
            hand, program = expected.get(name, set()), got.get(name, set())
            scores.setdefault(name, Score()).count(hand, program, title)
    return scores


def test_invented_titles_are_read_as_a_person_reads_them() -> None:
    scores = compare()
    assert poor(scores) == {}
    assert scores["kind"].right > 70


def main() -> None:
    for name, score in sorted(compare().items()):
        print(f"{name:12} precision {score.precision:6.1%} recall {score.recall:6.1%}  ({score.right}, {score.wrong}, {score.missed})")
        for each in score.differences:
            print("   ", each)


if __name__ == "__main__":
    main()
