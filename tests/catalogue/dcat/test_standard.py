"""What we publish is valid DCAT-AP 3.0.1, and comes back through ckanext-dcat's own parser as it was entered."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from ckan.tests.helpers import call_action
from ckanext.dcat.processors import RDFParser, RDFSerializer
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from rdflib import Graph, URIRef
from rdflib.compare import isomorphic
from rdflib.namespace import DCAT

from ckanext.ogptn.catalogue.dcat import addresses, fields, references
from ckanext.ogptn.catalogue.dcat.namespaces import new_graph
from ckanext.ogptn.catalogue.dcat.profile import PROFILES, complete_graph
from ckanext.ogptn.catalogue.dcat.writer import schema
from tests import factories
from tests.catalogue.dcat import generated, shacl

pytestmark = [pytest.mark.usefixtures("with_plugins", "clean_db")]
#: For each type. `OGPTN_EXAMPLES=50` makes the 200 of the issue.
EXAMPLES = int(os.environ.get("OGPTN_EXAMPLES") or 5)
_SETTINGS = settings(
    max_examples=EXAMPLES,
    deadline=None,
    # Shrinking writes hundreds of records into the database; the assertion names what differs.
    phases=[Phase.generate],
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow, HealthCheck.data_too_large],
)


def create(record: dict[str, Any]) -> dict[str, Any]:
    """The record as ``package_show`` answers it."""
    user = call_action("get_site_user")["name"]
    return call_action("package_create", context={"user": user}, **json.loads(json.dumps(record)))


def whole(packages: list[dict[str, Any]]) -> Graph:
    """A catalogue of these datasets."""
    graph = new_graph()
    catalog = URIRef(addresses.base())
    references.describe_catalog(graph, catalog)
    for package in packages:
        graph += complete_graph(package)
        graph.add((catalog, DCAT.dataset, addresses.dataset(package["id"])))
    return graph


def of_schema(package: Mapping[str, Any]) -> dict[str, Any]:
    """The fields of the type's schema that are published; lists that are sets in RDF, in the reader's order."""
    described = schema(package["type"])

    def values(record: Mapping[str, Any], listed: list[Mapping[str, Any]]) -> dict[str, Any]:
        found = {}
        for field in fields.published(listed, frozenset({"owner_org"})):
            value = record.get(field["field_name"])
            if value in (None, "", [], {}):
                continue
            if "repeating_subfields" in field:
                value = [row for row in (values(row, field["repeating_subfields"]) for row in value) if row]
            elif fields.kind(field) == "keywords":
                value = {language: sorted(words) for language, words in value.items() if words}
            elif fields.is_list(field):
                value = fields.in_order(field, value)
            found[field["field_name"]] = value
        return found

    files = [values(resource, described["resource_fields"]) for resource in package.get("resources", ())]
    return {**values(package, described["dataset_fields"]), "type": package["type"], "resources": files}


def parsed(text: str, rdf_format: str) -> list[dict[str, Any]]:
    parser = RDFParser(profiles=list(PROFILES))
    parser.parse(text, _format=rdf_format)
    return list(parser.datasets())


def check_round_trip(package: dict[str, Any], rdf_format: str = "ttl") -> None:
    """Out through ckanext-dcat's serialiser, in through its parser, out again."""
    text = RDFSerializer(profiles=list(PROFILES)).serialize_dataset(package, _format=rdf_format)
    [back] = parsed(text, rdf_format)
    assert of_schema(back) == of_schema(package)
    # What belongs to the portal is not in the record: put it back, and the graphs are the same.
    own = {name: package[name] for name in ("id", "owner_org", "organization", "metadata_created", "metadata_modified", "title", "notes")}
    files = [
        {**{name: old[name] for name in ("id", "package_id", "created", "metadata_modified", "url_type")}, **new}
        for old, new in zip(package["resources"], back["resources"], strict=True)
    ]
    again = RDFSerializer(profiles=list(PROFILES)).serialize_dataset({**back, **own, "resources": files}, _format=rdf_format)
    first, second = (Graph().parse(data=one, format={"ttl": "turtle", "jsonld": "json-ld"}.get(rdf_format, "xml")) for one in (text, again))
    assert isomorphic(first, second)


@pytest.mark.parametrize("package_type", generated.TYPES)
def test_generated_records_are_valid_and_come_back(package_type: str, shapes: Path) -> None:
    agency = factories.AgencyFactory(kind="NationalAuthority", email="contact@example.tn", site_url="https://agence.example.tn")

    @_SETTINGS
    @given(data=st.data())
    def check(data: st.DataObject) -> None:
        record = generated.made_valid(data.draw(generated.records(package_type)), agency["id"])
        package = create(record)
        graph = Graph().parse(data=whole([package]).serialize(format="turtle"))
        assert shacl.violations(graph, shapes) == {}
        check_round_trip(package)

    check()


@pytest.mark.parametrize("rdf_format", ["ttl", "xml", "jsonld"])
def test_every_format_comes_back(rdf_format: str) -> None:
    from tests.catalogue.test_dataset import EXAMPLE

    check_round_trip(create({**EXAMPLE, "owner_org": factories.AgencyFactory()["id"]}), rdf_format)


def test_the_demonstration_catalogue_is_valid(shapes: Path, capsys: pytest.CaptureFixture[str]) -> None:
    from ckanext.ogptn.seed.loader import load

    report = load(lambda _line: None, demo=True)
    assert not report.errors
    packages = [call_action("package_show", id=name) for name in call_action("package_list")]
    graph = Graph().parse(data=whole(packages).serialize(format="turtle"))
    assert shacl.violations(graph, shapes) == {}
    recommended = shacl.findings(graph, shapes, "shapes_recommended.ttl", "Warning")
    counted: dict[str, int] = {}
    for finding in recommended:
        counted[finding.split()[1]] = counted.get(finding.split()[1], 0) + 1
    with capsys.disabled():
        print(f"\n{len(packages)} datasets, {len(graph)} statements; recommended and missing: {json.dumps(counted, indent=1)}")
    for package in packages:
        check_round_trip(package)
