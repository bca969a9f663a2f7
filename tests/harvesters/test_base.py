"""The contract of backends: options as typed data, hashes, problems with stable slugs, the registry."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import ckan.plugins.toolkit as tk
import pytest

from ckanext.ogptn.harvesters.engine import base, problems
from ckanext.ogptn.harvesters.engine.base import option
from ckanext.ogptn.harvesters.engine.registry import backends

pytestmark = pytest.mark.usefixtures("with_request_context")

DOCS = Path(__file__).parents[2] / "docs"


@dataclass(frozen=True)
class Sample(base.Options):
    size: int = option(100, lambda: "Size", minimum=1, maximum=1000)
    groups: list[str] = option(["a"], lambda: "Groups")  # noqa: RUF009 - a descriptor of the field
    deep: bool = option(False, lambda: "Deep")
    shape: str = option("", lambda: "Shape", choices=lambda: {"": "none", "round": "Round"})
    note: str = option("", lambda: "Note", maximum=5)

    def check(self) -> dict[str, list[str]]:
        return {"deep": ["not both"]} if self.deep and self.shape else {}


class SampleBackend(base.Backend):
    name = "sample"
    Options = Sample

    @classmethod
    def label(cls) -> str:
        return "Sample"

    def records(self, http: base.HttpClient, cursor: base.Cursor) -> Iterator[base.Record]:
        cursor.expect(2)
        yield base.Record("1", b"one", title="One")
        yield base.Record("2", b"two", title="Two")

    def to_dataset(self, record: base.Record) -> dict[str, Any]:
        self.report(problems.NOT_VALID_RECORD, field="notes", reason="x" * 1000)
        return {"title": record.title}


class TestOptions:
    def test_forms_and_json_give_the_same(self):
        sent = Sample.load({"size": "20", "groups": "x\r\n\r\n y ", "deep": "on", "note": " n "})
        assert sent == Sample(20, ["x", "y"], deep=True, note="n")
        assert Sample.load(sent.dump()) == sent
        assert Sample.load({}) == Sample()

    @pytest.mark.parametrize(
        ("given", "wrong"),
        [
            ({"size": "many"}, {"size"}),
            ({"size": 0}, {"size"}),
            ({"size": 1001}, {"size"}),
            ({"deep": "perhaps", "shape": "square"}, {"deep", "shape"}),
            ({"groups": [1]}, {"groups"}),
            ({"note": "too long"}, {"note"}),
            ({"note": ["no text"]}, {"note"}),
            ({"hidden": "1"}, {"hidden"}),
            ({"deep": True, "shape": "round"}, {"deep"}),
        ],
    )
    def test_every_wrong_option_is_named(self, given: dict[str, Any], wrong: set[str]):
        with pytest.raises(base.OptionsError) as caught:
            Sample.load(given)
        assert set(caught.value.errors) == wrong

    def test_defaults_are_not_shared(self):
        Sample().groups.append("b")
        assert Sample().groups == ["a"]

    def test_description_for_the_form(self):
        described = {each["name"]: each for each in Sample.describe()}
        assert [described[name]["type"] for name in ("size", "groups", "deep", "shape", "note")] == [
            "integer",
            "list",
            "boolean",
            "choice",
            "text",
        ]
        assert described["shape"]["choices"] == [{"value": "", "text": "none"}, {"value": "round", "text": "Round"}]


def test_hash_covers_the_fingerprint_where_there_is_one():
    assert base.Record("1", b"a").hash != base.Record("1", b"b").hash
    assert base.Record("1", b"a", fingerprint=b"f").hash == base.Record("1", b"b", fingerprint=b"f").hash


def test_issues_name_the_record_at_hand_and_are_bounded():
    found: list[problems.Issue] = []
    backend = SampleBackend(base.SourceInfo("s", "http://x"), Sample(), found.append)
    backend.translate(base.Record("7", b"", title="Seven"))
    assert [(each.guid, each.title, each.field, each.slug, len(each.values["reason"])) for each in found] == [
        ("7", "Seven", "notes", "unreadable-record", problems.VALUE_LIMIT)
    ]


def test_check_asks_for_no_more_than_the_first_record():
    shown = SampleBackend(base.SourceInfo("s", "http://x"), Sample()).check(None)  # pyright: ignore[reportArgumentType]
    assert shown == base.Check(first="One", records=2)


class TestProblems:
    def test_every_kind_speaks(self):
        for slug, kind in problems.kinds().items():
            assert slug == kind.slug.lower()
            assert kind.say({})
            assert kind.advise({})

    def test_the_documentation_names_those_that_there_are(self):
        documented = re.findall(r"^\| `([a-z]+-[a-z-]+)` \|", (DOCS / "harvesting.md").read_text("utf-8"), re.MULTILINE)
        assert len(documented) > 3
        assert set(documented) <= set(problems.kinds())

    def test_two_kinds_cannot_share_a_slug(self):
        with pytest.raises(ValueError, match="no-connection"):
            problems.Kind("no-connection", problems.Severity.ERROR, lambda: "", lambda: "")

    def test_a_missing_value_does_not_break_the_sentence(self):
        assert "…" in problems.BAD_STATUS.say({"url": "http://x"})

    def test_hostile_values_are_data(self):
        error = problems.SourceError(problems.BAD_STATUS, url="{url.__class__}", status="\x00")
        assert "{url.__class__}" in str(error)
        assert "\x00" not in error.values["status"]


def test_registry_knows_only_finished_backends():
    for name, backend in backends().items():
        assert name == backend.name
        assert backend.label()
        assert issubclass(backend.Options, base.Options)
        assert tk.aslist(name) == [name]


def test_a_process_that_never_read_a_source_knows_what_went_wrong() -> None:
    """A web server tells what a worker met: kinds of problem are declared by modules that it may not have needed until then."""
    asked = "print(*(registry.kind_of(slug) is not None for slug in ('connection-refused', 'certificate-expired', 'unsure-extractive')))"
    code = f"from ckanext.ogptn.harvesters.engine import registry; {asked}"
    told = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert told.stdout.split() == ["True"] * 3, told.stderr
