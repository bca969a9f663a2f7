"""Datasets for search engines: schema.org (https://developers.google.com/search/docs/appearance/structured-data/dataset), and Croissant
(https://docs.mlcommons.org/croissant/docs/croissant-spec.html) for tables whose columns are known."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

import ckan.plugins as p
import ckan.plugins.toolkit as tk

from .. import config, names, vocabulary
from .. import text as t
from . import addresses

#: Google reads descriptions of 50 to 5,000 characters.
_LONGEST = 5_000
_CROISSANT_TYPES = {
    "int": "sc:Integer",
    "int4": "sc:Integer",
    "int8": "sc:Integer",
    "bigint": "sc:Integer",
    "numeric": "sc:Float",
    "float": "sc:Float",
    "float8": "sc:Float",
    "bool": "sc:Boolean",
    "date": "sc:Date",
    "timestamp": "sc:DateTime",
}


def as_text(document: Mapping[str, Any]) -> str:
    """The document as JSON."""
    return json.dumps(document, ensure_ascii=False, indent=1)


def _picked(value: Any, other: Any = "") -> str:
    return t.pick(value, config.reader_language()) if isinstance(value, Mapping) and value else str(other or "")


def _plain(markdown: str) -> str:
    text = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", markdown)
    return re.sub(r"\s+", " ", re.sub(r"[*_`#>]+", "", text)).strip()[:_LONGEST]


def _without_blanks(document: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in document.items() if value not in (None, "", [], {})}


def dataset(package: Mapping[str, Any]) -> dict[str, Any]:
    """A dataset, as ``package_show`` answers it, in the reader's language."""
    package = addresses.without_language(package)
    files = [file for file in package["resources"] if "://" in (file.get("url") or "")]
    return _without_blanks(
        {
            **_described(package),
            "distribution": [_download(file, package) for file in files],
            "variableMeasured": list(dict.fromkeys(column["name"] for file in package["resources"] for column in _columns(file))),
        }
    )


def _described(package: Mapping[str, Any]) -> dict[str, Any]:
    """What is said of the dataset itself."""
    title = _picked(package.get("title_translated"), package.get("title") or package["name"])
    notes = _plain(_picked(package.get("notes_translated"), package.get("notes")))
    language = config.reader_language()
    titles = package.get("title_translated")
    alternates = (
        [text for other, text in titles.items() if text and text != title and other != language] if isinstance(titles, Mapping) else []
    )
    keywords = [word for words in (package.get("tags_translated") or {}).values() for word in words] or [
        tag["name"] for tag in package.get("tags") or ()
    ]
    return _without_blanks(
        {
            "@context": "https://schema.org/",
            "@type": "Dataset",
            "@id": str(addresses.dataset(package["id"])),
            "url": tk.h.url_for(f"{package['type']}.read", id=package["name"], qualified=True),
            "name": title,
            "alternateName": alternates,
            "description": notes if len(notes) >= 50 else f"{title}. {notes}",
            "identifier": package.get("identifier") or package["id"],
            "keywords": list(dict.fromkeys(keywords)),
            "inLanguage": [code for code in (_language(one) for one in package.get("language") or ()) if code],
            "license": _licence(package.get("license_id")),
            "isAccessibleForFree": package.get("access_rights") in (None, "", "PUBLIC"),
            "datePublished": package.get("issued") or (package.get("metadata_created") or "")[:10],
            "dateModified": package.get("modified") or (package.get("metadata_modified") or "")[:10],
            "version": package.get("version"),
            "publisher": _publisher(package),
            "creator": _agent(package.get("creator")) or _publisher(package),
            "temporalCoverage": [f"{row.get('start', '..')}/{row.get('end', '..')}" for row in package.get("temporal_coverage") or ()],
            "spatialCoverage": [_place(code) for code in package.get("governorates") or ()],
            "sameAs": package.get("url") or package.get("source_url"),
            "includedInDataCatalog": {
                "@type": "DataCatalog",
                "name": config.site_titles()[language],
                "url": str(tk.config["ckan.site_url"]),
            },
        }
    )


def _language(code: str) -> str | None:
    term = vocabulary.get("languages").find(code)
    return next((alias for alias in term.aliases if len(alias) == 2), None) if term else None


def _licence(code: Any) -> str | None:
    term = vocabulary.get("licences").find(str(code)) if code else None
    return (term.more.get("url") or str(addresses.term("licences", term.code))) if term else None


def _agent(rows: Any) -> dict[str, Any] | None:
    for row in rows or ():
        name = _picked(row.get("name_translated"), row.get("identifier"))
        if name:
            return _without_blanks({"@type": "Organization", "name": name, "url": row.get("url"), "sameAs": row.get("uri")})
    return None


def _publisher(package: Mapping[str, Any]) -> dict[str, Any] | None:
    given = _agent(package.get("publisher"))
    organization = package.get("organization")
    if given or not organization:
        return given
    from ckan import model

    group = model.Group.get(organization["id"])
    name = t.pick(names.organization_titles(group), config.reader_language()) if group else ""
    return {
        "@type": "Organization",
        "name": name or organization.get("title") or organization["name"],
        "url": tk.h.url_for("organization.read", id=organization["name"], qualified=True),
    }


def _place(code: str) -> dict[str, Any]:
    term = vocabulary.get("governorates").find(code)
    found: dict[str, Any] = {"@type": "Place", "name": vocabulary.label("governorates", code, config.reader_language())}
    if term and (box := term.more.get("bbox")):
        west, south, east, north = box
        found["geo"] = {"@type": "GeoShape", "box": f"{south} {west} {north} {east}"}
    return found


def _download(resource: Mapping[str, Any], package: Mapping[str, Any]) -> dict[str, Any]:
    term = vocabulary.get("file_types").find(str(resource.get("format") or ""))
    return _without_blanks(
        {
            "@type": "DataDownload",
            "@id": str(addresses.resource(package["id"], resource["id"])),
            "name": _picked(resource.get("name_translated"), resource.get("name")),
            "description": _plain(_picked(resource.get("description_translated"), resource.get("description"))),
            "contentUrl": resource["url"],
            "encodingFormat": resource.get("mimetype") or (term.more.get("media_type") if term else None) or resource.get("format"),
            "contentSize": f"{resource['size']} B" if resource.get("size") else None,
            "dateModified": resource.get("modified"),
            "license": _licence(resource.get("license")),
        }
    )


def _columns(resource: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Columns as ``{"name", "type"?, "label"?}``: of the table in the DataStore, else those that the record describes."""
    if resource.get("datastore_active") and p.plugin_loaded("datastore"):
        try:
            # Without the counts of rows and bytes, which the database makes anew each time.
            found = tk.get_action("datastore_info")({"ignore_auth": True}, {"id": resource["id"], "include_meta": False})
        except (tk.ObjectNotFound, tk.ValidationError):
            found = {"fields": []}
        return [
            {"name": field["id"], "type": field["type"], "label": (field.get("info") or {}).get("label") or ""}
            for field in found["fields"]
            if field["id"] != "_id"
        ]
    described = [row for row in resource.get("columns") or () if row.get("name")]
    return [{"name": row["name"], "type": "text", "label": _picked(row.get("title_translated"))} for row in described]


def croissant(package: Mapping[str, Any]) -> dict[str, Any]:
    """A dataset's tables as Croissant 1.0: a record set for each file whose columns are known."""
    package = addresses.without_language(package)
    files, record_sets = [], []
    for resource in package["resources"]:
        if "://" not in (resource.get("url") or ""):
            continue
        known = _download(resource, package)
        node = str(resource["id"])
        algorithm = {"SHA256": "sha256", "MD5": "md5"}.get(str(resource.get("hash_algorithm")))
        files.append(
            _without_blanks(
                {
                    **{name: value for name, value in known.items() if name not in ("@type", "license", "dateModified")},
                    "@type": "cr:FileObject",
                    "@id": node,
                    "name": known.get("name") or node,
                    "encodingFormat": known.get("encodingFormat") or "application/octet-stream",
                    # The specification wants one; of a file elsewhere nobody knows it.
                    **({algorithm: resource.get("hash")} if algorithm else {"sha256": "unknown"}),
                }
            )
        )
        columns = _columns(resource)
        if columns:
            record_sets.append(
                {
                    "@type": "cr:RecordSet",
                    "@id": f"{node}/records",
                    "name": f"records-{node}",
                    "field": [
                        _without_blanks(
                            {
                                "@type": "cr:Field",
                                "@id": f"{node}/records/{column['name']}",
                                "name": column["name"],
                                "description": column.get("label"),
                                "dataType": _CROISSANT_TYPES.get(str(column.get("type")), "sc:Text"),
                                "source": {"fileObject": {"@id": node}, "extract": {"column": column["name"]}},
                            }
                        )
                        for column in columns
                    ],
                }
            )
    return {
        **_described(package),
        "@context": _CROISSANT_CONTEXT,
        "@type": "sc:Dataset",
        "conformsTo": "http://mlcommons.org/croissant/1.0",
        "distribution": files,
        "recordSet": record_sets,
    }


#: The context that the specification prescribes (Croissant 1.0, appendix 1).
_CROISSANT_CONTEXT = {
    "@language": "en",
    "@vocab": "https://schema.org/",
    "citeAs": "cr:citeAs",
    "column": "cr:column",
    "conformsTo": "dct:conformsTo",
    "cr": "http://mlcommons.org/croissant/",
    "rai": "http://mlcommons.org/croissant/RAI/",
    "data": {"@id": "cr:data", "@type": "@json"},
    "dataType": {"@id": "cr:dataType", "@type": "@vocab"},
    "dct": "http://purl.org/dc/terms/",
    "examples": {"@id": "cr:examples", "@type": "@json"},
    "extract": "cr:extract",
    "field": "cr:field",
    "fileProperty": "cr:fileProperty",
    "fileObject": "cr:fileObject",
    "fileSet": "cr:fileSet",
    "format": "cr:format",
    "includes": "cr:includes",
    "isLiveDataset": "cr:isLiveDataset",
    "jsonPath": "cr:jsonPath",
    "key": "cr:key",
    "md5": "cr:md5",
    "parentField": "cr:parentField",
    "path": "cr:path",
    "recordSet": "cr:recordSet",
    "references": "cr:references",
    "regex": "cr:regex",
    "repeated": "cr:repeated",
    "replace": "cr:replace",
    "sc": "https://schema.org/",
    "separator": "cr:separator",
    "source": "cr:source",
    "subField": "cr:subField",
    "transform": "cr:transform",
}
