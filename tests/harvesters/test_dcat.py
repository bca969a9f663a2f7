"""DCAT catalogues as portals really write them."""

from __future__ import annotations

import json
from typing import Any

import pytest

from ckanext.ogptn.harvesters.dcat import DcatBackend  # pyright: ignore[reportMissingImports]
from ckanext.ogptn.harvesters.engine.problems import SourceError
from tests.conftest import SourceServer, in_time

from .conftest import read

NAMES = {
    "dcat": "http://www.w3.org/ns/dcat#", "dct": "http://purl.org/dc/terms/", "foaf": "http://xmlns.com/foaf/0.1/",
    "vcard": "http://www.w3.org/2006/vcard/ns#", "xsd": "http://www.w3.org/2001/XMLSchema#", "hydra": "http://www.w3.org/ns/hydra/core#",
    "skos": "http://www.w3.org/2004/02/skos/core#", "rdfs": "http://www.w3.org/2000/01/rdf-schema#", "schema": "http://schema.org/",
    "locn": "http://www.w3.org/ns/locn#", "gsp": "http://www.opengis.net/ont/geosparql#", "spdx": "http://spdx.org/rdf/terms#",
    "owl": "http://www.w3.org/2002/07/owl#", "adms": "http://www.w3.org/ns/adms#", "ex": "https://data.example/",
}  # fmt: skip
PREFIXES = "".join(f"@prefix {prefix}: <{name}> .\n" for prefix, name in NAMES.items())

WHOLE = (
    PREFIXES
    + """
ex:catalog a dcat:Catalog ; dct:title "Catalogue d'essai"@fr ; dcat:dataset <https://data.example/dataset/1> .
<https://data.example/dataset/1> a dcat:Dataset ;
  dct:title "Qualité de l'eau"@fr , "جودة المياه"@ar , "Wasserqualität"@de ;
  dct:description "<p>Mesures <b>mensuelles</b> &amp; annuelles.</p><script>alert(1)</script>"@fr ;
  dcat:keyword "eau"@fr , "ماء"@ar , "Wasser"@de ;
  dcat:theme <http://publications.europa.eu/resource/authority/data-theme/ENVI> , ex:theme-own ;
  dct:accrualPeriodicity <http://publications.europa.eu/resource/authority/frequency/MONTHLY> ;
  dct:language <http://publications.europa.eu/resource/authority/language/FRA> , "ar" ;
  dct:accessRights <http://publications.europa.eu/resource/authority/access-right/PUBLIC> ;
  dct:identifier "eau-1" ; dct:issued "2016-11-04"^^xsd:date ; dct:modified "2017-03-01T10:20:30.123456"^^xsd:dateTime ;
  owl:versionInfo "2" ; adms:versionNotes "Corrigé"@fr ;
  dct:temporal [ a dct:PeriodOfTime ; schema:startDate "2010-01-01"^^xsd:date ; schema:endDate "2016-12-31"^^xsd:date ] ,
    [ a dct:PeriodOfTime ; dcat:startDate "2019"^^xsd:gYear ] ;
  dct:spatial [ a dct:Location ; skos:prefLabel "Bizerte" ; locn:geometry "POINT (9.8 37.2)"^^gsp:wktLiteral ] ;
  dct:publisher [ a foaf:Organization ; foaf:name "Office de l'eau"@fr ; foaf:homepage <https://eau.example/> ] ;
  dcat:contactPoint [ a vcard:Organization ; vcard:fn "Cellule des données" ; vcard:hasEmail <mailto:donnees@eau.example> ] ;
  dcat:landingPage <https://data.example/eau> ;
  dcat:distribution <https://data.example/dataset/1/csv> , [
    a dcat:Distribution ; dct:title "Service"@fr ; dcat:accessURL <https://data.example/wms> ; dct:format "OGC WMS" ;
    dct:license <https://creativecommons.org/licenses/by/4.0/> ] .
ex:theme-own a skos:Concept ; skos:prefLabel "Hydrologie"@fr .
<https://data.example/dataset/1/csv> a dcat:Distribution ; dct:title "Mesures"@fr ; dcat:downloadURL <https://data.example/m.csv> ;
  dcat:mediaType <https://www.iana.org/assignments/media-types/text/csv> ; dcat:byteSize "2048.0"^^xsd:decimal ;
  dct:license [ a dct:LicenseDocument ; rdfs:label "CC BY" ; dct:identifier "cc-by" ;
    owl:sameAs <https://creativecommons.org/licenses/by/4.0/> ] ;
  spdx:checksum [ spdx:algorithm spdx:checksumAlgorithm_sha1 ; spdx:checksumValue "da39a3ee5e6b4b0d3255bfef95601890afd80709" ] .
"""
)


def test_a_whole_dataset(http_server: SourceServer, accepted: Any) -> None:
    reading = read(DcatBackend, http_server.says("/catalog.ttl", WHOLE, Content_Type="text/turtle"))
    (guid,) = reading.order
    record, dataset = reading.records[guid], reading.only()
    assert (guid, record.alias, record.url, record.title) == (
        "https://data.example/dataset/1",
        "eau-1",
        "https://data.example/eau",
        "جودة المياه",
    )
    assert dataset["title_translated"] == {"fr": "Qualité de l'eau", "ar": "جودة المياه"}
    assert dataset["notes_translated"] == {"fr": "Mesures **mensuelles** & annuelles."}
    assert dataset["tags_translated"]["ar"] == ["ماء"]
    assert dataset["theme"] == ["ENVI"]
    assert "Hydrologie" in dataset["tags_translated"]["fr"]
    assert (dataset["frequency"], dataset["language"], dataset["access_rights"]) == ("MONTHLY", ["ARA", "FRA"], "PUBLIC")
    assert (dataset["issued"], dataset["modified"], dataset["version"]) == ("2016-11-04", "2017-03-01", "2")
    assert sorted(dataset["temporal_coverage"], key=str) == [{"start": "2010-01-01", "end": "2016-12-31"}, {"start": "2019"}]
    assert (dataset["governorates"], dataset["spatial_text"]) == (["TN-23"], "Bizerte")
    assert json.loads(dataset["spatial"]) == {"type": "Point", "coordinates": [9.8, 37.2]}
    assert dataset["publisher"] == [{"name_translated": {"fr": "Office de l'eau"}, "url": "https://eau.example/"}]
    assert dataset["contact"] == [{"name_translated": {"fr": "Cellule des données"}, "email": "donnees@eau.example"}]
    csv, service = dataset["resources"]
    assert (csv["guid"], csv["format"], csv["size"], csv["hash_algorithm"], csv["license"]) == (
        "https://data.example/dataset/1/csv", "CSV", 2048, "SHA1", "CC_BY_4_0")  # fmt: skip
    assert (service["format"], service["license"], "guid" in service) == ("WMS_SRVC", "CC_BY_4_0", False)
    shown = accepted(dataset, "eau")
    assert shown["title_translated"] == dataset["title_translated"]
    assert [resource.get("size") for resource in shown["resources"]] == [2048, None]


def blank(order: int, label: str) -> str:
    """The same two datasets as blank nodes: in another order and with other labels, as each export has them."""
    one = (
        f'_:{label}1 a dcat:Dataset ; dct:title "Un" ; dct:publisher _:{label}p ; dct:temporal _:{label}t ; dcat:distribution _:{label}d .'
    )
    two = f'_:{label}2 a dcat:Dataset ; dct:identifier "deux" ; dct:title "Deux" ; dct:publisher _:{label}p .'
    shared = f'_:{label}p a foaf:Agent ; foaf:name "Office" . _:{label}t schema:startDate "2010" .'
    file = f"_:{label}d dcat:accessURL <http://a.example/1> ."
    return PREFIXES + "\n".join([one, two, shared, file][::order])


def test_blank_nodes_are_the_same_datasets_each_time(http_server: SourceServer) -> None:
    first = read(DcatBackend, http_server.says("/a.ttl", blank(1, "a")))
    second = read(DcatBackend, http_server.says("/b.ttl", blank(-1, "zz")))
    assert set(first.order) == {"title:un", "deux"}
    assert first.hashes == second.hashes
    assert first.slugs() == ["missing-resources", "weak-identity"]


def test_two_of_one_title_are_two(http_server: SourceServer) -> None:
    twins = PREFIXES + "".join(
        f'[] a dcat:Dataset ; dct:title "Jumeau" ; dcat:distribution [ dcat:accessURL <http://a.example/{number}> ] .' for number in (1, 2)
    )
    first = read(DcatBackend, http_server.says("/a.ttl", twins))
    assert len(set(first.order)) == 2


def test_made_up_addresses_are_no_identity(http_server: SourceServer) -> None:
    turtle = PREFIXES + '<http://a.example/.well-known/genid/x77> a dcat:Dataset ; dct:identifier "stable" ; dct:title "T" .'
    assert read(DcatBackend, http_server.says("/a.ttl", turtle)).order == ["stable"]


# -- formats

XML = """<?xml version="1.0" encoding="utf-8"?>
<rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#" xmlns:dcat="http://www.w3.org/ns/dcat#" xmlns:dct="http://purl.org/dc/terms/">
  <dcat:Catalog rdf:about="https://x.example/"><dcat:dataset>%s</dcat:dataset></dcat:Catalog>
</rdf:RDF>"""
IN_XML = """<dcat:Dataset rdf:nodeID="N1"><dct:identifier>x-1</dct:identifier><dct:title xml:lang="fr">Titre</dct:title>
  <dct:description xml:lang="fr">&lt;div&gt;Un &lt;i&gt;texte&lt;/i&gt;&lt;/div&gt;</dct:description>
  <dct:issued>pas une date</dct:issued>
  <dcat:distribution><dcat:Distribution><dcat:accessURL rdf:resource="http://x.example/un fichier {1}.csv"/>
  <dct:format><dct:IMT rdf:value="text/csv" xmlns:rdfs="http://www.w3.org/2000/01/rdf-schema#" rdfs:label="CSV"/></dct:format>
  </dcat:Distribution></dcat:distribution></dcat:Dataset>"""
IN_JSON = {
    "@context": {"dcat": "http://www.w3.org/ns/dcat#", "dct": "http://purl.org/dc/terms/"},
    "@graph": [
        {
            "@type": "dcat:Dataset", "dct:identifier": "x-1", "dct:title": {"@value": "Titre", "@language": "fr"},
            "dct:description": {"@value": "<div>Un <i>texte</i></div>", "@language": "fr"}, "dct:issued": "pas une date",
            "dcat:distribution": {
                "@type": "dcat:Distribution", "dct:format": "CSV",
                "dcat:accessURL": {"@id": "http://x.example/un%20fichier%20%7B1%7D.csv"},
            },
        }
    ],
}  # fmt: skip


@pytest.mark.parametrize(
    ("body", "media_type"),
    [(XML % IN_XML, "application/rdf+xml"), (XML % IN_XML, "text/html"),
     (json.dumps(IN_JSON), "application/ld+json"), (json.dumps(IN_JSON), "text/plain")],
)  # fmt: skip
def test_other_formats_whatever_the_server_calls_them(http_server: SourceServer, accepted: Any, body: str, media_type: str) -> None:
    reading = read(DcatBackend, http_server.says("/catalog", body, Content_Type=media_type))
    assert reading.order == ["x-1"]
    dataset = reading.only()
    assert dataset["title_translated"] == {"fr": "Titre"}
    assert dataset["notes_translated"] == {"fr": "Un *texte*"}
    (resource,) = dataset["resources"]
    assert (resource["url"], resource["format"]) == ("http://x.example/un%20fichier%20%7B1%7D.csv", "CSV")
    assert dataset["extras"] == [{"key": "original_issued", "value": "pas une date"}]
    assert "unreadable-date" in reading.slugs()
    assert accepted(dataset, "x-1")["title"] == "Titre"


def test_damaged_xml_gives_what_can_be_read_and_removes_nothing(http_server: SourceServer) -> None:
    damaged = (XML % IN_XML).replace("Titre", "Ti\x0btre &nbsp;")
    reading = read(DcatBackend, http_server.says("/catalog.rdf", damaged))
    assert reading.order == ["x-1"]
    assert "damaged-xml" in reading.slugs()
    assert reading.cursor.reasons


def test_xml_that_breaks_off_is_not_repaired(http_server: SourceServer) -> None:
    """Its last dataset would be taken for whole, and lose its files."""
    whole = XML % IN_XML
    for cut in (len(whole) // 2, len(whole) * 2 // 3, whole.index("</rdf:RDF>") + 5):
        with pytest.raises(SourceError) as caught:
            read(DcatBackend, http_server.says("/catalog.rdf", whole[:cut]))
        assert caught.value.slug == "unexpected-content"


def test_entity_expansion_is_refused_namespaces_are_not(http_server: SourceServer) -> None:
    harmless = '<!DOCTYPE rdf:RDF [<!ENTITY xsd "http://www.w3.org/2001/XMLSchema#">]><rdf:RDF'
    assert read(DcatBackend, http_server.says("/h", (XML % IN_XML).replace("<rdf:RDF", harmless))).order == ["x-1"]
    for declared in ('<!ENTITY a "x"><!ENTITY b "&a;&a;&a;">', '<!ENTITY a SYSTEM "file:///etc/passwd">', '<!ENTITY % a "x">'):
        attack = (XML % IN_XML).replace("<rdf:RDF", f"<!DOCTYPE rdf:RDF [{declared}]><rdf:RDF")
        with pytest.raises(SourceError) as caught:
            read(DcatBackend, http_server.says("/a", attack))
        assert caught.value.slug == "xml-entities"


def test_contexts_are_fetched_by_our_own_client_only(http_server: SourceServer) -> None:
    context = http_server.says("/context.jsonld", json.dumps({"@context": IN_JSON["@context"]}))
    outside = {**IN_JSON, "@context": [context, "http://169.254.169.254/latest"]}
    reading = read(DcatBackend, http_server.says("/c", json.dumps(outside)))
    assert reading.order == ["x-1"]
    assert "missing-context" in reading.slugs()


@pytest.mark.parametrize("body", ["", "<html><title>x</title></html>", "{", "@prefix dcat: <x", "<?xml version='1.0'?><a", "plain words"])
def test_what_is_no_rdf(http_server: SourceServer, body: str) -> None:
    with pytest.raises(SourceError) as caught:
        read(DcatBackend, http_server.says("/c", body))
    assert caught.value.slug == "unexpected-content"


# -- pages


def page(number: int, following: str | None, total: int = 4) -> str:
    view = f"<?page={number}> a hydra:PagedCollection ; hydra:totalItems {total} {f'; hydra:nextPage <{following}>' if following else ''} ."
    return PREFIXES + view + "".join(f'ex:d{number}{letter} a dcat:Dataset ; dct:title "{number}{letter}" .' for letter in "ab")


def test_pages(http_server: SourceServer) -> None:
    http_server.says("/c?page=2", page(2, None))
    reading = read(DcatBackend, http_server.says("/c", page(1, "/c?page=2"), ETag='"1"'))
    assert reading.order == [f"https://data.example/d{name}" for name in ("1a", "1b", "2a", "2b")]
    assert (reading.cursor.expected, reading.cursor.reasons) == (4, [])
    assert reading.cursor.state["document"]["pages"] == 2
    http_server.says("/c", "", 304)
    with pytest.raises(SourceError) as again:
        read(DcatBackend, http_server.url + "/c", state=reading.cursor.state)
    assert again.value.slug == "bad-status", "an unchanged first page says nothing of the others, so it was not asked for"


def test_pages_in_a_circle_end(http_server: SourceServer) -> None:
    http_server.says("/c?page=2", page(2, "/c"))
    reading = read(DcatBackend, http_server.says("/c", page(1, "/c?page=2")))
    assert len(reading.order) == 4
    assert "paging-circle" in reading.slugs()
    assert reading.cursor.reasons == ["paging-circle"]


def test_an_unchanged_file_is_not_read(http_server: SourceServer) -> None:
    url = http_server.says("/c", WHOLE, ETag='"1"')
    first = read(DcatBackend, url)
    http_server.says("/c", "", 304)
    assert read(DcatBackend, url, state=first.cursor.state).cursor.unchanged_all


def test_one_file_of_hundreds(http_server: SourceServer) -> None:
    body = PREFIXES + "".join(
        f'ex:d{number} a dcat:Dataset ; dct:title "Titre {number}"@fr ; dct:publisher ex:office ; dcat:distribution '
        f'[ dcat:accessURL <https://a.example/{number}.csv> ; dct:format "CSV" ] .'
        for number in range(300)
    ) + 'ex:office a foaf:Agent ; foaf:name "Office" .'  # fmt: skip
    reading = read(DcatBackend, http_server.says("/c", body))
    assert len(reading.datasets) == 300
    assert all(dataset["publisher"][0]["name_translated"] == {"fr": "Office"} for dataset in reading.datasets.values())


def test_a_dataset_that_mentions_another_does_not_hold_it(http_server: SourceServer) -> None:
    body = (
        PREFIXES
        + """
        ex:a a dcat:Dataset ; dct:title "A" ; dct:relation ex:b ; dct:isPartOf ex:c .
        ex:b a dcat:Dataset ; dct:title "B" .
        ex:c a dcat:Catalog ; dcat:dataset ex:a, ex:b .
    """
    )
    reading = read(DcatBackend, http_server.says("/c", body))
    assert b'"B"' not in reading.records["https://data.example/a"].content
    assert reading.datasets["https://data.example/a"]["title_translated"] == {"fr": "A"}


def test_texts_in_languages_that_the_portal_has_not(http_server: SourceServer) -> None:
    swiss = (
        PREFIXES
        + """
ex:1 a dcat:Dataset ; dct:title "Strassen"@de , "Roads"@en , "Strade"@it ; dct:description "Nur deutsch"@de ;
  dcat:keyword "Verkehr"@de , "Strasse"@de , "traffic"@en , "road"@en , "dati"@it ; dcat:accessURL ex:x .
ex:2 a dcat:Dataset ; dct:title "Wald"@de ; dct:description "Forêt"@fr , "Wald"@de ; dcat:keyword "Wald"@de , "Holz"@de , "forêt"@fr .
ex:3 a dcat:Dataset ; dct:title "Prices" ; dct:language <http://publications.europa.eu/resource/authority/language/ENG> .
ex:4 a dcat:Dataset ; dct:title "Prix" ; dct:language "fr" , "en" .
"""
    )
    found = read(DcatBackend, http_server.says("/a.ttl", swiss)).datasets
    one, two, three, four = (found[f"https://data.example/{number}"] for number in (1, 2, 3, 4))
    # A German title must not pass for the French one where there is an English one; where there is nothing else it is better than nothing.
    assert (one["title_translated"], one["notes_translated"]) == ({"en": "Roads"}, {"fr": "Nur deutsch"})
    assert one["tags_translated"] == {"en": ["road", "traffic"]}
    assert (two["title_translated"], two["notes_translated"]) == ({"fr": "Wald"}, {"fr": "Forêt"})
    # More words in German than in French: they are no mere translations.
    assert sorted(two["tags_translated"]["fr"]) == ["Holz", "Wald", "forêt"]
    assert (three["title_translated"], four["title_translated"]) == ({"en": "Prices"}, {"fr": "Prix"})


AGENTS = (
    PREFIXES
    + """
@prefix time: <http://www.w3.org/2006/time#> .
ex:1 a dcat:Dataset ; dct:title "Nodes"@en ;
  dct:accrualPeriodicity [ a dct:Frequency ; rdfs:label "each so often" ; <http://www.w3.org/1999/02/22-rdf-syntax-ns#value>
    [ a time:DurationDescription ; time:months 3.0 ] ] ;
  dct:publisher [ a vcard:Kind ; vcard:fn "Office"@en , "الديوان"@ar ] ;
  dcat:contactPoint [ vcard:organization-name "Desk" ; vcard:hasEmail [ vcard:hasValue <mailto:desk@office.example> ] ;
      vcard:hasURL <https://office.example/desk> ] , "second@office.example" ;
  dct:conformsTo "Lambert 93 (EPSG:2154)" , <https://office.example/standard> ;
  dct:rights <http://inspire.ec.europa.eu/metadata-codelist/LimitationsOnPublicAccess/noLimitations> ;
  dcat:distribution [ dct:title "places.geojson" ; dcat:accessURL "https://office.example/export/1" ; dct:format "json" ;
    spdx:checksum [ spdx:checksumValue "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855" ;
      spdx:algorithm <http://dcat-ap.de/def/hashAlgorithms/sha/256> ] ] .
ex:2 a dcat:Dataset ; dct:title "Made up"@en ; dct:publisher <https://geo.example/organizations/Office%20de%20l%27eau> ;
  dct:accrualPeriodicity [ <http://www.w3.org/1999/02/22-rdf-syntax-ns#value> [ time:years 1 ] ] .
"""
)


def test_agents_contacts_and_frequencies_as_nodes(http_server: SourceServer, accepted: Any) -> None:
    reading = read(DcatBackend, http_server.says("/a.ttl", AGENTS))
    one, two = (reading.datasets[f"https://data.example/{number}"] for number in (1, 2))
    assert (one["frequency"], two["frequency"]) == ("QUARTERLY", "ANNUAL")
    assert one["publisher"] == [{"name_translated": {"en": "Office", "ar": "الديوان"}}]
    assert two["publisher"][0]["name_translated"] == {"fr": "Office de l'eau"}
    assert sorted(one["contact"], key=lambda contact: contact["email"]) == [
        {"name_translated": {"fr": "Desk"}, "email": "desk@office.example", "url": "https://office.example/desk"},
        {"email": "second@office.example"},
    ]
    assert one["conforms_to"] == ["https://office.example/standard"]
    assert (one["access_rights"], "source_licence" in one) == ("PUBLIC", False)
    assert (one["resources"][0]["format"], one["resources"][0]["hash_algorithm"]) == ("GEOJSON", "SHA256")
    assert reading.slugs() == ["missing-resources"]
    accepted(one, "nodes")


def test_a_data_json_is_sent_to_its_own_backend(http_server: SourceServer) -> None:
    document = {
        "@context": http_server.url + "/gone.jsonld",
        "conformsTo": "https://project-open-data.cio.gov/v1.1/schema",
        "dataset": [{}],
    }
    with pytest.raises(SourceError) as raised:
        read(DcatBackend, http_server.says("/data.json", json.dumps(document)))
    assert raised.value.values["found"] == "data.json (DCAT-US)"


@pytest.mark.parametrize("label", ["5daab98e807e4beb", "b1:2", "node 1", "-x", "n\u00e9"])
def test_blank_nodes_named_as_triple_stores_do(http_server: SourceServer, label: str) -> None:
    """XML wants names that begin with a letter (RDF/XML 7.2.4); stores write what they like, and the job must not end for it."""
    names = " ".join(f'xmlns:{prefix}="{NAMES[prefix]}"' for prefix in ("dcat", "dct", "foaf"))
    rdf = "http://www.w3.org/1999/02/22-rdf-syntax-ns#"
    document = f"""<?xml version="1.0"?><rdf:RDF xmlns:rdf="{rdf}" {names}>
      <dcat:Dataset rdf:about="https://data.example/1"><dct:title>Un</dct:title><dct:publisher rdf:nodeID="{label}"/></dcat:Dataset>
      <foaf:Agent rdf:nodeID='{label}'><foaf:name>Office</foaf:name></foaf:Agent></rdf:RDF>"""
    reading = read(DcatBackend, http_server.says("/a.rdf", document))
    assert reading.only()["source_publisher"] == "Office"
    assert "damaged-xml" not in reading.slugs()


def test_what_the_parser_refuses_is_no_rdf(http_server: SourceServer) -> None:
    rdf = "http://www.w3.org/1999/02/22-rdf-syntax-ns#"
    document = f'<rdf:RDF xmlns:rdf="{rdf}"><rdf:Description rdf:ID="1 2"/></rdf:RDF>'
    with pytest.raises(SourceError):
        read(DcatBackend, http_server.says("/a.rdf", document))


def nameless(title: str, file: str) -> str:
    return f'[] a dcat:Dataset ; {title} ; dcat:distribution [ dcat:accessURL "https://u.example/{file}" ] .\n'


def test_a_nameless_dataset_whose_title_changes_keeps_its_files(http_server: SourceServer) -> None:
    """A university's whole catalogue: blank nodes without identifiers, to which titles in a second language are added bit by bit."""
    before = PREFIXES + nameless('dct:title "Oferta"@es', "1.pdf") + nameless('dct:title "Estructura"@es , "Estructura UA"@ca', "2.pdf")
    after = PREFIXES + nameless('dct:title "Oferta"@es , "Oferta 2019"@ca', "1.pdf") + nameless('dct:title "Nou"@ca', "3.pdf")
    first, second = read(DcatBackend, http_server.says("/a.ttl", before)), read(DcatBackend, http_server.says("/b.ttl", after))
    aliases = [{record.alias for record in reading.records.values()} for reading in (first, second)]
    assert len(aliases[0] & aliases[1]) == 1
    assert not set(first.order) & set(second.order)
    # One warning for all of them; and of two languages that are none of ours the one that more people read.
    assert first.slugs().count("weak-identity") == 1
    assert {issue.values["count"] for issue in first.issues if issue.slug == "weak-identity"} == {"2"}
    assert sorted(dataset["title_translated"]["fr"] for dataset in first.datasets.values()) == ["Estructura", "Oferta"]


def test_what_italian_and_spanish_catalogues_write(http_server: SourceServer) -> None:
    names = " ".join(f'xmlns:{prefix}="{NAMES[prefix]}"' for prefix in ("dcat", "dct", "foaf", "vcard"))
    rdf = "http://www.w3.org/1999/02/22-rdf-syntax-ns#"
    document = f"""<?xml version="1.0"?><rdf:RDF xmlns:rdf="{rdf}" {names}>
      <dcat:Dataset rdf:about="https://data.example/1"><dct:title>Sosta</dct:title><dct:license/>
        <dct:rightsHolder><foaf:Agent rdf:about="ente"><foaf:name>Ente</foaf:name></foaf:Agent></dct:rightsHolder>
        <dct:spatial rdf:resource="https://data.example/territorio/Pais/España"/><dct:spatial rdf:resource="https://geo.example/2673730"/>
        <dcat:contactPoint rdf:resource="www.ente.example"/>
        <dcat:contactPoint><vcard:Kind><vcard:hasEmail rdf:resource="dati@ente.example"/></vcard:Kind></dcat:contactPoint>
        <dcat:distribution><dcat:Distribution><dcat:accessURL rdf:resource="https://data.example/1.csv"/><dct:format rdf:resource="CSV"/>
          <dct:license>
            <dct:LicenseDocument rdf:about=""><foaf:name>Creative Commons (CC BY 4.0)</foaf:name></dct:LicenseDocument></dct:license>
          <dct:rights rdf:resource="http://publications.europa.eu/resource/authority/access-right/PUBLIC"/>
        </dcat:Distribution></dcat:distribution></dcat:Dataset></rdf:RDF>"""
    reading = read(DcatBackend, http_server.says("/a.rdf", document))
    found = reading.only()
    assert found["source_publisher"] == "Ente"
    assert found["spatial_text"] == "España; https://geo.example/2673730"
    assert sorted(found["contact"], key=str) == [{"email": "dati@ente.example"}, {"url": "http://www.ente.example"}]
    assert (found["license_id"], found["source_licence"]) == ("CC_BY_4_0", "Creative Commons (CC BY 4.0)")
    assert found["resources"][0]["format"] == "CSV"
    assert reading.slugs() == []


def test_prefixes_without_their_dot(http_server: SourceServer) -> None:
    document = PREFIXES + "@prefix mdi: <http://mdi.example/ns/>\n\nex:1 a dcat:Dataset ; dct:title 'Parking'@en ; mdi:gate ex:2 .\n"
    reading = read(DcatBackend, http_server.says("/a.ttl", document))
    assert (reading.only()["title_translated"], reading.cursor.reasons) == ({"en": "Parking"}, [])
    with pytest.raises(SourceError):
        read(DcatBackend, http_server.says("/b.ttl", document + "ex:3 a a a ."))


def test_datasets_described_where_the_catalogue_points(http_server: SourceServer) -> None:
    base = http_server.url
    http_server.says(
        "/1.ttl", PREFIXES + f"<{base}/1.ttl> a dcat:Dataset ; dct:title 'Un'@fr . <{base}/x> a dcat:Dataset ; dct:title 'X' ."
    )
    http_server.says("/2.ttl", PREFIXES + "ex:deux a dcat:Dataset ; dct:title 'Deux'@fr .")
    listed = ", ".join(f"<{base}/{name}>" for name in ("1.ttl", "2.ttl", "gone.ttl"))
    catalogue = PREFIXES + f"ex:c a dcat:Catalog ; dct:title 'C' ; dcat:dataset {listed} ."
    reading = read(DcatBackend, http_server.says("/c.ttl", catalogue))
    assert sorted(reading.order) == sorted([f"{base}/1.ttl", "https://data.example/deux"])
    # What is listed and gone is gone; what cannot be read now is not, and nothing may be removed for it.
    assert reading.cursor.reasons == []
    http_server.says("/2.ttl", "<html></html>")
    broken = read(DcatBackend, base + "/c.ttl")
    assert (len(broken.order), broken.cursor.reasons) == (1, ["unexpected-content"])
    assert broken.slugs().count("unexpected-content") == 1
    # The catalogue alone does not say that nothing changed.
    assert broken.cursor.state["document"]["pages"] != 1
    # A catalogue that describes its datasets has leftovers in its list, and nobody asks for them.
    here = catalogue + " ex:c dcat:dataset ex:here . ex:here a dcat:Dataset ; dct:title 'Ici'@fr ."
    assert read(DcatBackend, http_server.says("/d.ttl", here)).order == ["https://data.example/here"]


# -- what a line-by-line reading found


@pytest.mark.parametrize("place", ["property", "type", "nested", "import"])
def test_no_context_inside_a_context_is_fetched_by_the_parser(http_server: SourceServer, place: str) -> None:
    """JSON-LD 1.1 lets every term have a context of its own (section 4.1.8); rdflib would open the connection itself, past all limits."""
    asked = http_server.url + "/inside.jsonld"
    scoped: dict[str, Any] = {
        "property": {**IN_JSON["@context"], "title": {"@id": "dct:title", "@context": asked}},
        "type": {**IN_JSON["@context"], "T": {"@id": "dcat:Dataset", "@context": asked}},
        "nested": [{**IN_JSON["@context"], "a": {"@id": "dct:a", "@context": {"b": {"@id": "dct:b", "@context": [asked]}}}}],
        "import": {**IN_JSON["@context"], "a": {"@id": "dct:a", "@context": {"@import": asked}}},
    }
    used = {"@type": ["dcat:Dataset", "T"], "dct:title": "Autre", "title": {"dct:x": "y"}, "a": {"b": {"c": "d"}}}
    document = {"@context": scoped[place], "@graph": [*IN_JSON["@graph"], used]}
    reading = read(DcatBackend, http_server.says("/c", json.dumps(document)))
    assert "x-1" in reading.order
    agents = {headers.get("User-Agent", "") for _method, path, headers in http_server.requests if path == "/inside.jsonld"}
    assert all("ckanext-ogptn" in agent for agent in agents), agents


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-16-be"])
def test_entities_in_other_encodings_are_refused_too(http_server: SourceServer, encoding: str) -> None:
    declared = "".join(f'<!ENTITY a{n + 1} "{f"&a{n};" * 10}">' for n in range(3))
    attack = (XML % IN_XML).replace("<rdf:RDF", f'<!DOCTYPE rdf:RDF [<!ENTITY a0 "x">{declared}]><rdf:RDF')
    for document in (attack, attack.replace("utf-8", encoding), attack.split("?>", 1)[1]):
        with pytest.raises(SourceError) as caught:
            read(DcatBackend, http_server.says("/a", document.encode(encoding)))
        assert caught.value.slug == "xml-entities"


@pytest.mark.parametrize("encoding", ["iso-8859-1", "windows-1252", "utf-16", "utf-16-le", "windows-1256"])
def test_xml_in_other_encodings_is_whole(http_server: SourceServer, encoding: str) -> None:
    title = "جودة" if encoding == "windows-1256" else "Qualité de l'été"
    document = (XML % IN_XML).replace("utf-8", encoding.removesuffix("-le")).replace("Titre", title)
    reading = read(DcatBackend, http_server.says("/a", document.encode(encoding), Content_Type="application/rdf+xml"))
    assert title in reading.only()["title_translated"].values()
    assert (reading.cursor.reasons, "damaged-xml" in reading.slugs()) == ([], False)
    # Another encoding declared than written.
    reading = read(DcatBackend, http_server.says("/b", document.encode(), Content_Type="application/rdf+xml"))
    assert title in reading.only()["title_translated"].values()


def test_nameless_datasets_of_one_landing_page_are_several(http_server: SourceServer) -> None:
    """A portal that gives its own front page as everyone's landing page: three datasets were one."""
    pages = "dcat:landingPage <https://u.example/data/>"
    body = PREFIXES + "".join(nameless(f'dct:title "{title}"@fr ; {pages}', f"{title}.csv") for title in ("Eau", "Air", "Sol"))
    reading = read(DcatBackend, http_server.says("/a.ttl", body))
    assert len(reading.records) == len(reading.order) == 3
    # In another order they are the same three.
    lines = body.split("\n")
    turned = "\n".join([*lines[:-4], *reversed(lines[-4:])])
    assert read(DcatBackend, http_server.says("/b.ttl", turned)).hashes == reading.hashes


def test_one_of_several_landing_pages_is_always_the_same_one(http_server: SourceServer) -> None:
    both = ("<https://u.example/ar>", "<https://u.example/fr>")
    found = [
        read(
            DcatBackend,
            http_server.says("/a.ttl", PREFIXES + nameless(f'dct:title "Eau"@fr ; dcat:landingPage {" , ".join(pages)}', "1.csv")),
        ).order
        for pages in (both, both[::-1])
    ]
    assert found[0] == found[1]


def test_what_is_not_one_dataset_where_the_catalogue_points_is_not_gone(http_server: SourceServer) -> None:
    base = http_server.url
    http_server.says("/1.ttl", PREFIXES + "ex:un a dcat:Dataset ; dct:title 'Un'@fr .")
    http_server.says("/2.ttl", PREFIXES + "ex:a a dcat:Dataset ; dct:title 'A' . ex:b a dcat:Dataset ; dct:title 'B' .")
    http_server.says("/3.ttl", PREFIXES + f"<{base}/3.ttl> a foaf:Document .")
    catalogue = PREFIXES + "ex:c a dcat:Catalog ; dcat:dataset " + ", ".join(f"<{base}/{n}.ttl>" for n in (1, 2, 3)) + " ."
    reading = read(DcatBackend, http_server.says("/c.ttl", catalogue))
    assert reading.order == ["https://data.example/un"]
    assert reading.cursor.reasons
    assert reading.slugs().count("unexpected-content") == 2


def test_nothing_is_lost_that_a_catalogue_says(http_server: SourceServer, accepted: Any) -> None:
    """Shapes of GovData, of Italian catalogues and of DCAT-AP's high-value profile."""
    body = (
        PREFIXES
        + """
      @prefix ap: <http://data.europa.eu/r5r/> . @prefix de: <http://dcat-ap.de/def/dcatde/> . @prefix prov: <http://www.w3.org/ns/prov#> .
      ex:1 a dcat:Dataset ; dct:title "Sols"@fr ; dct:identifier "a-1" , "b-2" ; adms:identifier "doi:10.1/x" ;
        dcat:landingPage <https://x.example/ar> , <https://x.example/fr> ; dct:source "registre" ; dct:hasVersion ex:2 ;
        dct:subject [ a skos:Concept ; skos:prefLabel "2441 bilancio"@it ] ; de:legalBasis "Loi 2016-22" ;
        ap:hvdCategory <http://data.europa.eu/bna/c_ac64a52d> ; dcat:spatialResolutionInMeters "10.0" ;
        dct:publisher [ foaf:name "Office" ] ; dct:rightsHolder [ foaf:name "Commune" ] ;
        dct:contributor [ a foaf:Person ; foaf:name "Jane Doe" ] ;
        prov:qualifiedAttribution [ a prov:Attribution ; dcat:hadRole "processor" ; prov:agent [ foaf:name "Bureau" ] ] ;
        dcat:distribution ex:1f .
      ex:1 dcat:contactPoint <https://www.office.example/> ; foaf:homepage <https://x.example/home> ; rdfs:label "Sols" .
      ex:1f a dcat:Distribution ; dct:title "F"@fr ; dcat:downloadURL <https://x.example/f.zip> ; dcat:accessURL <https://x.example/page> ;
        dct:license <https://creativecommons.org/licenses/by/4.0/> ; dct:rights "Source obligatoire" ;
        de:licenseAttributionByText "Commune de X, 2015" ; adms:status <http://purl.org/adms/status/Completed> ;
        ap:availability <http://publications.europa.eu/resource/authority/planned-availability/STABLE> ; dct:conformsTo "Une règle" ;
        dcat:accessService [ a dcat:DataService ; dct:title "WMS" ; dcat:endpointURL <https://x.example/wms> ] .
    """
    )
    reading = read(DcatBackend, http_server.says("/a.ttl", body))
    found = reading.only()
    extras = {extra["key"].removeprefix("original_"): extra["value"] for extra in found["extras"]}
    assert found["hvd_category"] == ["geospatial"]
    assert (extras["source"], extras["legalBasis"], extras["subject"]) == ("registre", "Loi 2016-22", "2441 bilancio")
    assert extras["identifier"] == "doi:10.1/x, b-2"
    assert (extras["url"], extras["rightsHolder"], extras["hasVersion"]) == ("https://x.example/fr", "Commune", "https://data.example/2")
    assert (extras["spatialResolutionInMeters"], extras["homepage"]) == ("10.0", "https://x.example/home")
    assert "label" not in extras
    assert found["contact"] == [{"url": "https://www.office.example/"}]
    assert "Bureau" in extras["qualifiedAttribution"] and "processor" in extras["qualifiedAttribution"]
    assert "Doe" not in str(found)
    (file,) = found["resources"]
    assert (file["license"], file["status"], file["availability"]) == ("CC_BY_4_0", "COMPLETED", "STABLE")
    for words in ("https://x.example/page", "Source obligatoire", "Commune de X, 2015", "Une règle", "WMS", "https://x.example/wms"):
        assert words in str(found), words
    shown = accepted(found, "sols")
    assert any(extra["value"] == "Loi 2016-22" for extra in shown["extras"])


def test_a_file_is_called_better_by_its_ending(http_server: SourceServer) -> None:
    """Madrid calls its workbooks "XLS", London its CSV "text/plain"."""
    files = ("XLS", "a.xlsx"), ("text/plain", "a.csv"), ("XLS", "a.xls"), ("CSV", "a.txt")
    body = (
        PREFIXES
        + 'ex:1 a dcat:Dataset ; dct:title "A" ; foaf:homepage <https://x.example/home> ; dcat:distribution '
        + " , ".join(
            f'[ dct:title "{place}" ; dct:format "{name}" ; dcat:accessURL <https://x.example/{file}> ]'
            for place, (name, file) in enumerate(files)
        )
    )
    found = read(DcatBackend, http_server.says("/a.ttl", body + " .")).only()
    assert [resource["format"] for resource in found["resources"]] == ["XLSX", "CSV", "XLS", "CSV"]
    assert found["url"] == "https://x.example/home"


def test_persons_can_be_left_out(http_server: SourceServer) -> None:
    body = (
        PREFIXES
        + """ex:1 a dcat:Dataset ; dct:title "A" ; dct:creator [ a foaf:Person ; foaf:name "Jane Doe" ] ;
        dct:publisher [ a foaf:Organization ; foaf:name "Office" ] ; dcat:contactPoint [ vcard:fn "John Doe" ] ."""
    )
    url = http_server.says("/a.ttl", body)
    assert "creator" in read(DcatBackend, url).only()
    found = read(DcatBackend, url, options={"keep_contacts": False}).only()
    assert ("Doe" in str(found), found["source_publisher"]) == (False, "Office")


@pytest.mark.parametrize("body", [
    "<?xml version='1.0'?><rdf:RDF>&</rdf:RDF>" + "<!---->" * 200 + "x",
    "\n" * 300_000 + "@prefix a: <x",
    "@prefix a: <https://a.example/> " + "\n" * 300_000 + "?",
])  # fmt: skip
def test_what_cannot_be_repaired_costs_no_time(http_server: SourceServer, body: str) -> None:
    with in_time(), pytest.raises(SourceError):
        read(DcatBackend, http_server.says("/a", body))
