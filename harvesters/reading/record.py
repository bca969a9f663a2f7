"""A record of the portal, read: what it is about, and from which words that is known."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import Any

from . import companies, dates, titles, units
from .text import Finding, Text, terms, words

CONTRACTS = ("contract", "amendment", "model_contract")
GRANTS = ("permit", "concession")
TABLES = ("production", "trade", "consumption", "price", "revenue", "reserves")
#: Kinds that any record of the sector may be: another publisher's record of fuels or salt is none of them.
LOOSE = (*TABLES, "ownership", "environmental_social", "other")
#: Substances that no other trade uses as a word of its own, as it does iron, sand and salt: a title that names one is about the sector.
ABOUT = frozenset(("2709", "2710", "2711", "2716", "2510", "hydrocarbons"))
#: Documents that belong to a permit or a concession whose title does not call itself a contract.
GRANT_DOCUMENTS = frozenset(
    (
        "cahier_charges",
        "arrete",
        "convention",
        "avenant",
        "concession_agreement",
        "contrat_association",
        "partage_production",
        "service_agreement",
        "procedural_contract",
        "memorandum",
    )
)


@dataclass
class Reading:
    """What a record says.

    :ivar kind: of the vocabulary ``record_kinds``; ``""`` when the record is not about energy or mines
    :ivar doubts: ``(slug, field, what was seen)`` of all that is left for a person
    """

    kind: str = ""
    sectors: list[str] = field(default_factory=list)
    commodities: list[str] = field(default_factory=list)
    documents: list[str] = field(default_factory=list)
    permits: list[titles.Title] = field(default_factory=list)
    parties: companies.Parties = field(default_factory=companies.Parties)
    dates: dict[str, str] = field(default_factory=dict)
    unit: str = ""
    streams: list[str] = field(default_factory=list)
    period: tuple[str | None, str | None] | None = None
    found: dict[str, list[Finding]] = field(default_factory=dict)
    doubts: list[tuple[str, str, str]] = field(default_factory=list)

    @property
    def extractive(self) -> bool:
        return bool(self.kind)

    def note(self, name: str, *findings: Finding) -> None:
        self.found.setdefault(name, []).extend(findings)


@dataclass
class Source:
    """The texts of a record by what they are."""

    title: Text
    slug: Text
    notes: Text
    publisher: Text
    tags: list[Text]
    names: list[Text]
    files: list[Text]

    @classmethod
    def of(cls, record: Mapping[str, Any]) -> Source:
        """A ministry's name is no word of its sector, in titles: "Budget du ministère de l'énergie" is about no energy.

        :param record: ``title``, ``name``, ``notes``, ``publisher``, ``tags``: ``[str]``, ``resources``: ``[{"name", "file"}]``"""
        resources = record.get("resources") or []
        notes = record.get("notes") or ""
        return cls(
            _without_ministry(Text.of("title", record.get("title") or "")),
            Text.of("name", (record.get("name") or "").replace("-", " ")),
            Text.of("notes", "" if notes.strip().lower() in ("notspecified", "not specified") else notes),
            Text.of("publisher", record.get("publisher") or ""),
            [_without_ministry(Text.of(f"tags-{at}", tag)) for at, tag in enumerate(record.get("tags") or [])],
            [Text.of(f"resources-{at}-name", each.get("name") or "") for at, each in enumerate(resources)],
            [Text.of(f"resources-{at}-file", each.get("file") or "") for at, each in enumerate(resources)],
        )


#: Ministries of this sector and what they are in charge of; names of companies that are made of their products' names.
_MINISTRY = re.compile(
    r"(minist[eè]re|direction(?: g[ée]n[ée]rale| centrale| r[ée]gionale)*|وزارة|الإدارة العامة)\s*"
    r"(?:(?:charg[ée]e?|de|du|des|d|l|la|les|et|en|و)[\s'’]*|,\s*"
    r"|و?(?:ال)?(?:صناعة|طاقة|مناجم|انتقال|طاقي|مؤسسات|صغرى|متوسطة)\s*"
    r"|(?:industrie|[ée]nergies?|mines|pme|petites|moyennes|entreprises|renouvelables|transition|[ée]nerg[ée]tique|commerce|technologies?"
    r"|carri[eè]res?|hydrocarbures?)\b[\s,]*)+",
    re.IGNORECASE,
)
_COMPANY = re.compile(
    r"soci[ée]t[ée] tunisienne d(?:e l)?.\s?[ée]lectricit[ée] et (?:du|de) gaz|الشركة التونسية للكهرباء والغاز", re.IGNORECASE
)


def _without_ministry(text: Text) -> Text:
    return Text(text.place, " ".join(_MINISTRY.sub(r"\1 ", text.shown).split()))


@dataclass(frozen=True)
class _Substance:
    code: str
    sectors: tuple[str, ...]
    pattern: re.Pattern[str]
    weak: bool


@cache
def _substances() -> tuple[_Substance, ...]:
    return tuple(
        _Substance(row["code"], tuple(row["sectors"]), words(*row["words"]), row.get("weak", False)) for row in terms()["substances"]
    )


@cache
def _kinds() -> tuple[tuple[str, re.Pattern[str]], ...]:
    return tuple((name, words(*each)) for name, each in terms()["kinds"].items())


@cache
def _documents() -> tuple[tuple[str, re.Pattern[str]], ...]:
    return tuple((name, words(*each)) for name, each in terms()["documents"].items())


@cache
def _file_documents() -> tuple[tuple[str, re.Pattern[str]], ...]:
    return tuple((name, re.compile("|".join(each))) for name, each in terms()["file_documents"].items())


def _listed(name: str) -> re.Pattern[str]:
    return words(*terms()[name])


_LEGAL = re.compile(
    r"\b(?:codes? (?:des|minier|de)|lois?|constitution|projet de loi|arretes?|decrets?|reglementation|guide|circulaire)\b|قانون|مجله"
)
_AMENDMENT = re.compile(
    r"(?:^(?:tn\s*-*\s*)?|^(?!.*\bconventions?\b[^:]*:)[^:]*[:-]\s+)(?:(?:l.)?avenants?|additifs?|amendements? n|ملحق)\b"
)
_CONVENTION = re.compile(
    r"\bconvention particuliere|\bregissant le permis"
    r"|\bcontrats? (?:types? )?(?:d.association|association|petroliers?|de partage de (?:la )?production)|\bpetroli|اتفاقيه (?:ال)?خاصه"
    r"|عقد (?:ال)?(?:اقتسام|تقاسم|تقسيم) (?:ال)?انتاج|عقد (?:ال)?(?:شراكه|مشاركه)(?=.*رخص)"
)
_CAHIER = re.compile(
    r"cahiers? (?:des? )?charges?|contrats? types?|conventions? types?|modeles? de (?:contrat|convention)|كراس(?:ات)? (?:ال)?شروط"
)
#: Not "par concession", "par permis": there a table is broken down.
_GRANT = re.compile(
    r"(?<![^\W_])(?<!\bpar )(?<!حسب )(?:(?P<permit>permis|titres? miniers?"
    r"|autorisations? de (?:prospection|recherches?|carrieres?)|(?:لل?|ل|ال)?رخص(?:ه)?)"
    r"|(?P<concession>concessions?|(?:لل?|ل|ال)?امتياز(?:ات)?))(?![^\W_])"
)
_ENERGY_FLOW = re.compile(r"\bbilans? (?:\w+ ){0,4}(?:de l.|d.)?energ|\bbilans? energetiq")
#: What follows is what a quantity was made of or was meant for, and no substance of the record's own.
_INPUT = re.compile(r"\b(?:a partir d(?:u|es|e l.|e la|e|.)|par (?:types? de )?combustibles?|pour la production|destinee?s? a)\b")
#: A title of these words alone leaves it to its files to say what they are about: "Rapports & Bilans".
_GENERIC = re.compile(
    r"(?:tn|les|la|le|des|de|du|et|rapports?|bilans?|documents?|publications?|statistiques?|donnees|resultats?|etats?|comptes?|annuels?"
    r"|annuelles?|financiers?|financieres?|activites?|annees?|\d{4}|\W)+"
)
#: "Liste des entreprises exportatrices de phosphate" counts no exports.
_LIST_OF_BODIES = re.compile(
    r"^\W*(?:tn\W+)?(?:(?:listes?|nombre|evolution du nombre|repartition)\s+d(?:es |'|e )\s*)?(?:les |la )?"
    r"(?:entreprises?|societes?|industries?|sites?|exportateurs?|importateurs?|fournisseurs?|clients?|producteurs?|abonnes?)\b"
)
_COUNT = re.compile(r"^\W*(?:tn\W+)?(?:evolution du )?(?:listes?|nombres?|annuaires?|قايمه|عدد)\b")
#: A title that begins so is that of a text of law, whatever it is a law of.
_LAW = re.compile(
    r"^\W*(?:tn\W+)?(?:projets? de )?(?:lois?|decrets?(?:-lois?)?|arretes?|codes?|circulaires?|ordonnances?|قانون|مجله|امر)\b"
)
_ONE_DOCUMENT = re.compile(r"\.(?:pdf|docx?|rar|zip)$")


def read(record: Mapping[str, Any]) -> Reading:
    """What a record is about.

    :param record: see `Source.of`
    """
    source = Source.of(record)
    reading = Reading()
    substances = _found_substances(source)
    _kind(reading, source, substances)
    if not reading.kind:
        return reading
    _substance_fields(reading, source, substances)
    _document_types(reading, source)
    if reading.kind in (*CONTRACTS, *GRANTS):
        _permits(reading, source)
        _sector_of_titles(reading)
        _parties(reading, source)
    if reading.kind in CONTRACTS:
        _signed(reading, source)
    else:
        _units(reading, source)
        _period(reading, source)
    if reading.kind == "revenue":
        _streams(reading, source)
    return reading


# ---------------------------------------------------------------------------------------------------------------------- substances
Found = dict[str, list[tuple[_Substance, Finding]]]


def _found_substances(source: Source) -> Found:
    groups = {
        "title": [source.title],
        "slug": [source.slug],
        "notes": [_without_ministry(source.notes)],
        "names": source.names,
        "tags": source.tags,
    }
    found: Found = {}
    for name, texts in groups.items():
        here: list[tuple[_Substance, Finding]] = []
        for whole in texts:
            text = Text(whole.place, _COMPANY.sub("STEG", whole.shown))
            made = _made_of(text)
            spans: list[tuple[int, _Substance, Finding]] = []
            for substance in _substances():
                match = substance.pattern.search(text.plain)
                if match and made is not None and match.start() >= made:
                    continue
                if match:
                    spans.append((match.start(), substance, Finding.at(substance.code, "substance", text, *match.span())))
            here += [(substance, finding) for _at, substance, finding in sorted(spans, key=lambda each: each[0])]
        found[name] = here
    return found


def _made_of(text: Text) -> int | None:
    """Where a text begins to say what something was made of, if it has named a substance before."""
    found = text.find(_INPUT)
    if found is None or not any(substance.pattern.search(text.plain, 0, found.start()) for substance in _substances()):
        return None
    return found.start()


def _substance_fields(reading: Reading, source: Source, found: Found) -> None:
    """Commodities and sectors: the title's, with what notes and files add; tags only where nothing else says any."""
    chosen: list[tuple[_Substance, Finding]] = []
    if reading.kind in (*TABLES, "other", "ownership"):
        order = (("title", "notes"), ("names",), ("slug",), ("tags",))
    else:
        order = (("title", "notes", "names"), ("tags",), ("slug",))
    for group in order:
        chosen = [each for name in group for each in found[name]]
        if found["title"] and all(substance.code == "2716" for substance, _finding in found["title"] if not substance.weak):
            # Fuels that the notes on electricity name are what it was made of.
            chosen = [each for each in chosen if each in found["title"] or each[0].code in ("2716", "")]
        if any(substance.sectors and not substance.weak for substance, _finding in chosen):
            break
    else:
        chosen = next(([each for name in group for each in found[name]] for group in order if any(found[name] for name in group)), [])
    if any(not substance.weak and substance.sectors for substance, _finding in chosen):
        chosen = [(substance, finding) for substance, finding in chosen if not substance.weak]
    codes = list(dict.fromkeys(substance.code for substance, _finding in chosen if substance.code))
    sectors = list(dict.fromkeys(sector for substance, _finding in chosen for sector in substance.sectors))
    hydrocarbons = _is_of_hydrocarbons(source)
    if reading.kind in CONTRACTS and not codes and not set(sectors) - {"oil", "gas"}:
        # The special convention is the hydrocarbon law's own instrument (code des hydrocarbures, loi 99-93); mining titles have
        # specifications ("cahier des charges").
        codes, sectors = ["hydrocarbons"], ["oil", "gas"]
        if not hydrocarbons and not chosen:
            reading.doubts.append(("unsure-sector", "sectors", source.title.shown))
        elif hydrocarbons:
            reading.note("commodities", hydrocarbons)
    if reading.kind in CONTRACTS and "hydrocarbons" in codes:
        codes = [code for code in codes if code not in ("2709", "2710")]
    reading.note("commodities", *(finding for _substance, finding in chosen))
    if not sectors:
        reading.doubts.append(("unsure-sector", "sectors", source.title.shown))
    reading.commodities, reading.sectors = codes, sectors or ["other"]


def _is_of_hydrocarbons(source: Source) -> Finding | None:
    for text in (source.title, source.notes, *source.tags, *source.names):
        if match := _CONVENTION.search(text.plain):
            return Finding.at("hydrocarbons", "petroleum-contract", text, *match.span())
    return None


# ---------------------------------------------------------------------------------------------------------------------------- kind
def _kind(reading: Reading, source: Source, found: Found) -> None:
    title = source.title
    about = found["title"] or found["slug"] or found["notes"]
    anywhere = [finding for name in ("title", "notes", "names", "tags", "slug") for _substance, finding in found[name]]
    refused = title.find(_listed("not_extractive")) or source.slug.find(_listed("not_extractive"))
    if refused is None:
        for name, finding in (
            _contract_kind(source, bool(anywhere)),
            _grant_kind(source, bool(anywhere)),
            _table_kind(source, found),
            _other_kind(source, found),
        ):
            if name:
                if name in LOOSE and source.publisher.find(_listed_part("other_publishers")):
                    break
                reading.kind = name
                reading.note("record_kind", finding)
                if name in TABLES:
                    _several_kinds(reading, title, name)
                return
    for text in (title, source.notes, *source.tags):
        if match := text.find(_listed("perhaps")) or text.find(_listed("about")):
            reading.doubts.append(("unsure-extractive", "type", f"{title.shown} ({text.quote(*match.span())})"))
            return
    if about:
        reading.doubts.append(("unsure-extractive", "type", f"{title.shown} ({about[0][1].quote})"))


@cache
def _listed_part(name: str) -> re.Pattern[str]:
    return re.compile("|".join(terms()[name]))


def _contract_kind(source: Source, of_sector: bool) -> tuple[str, Finding]:
    title = source.title
    nothing = ("", Finding("", "", "", ""))
    documents = dict(_documents())
    if _LEGAL.search(title.plain) and not title.find(documents["convention"]):
        return nothing
    head = titles.headline(title)
    if amended := _AMENDMENT.search(title.plain):
        if of_sector or head or _is_of_hydrocarbons(source):
            return "amendment", Finding.at("amendment", "amendment-title", title, *amended.span())
        return nothing
    if cahier := _CAHIER.search(title.plain):
        if of_sector or _is_of_hydrocarbons(source):
            return "model_contract", Finding.at("model_contract", "specifications-title", title, *cahier.span())
        return nothing
    named = re.match(r"(?:tn\s*-*\s*)?(?:contrat|accord)\b", title.plain)
    if named and of_sector:
        return "contract", Finding.at("contract", "contract-title", title, *named.span())
    # "Permis X" may leave it to its files to say that they are a convention; "Permis de recherche X" says what it is.
    bare_permit = head is not None and not head[0] and "permis" in head[2].quote.lower()
    for text in (title, source.notes, *(source.names if bare_permit else ())):
        for name in ("convention", "contrat_association", "partage_production", "concession_agreement"):
            match = text.find(documents[name])
            if match is None:
                continue
            if text is source.notes and not re.search(r"regissant|conclue?\b", text.plain):
                continue
            names_one = head is not None or any(True for _each in titles.mentions(text))
            bare = names_one and _holds_documents(source) and (head is None or _is_proper(head[1]))
            named_in_sector = of_sector and names_one and (head is None or _is_proper(head[1]))
            if _is_of_hydrocarbons(source) or bare or named_in_sector:
                return "contract", Finding.at("contract", "contract-" + text.place.split("-")[0], text, *match.span())
    return nothing


def _is_proper(name: str) -> bool:
    """Whether a name alone, without any word of the sector, can be a permit's: no "convention d'essaimage", no "Convention UTICA"."""
    return name[:1].isupper() and not (name.isupper() and len(name) <= 6 and " " not in name)


def _holds_documents(source: Source) -> bool:
    """Whether the files are documents and not tables."""
    return bool(source.files) and all(_ONE_DOCUMENT.search(file.plain) for file in source.files)


def _grant_kind(source: Source, of_sector: bool) -> tuple[str, Finding]:
    title = source.title
    nothing = ("", Finding("", "", "", ""))
    match = _GRANT.search(title.plain)
    # A name in quotation marks is that of a title of this sector, even where no substance is named: permit "X".
    if match is None or not (of_sector or any(True for _each in titles.mentions(title, unquoted=False))):
        return nothing
    if any(earlier.start() < match.start() for _name, pattern in _kinds() if (earlier := pattern.search(title.plain))):
        return nothing
    if re.search(r"نسب|taux", title.plain):
        return nothing
    name = "permit" if match["permit"] is not None else "concession"
    return name, Finding.at(name, name + "-title", title, *match.span())


def _table_kind(source: Source, found: Found) -> tuple[str, Finding]:
    nothing = ("", Finding("", "", "", ""))
    if (
        _ENERGY_FLOW.search(source.title.plain)
        or _LAW.search(source.title.plain)
        or (_LEGAL.search(source.title.plain) and not found["title"])
    ):
        return nothing
    for text in (source.title, source.notes):
        if text is source.notes and not (found["title"] or found["slug"]):
            break
        best: tuple[int, str, Finding] | None = None
        for name, pattern in _kinds():
            match = pattern.search(text.plain)
            if match and (best is None or match.start() < best[0]) and not (best and best[1] == "price"):
                best = (match.start(), name, Finding.at(name, "word-" + text.place, text, *match.span()))
        if best is None:
            continue
        name = best[1]
        if found["title"] or found["slug"] or found["notes"]:
            if name in ("ownership", "environmental_social") and not found["title"]:
                continue
            if _LIST_OF_BODIES.search(text.plain):
                continue
            return name, best[2]
    return nothing


def _several_kinds(reading: Reading, title: Text, name: str) -> None:
    others = [other for other, pattern in _kinds() if other != name and other in TABLES and pattern.search(title.plain)]
    if others and name not in ("price", "revenue"):
        reading.doubts.append(("several-kinds", "record_kind", title.shown))


def _other_kind(source: Source, found: Found) -> tuple[str, Finding]:
    """About the sector, and no table of a quantity: by the words that say so, by a substance that the title names, or – where the title
    says nothing at all – by the names of all files but one in four."""
    title = source.title
    if match := title.find(_listed("about")):
        return "other", Finding.at("other", "about-" + title.place, title, *match.span())
    # "Liste des …", "Nombre de …" are about what is listed and counted: vehicles that run on gas are no gas.
    if not _LIST_OF_BODIES.search(title.plain) and not _COUNT.search(title.plain):
        for substance, finding in found["title"]:
            if substance.code in ABOUT and not substance.weak:
                return "other", Finding("other", "substance-title", title.place, finding.quote)
    if source.names and _GENERIC.fullmatch(title.plain):
        told = [(name, match) for name in source.names if (match := name.find(_listed("about")))]
        if len(told) * 4 >= len(source.names) * 3:
            name, match = told[0]
            return "other", Finding.at("other", "about-files", name, *match.span())
    return "", Finding("", "", "", "")


# ----------------------------------------------------------------------------------------------------------------------- documents
def _document_types(reading: Reading, source: Source) -> None:
    if reading.kind not in (*CONTRACTS, *GRANTS):
        return
    types: dict[str, None] = {}
    texts = [source.title, source.notes, *source.names] if reading.kind in CONTRACTS else [source.title, *source.names]
    for text in texts:
        for name, pattern in _documents():
            if reading.kind in GRANTS and name not in GRANT_DOCUMENTS:
                continue
            if match := text.find(pattern):
                if name == "convention" and re.search(r"\bavenants?\b[^,;.:]*$|ملحق[^،,;.:]*$", text.plain[: match.start()]):
                    # "Avenant n° 1 à la convention …" is no convention.
                    continue
                types.setdefault(name)
                reading.note("document_types", Finding.at(name, "document", text, *match.span()))
    if reading.kind == "permit":
        # A file that is called after one permit is that permit's document; a list of permits is none.
        for text in source.names:
            for _kind, _name, finding in titles.mentions(text):
                types.setdefault("permit_document")
                reading.note("document_types", finding)
    if reading.kind in CONTRACTS or (reading.kind in GRANTS and titles.headline(source.title)):
        for text, name_text in zip(source.files, source.names, strict=True):
            for name, pattern in _file_documents():
                match = pattern.search(text.plain)
                if (
                    match
                    and (name not in types)
                    and not any(p.search(name_text.plain) for n, p in _documents() if n != name and n != "convention")
                ):
                    types.setdefault(name)
                    reading.note("document_types", Finding.at(name, "document-file", text, *match.span()))
    if reading.kind == "model_contract":
        types = {name: None for name in types if name in ("cahier_charges", "model")}
    reading.documents = list(types)


# --------------------------------------------------------------------------------------------------------------------------- titles
def _permits(reading: Reading, source: Source) -> None:
    rows = titles.Titles()
    head = titles.headline(source.title) if reading.kind != "model_contract" else None
    # In a title all of capitals a name cannot be told from the other words.
    plain_names = reading.kind in ("contract", "amendment") and head is None and not source.title.shown.isupper()
    for kind, written, finding in titles.mentions(source.title, unquoted=plain_names):
        rows.add(kind, written, finding)
    if reading.kind in CONTRACTS:
        for kind, written, finding in titles.mentions(source.notes):
            rows.add(kind, written, finding)
        said = titles.key(source.title.shown)
        if head is not None and not any(row.key.startswith(titles.key(head[1])) and row.key in said for row in rows.rows):
            if rows.rows and not rows.has(head[1]) and not any(titles._same_place(row.name, head[1]) for row in rows.rows):
                reading.doubts.append(("other-title-name", "permits", f"{head[1]} – {', '.join(row.name for row in rows.rows)}"))
            rows.add(head[0], head[1], head[2])
    elif head is not None:
        rows.add(head[0], head[1], head[2])
    if reading.kind in GRANTS:
        for kind, written, finding in titles.mentions(source.notes):
            rows.add(kind, written, finding)
    for text in source.names:
        for kind, written, finding in titles.mentions(text):
            if not kind and rows.rows and not rows.has(written) and reading.kind == "contract":
                # "Convention permis marin Hammamet" below "Marin Golfe de Hammamet": the same one in other words, or another one.
                words_here = set(re.findall(r"\w+", titles.fold(written)))
                if any(words_here & set(re.findall(r"\w{3,}", titles.fold(row.name))) for row in rows.rows):
                    continue
            rows.add(kind, written, finding)
    if reading.kind == "model_contract":
        for text in (source.title, *source.names):
            if found := titles.of_cahier(text):
                rows.add("", *found)
    for row in rows.rows:
        written = row.found[0].value
        row.number = next((number for text in (source.title, source.notes, *source.names) if (number := titles.number(text, written))), "")
    reading.permits = rows.rows
    reading.note("permits", *(row.found[0] for row in rows.rows))
    if not rows.rows and reading.kind in ("contract", "amendment"):
        reading.doubts.append(("unsure-title", "permits", source.title.shown))
    elif reading.kind in CONTRACTS and source.notes.shown.endswith(("…", "...")):
        reading.doubts.append(("cut-off", "notes", source.notes.shown[-60:]))


@cache
def _hydrocarbon_titles() -> frozenset[str]:
    return frozenset(map(titles.key, terms()["hydrocarbon_titles"]))


def _sector_of_titles(reading: Reading) -> None:
    """Where no text names a substance, a permit that is known to be one of hydrocarbons says it."""
    known = [row for row in reading.permits if row.key in _hydrocarbon_titles()]
    if known and reading.sectors == ["other"]:
        reading.commodities, reading.sectors = ["hydrocarbons"], ["oil", "gas"]
        reading.doubts = [doubt for doubt in reading.doubts if doubt[0] != "unsure-sector"]
        reading.note("commodities", *(Finding("hydrocarbons", "known-title", row.found[0].place, row.found[0].quote) for row in known))


# --------------------------------------------------------------------------------------------------------------------------- parties
def _parties(reading: Reading, source: Source) -> None:
    found = companies.parties([source.notes, source.title])
    reading.parties = found
    reading.note("parties", *(party.found[0] for party in found.companies))
    for doubt in found.doubts:
        reading.doubts.append(("unsure-party", "parties", doubt.quote))
    for moved in found.transferred:
        reading.doubts.append(("transferred", "parties", moved.quote.strip()))


# ----------------------------------------------------------------------------------------------------------------------------- dates
def _signed(reading: Reading, source: Source) -> None:
    events = dates.dated_events(source.notes)
    for name, findings in dates.dated_events(source.title).items():
        events.setdefault(name, []).extend(findings)
    if "signed_on" not in events and reading.kind != "model_contract":
        # "Convention X du 12 mars 2010"
        for text in (source.title,):
            for date in dates.dates(text):
                if re.search(r"\b(?:du|le|en date du)\s*$", text.plain[: date.start]) and len(date.iso) > 4:
                    events["signed_on"] = [Finding.at(date.iso, "dated-title", text, date.start, date.end)]
    for name, findings in events.items():
        values = list(dict.fromkeys(finding.value for finding in findings))
        if len(values) == 1:
            reading.dates[name] = values[0]
            reading.note(name, *findings)
        else:
            reading.doubts.append(("unsure-date", name, " – ".join(finding.quote for finding in findings)))
    if "signed_on" not in reading.dates and not any(doubt[0] == "unsure-date" for doubt in reading.doubts):
        seen = []
        for name, file in zip(source.names, source.files, strict=True):
            if re.search(r"avenant|amend", name.plain + file.plain):
                continue
            for text in (name, file):
                seen += [text.quote(date.start, date.end) for date in dates.dates(text) if len(date.iso) == 10]
        if seen:
            reading.doubts.append(("unsure-date", "signed_on", ", ".join(dict.fromkeys(seen))))


def _period(reading: Reading, source: Source) -> None:
    found = dates.period([source.title, source.notes])
    if found is None and reading.kind in GRANTS and not any(True for _each in titles.mentions(source.title)):
        # A list of titles tells in its files of when it is.
        found = dates.period(source.names) or dates.of_files(source.files)
    if found is not None:
        reading.period = found.value
        reading.note("temporal_coverage", found)


# ----------------------------------------------------------------------------------------------------------------------------- units
def _units(reading: Reading, source: Source) -> None:
    # A report has several measures; what its title or a note of one line says is said of all of it.
    brief = [source.notes] if len(source.notes.shown) < 100 else []
    told = [source.title, source.notes, *source.names] if reading.kind in TABLES else [source.title, *brief]
    found = units.units(told, [source.slug] if reading.kind in TABLES else [])
    if found.contradicting:
        said = [*found.asserted, *found.contradicting]
        reading.doubts.append(("contradicting-units", "unit", "; ".join(f"{each.place}: {each.quote}" for each in said)))
    if found.asserted and not found.open:
        reading.unit = "; ".join(dict.fromkeys(each.quote for each in found.asserted))[:100]
        reading.note("unit", *found.asserted)


def _streams(reading: Reading, source: Source) -> None:
    for code, each in terms()["streams"].items():
        for text in (source.title, source.notes):
            if match := text.find(words(*each)):
                if code not in reading.streams:
                    reading.streams.append(code)
                reading.note("revenue_stream", Finding.at(code, "stream", text, *match.span()))
