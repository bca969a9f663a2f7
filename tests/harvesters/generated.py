"""Datasets made by chance from the examples of all types: right ones and wrong ones, always the same for the same seed."""

from __future__ import annotations

import copy
import random
from collections.abc import Iterator
from typing import Any

from tests.budget.test_budget import EXAMPLE as BUDGET
from tests.catalogue.test_dataset import EXAMPLE as DATASET
from tests.commitment.test_commitment import EXAMPLE as COMMITMENT
from tests.extractive.test_extractive import EXAMPLE as EXTRACTIVE

EXAMPLES: tuple[dict[str, Any], ...] = (DATASET, COMMITMENT, BUDGET, EXTRACTIVE)
_KEPT = {"type", "title_translated", "notes_translated"}
_TEXTS = (
    "ميزانية الدولة",
    "Budget de l’État",
    "State budget",
    "<script>alert(1)</script> « guillemets »",
    "a" * 400,
    "٢٠١٦ – 2016",
    "  x ",
)
_URLS = (
    "https://example.tn/a.csv",
    "http://monographieindustries-du-textile.pdf",
    "example.tn/sans-protocole.xls",
    "https://example.tn/أ ب.pdf",
    "",
)
_WRONG: tuple[dict[str, Any], ...] = (
    {"theme": ["NOPE"]},
    {"title_translated": {}},
    {"title_translated": 7},
    {"owner_org": "nobody-has-this-name"},
    {"notes_translated": {"ar": "a\x00b"}},
    {"tags_translated": {"fr": ["x" * 101]}},
    {"private": "perhaps"},
    {"resources": [{"url": "javascript:alert(1)"}]},
    {"frequency": "SOMETIMES"},
)


def _resource(chance: random.Random) -> dict[str, Any]:
    resource: dict[str, Any] = {"url": chance.choice(_URLS)}
    if chance.random() < 0.7:
        resource["name_translated"] = {chance.choice(("ar", "fr", "en")): chance.choice(_TEXTS)}
    if chance.random() < 0.5:
        resource["format"] = chance.choice(("CSV", "XLS", "PDF"))
    if chance.random() < 0.3:
        resource["size"] = chance.randrange(10**9)
    if chance.random() < 0.2:
        resource["unknown_field"] = chance.choice(_TEXTS)
    return resource


def dataset(chance: random.Random, owner_org: str, kind: str | None = None) -> dict[str, Any]:
    """One dataset, mostly right.

    :param kind: its type, else any
    """
    example = copy.deepcopy(chance.choice([each for each in EXAMPLES if kind in (None, each["type"])]))
    share = chance.choice((0.6, 0.97, 1.0, 1.0, 1.0))
    made = {key: value for key, value in example.items() if key in _KEPT or chance.random() < share}
    made["owner_org"] = owner_org
    made["title_translated"] = {
        language: chance.choice(_TEXTS) for language in ("ar", "fr", "en") if language == "ar" or chance.random() < 0.6
    }
    if chance.random() < 0.7:
        made["resources"] = [_resource(chance) for _ in range(chance.randrange(5))]
    if chance.random() < 0.3:
        made["private"] = chance.random() < 0.5
    if chance.random() < 0.3:
        made["tags_translated"] = {"fr": [f"mot {chance.randrange(9)}" for _ in range(chance.randrange(4))], "ar": ["وسم"]}
    if chance.random() < 0.3:
        made |= {"source_portal": "catalog.example.tn", "source_url": "https://catalog.example.tn/dataset/x", "notes_translated": {}}
    if chance.random() < 0.2:
        made["extras"] = [{"key": f"extra {number}", "value": chance.choice(_TEXTS)} for number in range(chance.randrange(1, 4))]
    if chance.random() < 0.1:
        made |= copy.deepcopy(chance.choice(_WRONG))
    return made


def datasets(seed: int, count: int, owner_org: str) -> Iterator[dict[str, Any]]:
    """``count`` datasets."""
    chance = random.Random(seed)  # noqa: S311 - for tests
    for _ in range(count):
        yield dataset(chance, owner_org)
