"""Permits and concessions: their kind, name and number, wherever a record names them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cache

from ckanext.ogptn.catalogue import text as t

from .text import Finding, Text, fold, terms

#: What stands between the word for a title and its name, by what it says of the title's kind.
_KINDS = (
    ("prospecting_authorisation", r"autorisations? de prospection|ترخيص (?:ال)?استكشاف"),
    ("prospecting_permit", r"permis de prospection|رخص?ه? (?:ال)?استكشاف"),
    ("exploration_permit", r"permis (?:de |d.)?(?:recherches?|exploration)|رخص?ه? (?:ال)?بحث"),
    ("exploitation_concession", r"(?:concessions?|conces\.?)(?: d.exploitations?)?|امتياز(?:ات)?(?: (?:ال)?استغلال)?"),
    ("quarry_authorisation", r"autorisations? (?:d.exploitation )?de carrieres?"),
    ("", r"permis(?: d.exploitation)?|permit|رخص?ه?"),
)
_WORD = re.compile(
    r"(?<![^\W_])(?:les\s+deux\s+)?(?:و?(?:لل|[فبكل])?(?:ال)?)?(?:"
    + "|".join(f"(?P<k{at}>{words})" for at, (_kind, words) in enumerate(_KINDS))
    + r")(?![^\W_])"
)
_QUOTED = re.compile(r"""\s*(?:"\s*(?P<a>[^"]{2,60}?)\s*"|(?<!\w)'\s*(?P<b>[^"']{2,60}?)\s*["'](?!\w))""")
_BETWEEN = re.compile(r"[\s,;.]*(?:(?:et|and|ou|ainsi que|و)\s+|-\s)?(?:(?:de |la |le |les |l')*)")
#: What may follow the word before the name begins.
_LINK = re.compile(
    r"\s*(?:(?:dite?s?|denommee?s?|appelee?s?|nommee?s?|intitulee?s?|suivante?s?)\s*)?[:\s]*(?:du\s+\w+\s+groupe\s*)?"
    r"(?:\(?\s*n(?:\s*°|o\b|um\w*)?\s*:?\s*\d+(?:[/-]\d+)?\s*\)?\s*)?"
    r"(?:(?:d'|des |de |du )(?:hydrocarbures?|sels?|phosphates?|gypse|fer|plomb|zinc|barytine|marbre|argiles?)\s*(?=\")"
    r"|(?:عن )?(?:ال)?محروقات\s*)?"
)
_OF = re.compile(r"(?:de la |de l'|du |de |des |d'|le |la |l')?\s*")
#: A word of a name: capital letter, or one that names have in the middle or at the end.
_NAME_WORD = r"(?:[A-ZÀ-ÖØ-Þ][\w'-]*|(?i:el|al|es|ed|ben|bir|sidi|ras|oued|jebel|djebel|henchir|bou|ksar|nord|sud|est|ouest|centre|marin|marine|offshore|onshore|golfe)(?!\w)|(?:de|du|la|le)(?=\s+[A-ZÀ-Þ])|[IVX]+|\d{1,2}(?![\d.]))"  # noqa: E501
_NAME = re.compile(rf"[A-ZÀ-ÖØ-Þ][\w'-]*(?:[\s-]+{_NAME_WORD})*")
_COMPASS = frozenset(("sud", "nord", "est", "ouest", "centre", "sahel", "sud-est", "sud-ouest", "nord-est", "nord-ouest"))
#: At the head of a title: what kind of document it is, then whose.
_HEAD = re.compile(
    r"^(?:tn\s*-*\s*)?(?:(?:la |le |l')?(?:conventions?(?: et (?:ses )?(?:annexes|avenants|cahier des charges))?"
    r"|contrats?(?: d.association| de partage de (?:la )?production| petrolier)?"
    r"|avenants?(?: n\s*°?\s*\d+)?|cahiers? des charges|accords?)(?: particulieres?| petrolieres?)?\s*)"
    r"(?P<of>(?:(?:a |au |aux |de |du |d'|des |la |l'|le |relatif |relative |regissant |portant sur )*)"
    r"(?:conventions? |contrats? )?(?:(?:du |de la |de |d'|le |la |l'))*)"
)
_TAIL = re.compile(
    r"\s*(?:[:(,;]|\s-\s|\bet (?:ses|son|sa|leurs?)\b|\bavec\b|\bainsi\b|\bavenants?\b"
    r"|\bannexes?\b|\bconclue?\b|\bsignee?\b|\bregissant\b|\bdu \d|\ben date\b|\bpdf\b)"
)
_SMALL = frozenset(("de", "du", "la", "le", "les", "des", "et", "d'"))


@dataclass
class Title:
    """A permit or a concession.

    :ivar kind: of the vocabulary ``title_kinds``, ``""`` when the texts only say "permis"
    :ivar name: without "permis", "concession", quotation marks
    :ivar spellings: as written, where that differs
    """

    kind: str
    name: str
    number: str = ""
    spellings: list[str] = field(default_factory=list)
    found: list[Finding] = field(default_factory=list)

    @property
    def key(self) -> str:
        return key(self.name)


def key(name: str) -> str:
    """A name as it is compared: letters and digits only, doubled letters once, ``q`` and ``ou`` as writers vary them."""
    plain = "".join(character for character in t.without_accents(fold(name)) if character.isalnum())
    return re.sub(r"(.)\1", r"\1", plain.replace("ou", "u").replace("q", "k"))


@cache
def _generic() -> frozenset[str]:
    """Words that make a phrase of what could be a name."""
    return frozenset(terms()["not_names"])


@cache
def _known() -> dict[str, str]:
    return {key(each): name for name, others in terms()["permits"].items() for each in (name, *others)}


#: Words that tell titles of one place apart: "Essai Est" is not "Essai Ouest", nor "Essai II" "Essai I".
_APART = re.compile(r"(?<!\w)(?:nord|sud|est|ouest|centre|marine?|offshore|onshore|permis|[ivx]+|\w*\d\w*)(?!\w)")


def _near(name: str, other_name: str) -> bool:
    """Whether two names of one record are spellings of one: no more than one letter in seven is different."""
    one, other = key(name), key(other_name)
    if one == other:
        return True
    if sorted(_APART.findall(fold(name).replace("-", " "))) != sorted(_APART.findall(fold(other_name).replace("-", " "))):
        return False
    if min(len(one), len(other)) < 5 or abs(len(one) - len(other)) > 2:
        return False
    return _distance(one, other) <= max(1, len(one) // 7)


def _distance(one: str, other: str) -> int:
    row = list(range(len(other) + 1))
    for at, a in enumerate(one, 1):
        last, row[0] = row[0], at
        for place, b in enumerate(other, 1):
            last, row[place] = row[place], min(row[place] + 1, row[place - 1] + 1, last + (a != b))
    return row[-1]


def cased(name: str) -> str:
    """A name with capitals where names have them: ``"BIR AOUINE"`` and ``"Jebel grouz"`` are ``"Bir Aouine"`` and ``"Jebel Grouz"``."""
    if t.is_arabic(name):
        return name
    shouted = name.isupper() and len(name) > 3
    made = []
    for at, word in enumerate(name.split()):
        low = word.lower()
        if at and low in _SMALL:
            made.append(low)
        elif re.fullmatch(r"[IVX]+|\w*\d\w*", word):
            made.append(word)
        elif shouted or word.islower() or (word.isupper() and len(word) > 3):
            made.append("-".join(part[:1].upper() + part[1:].lower() for part in word.split("-")))
        else:
            made.append(word[:1].upper() + word[1:])
    return " ".join(made)


def named(written: str) -> str:
    """A name as it is kept: known names by the spelling of the list, others with capitals."""
    clean = " ".join(written.replace('"', " ").split()).strip(" .,;:-'")
    clean = re.sub(r"^(?:la |le |les |l')(?=[A-Z])", "", clean)
    return _known().get(key(clean)) or cased(clean)


def is_name(written: str, *, quoted: bool = False) -> bool:
    """Whether something can be the name of a title: some letters, few words, none of them a word of the trade.

    :param quoted: it stands in quotation marks, so that only what is nothing but such words is none
    """
    words = re.findall(r"[^\W_]+", fold(written))
    letters = sum(character.isalpha() for character in written)
    if not 0 < len(words) <= 6 or letters < (2 if quoted else 3) or re.search(r"\d{3,}|n°|@|\d\s*eme|/", fold(written)):
        return False
    generic = {word for word in words if word in _generic()}
    # "Tunisie Centre Nord" is a permit; "Tunisie" and "en Tunisie" are not.
    if len(words) > 1 and words[0] == "tunisie":
        generic.discard("tunisie")
    return len(generic) < len(set(words)) if quoted else not generic


class Titles:
    """The titles of a record, each once, however often and in whatever spelling it is named."""

    def __init__(self) -> None:
        self.rows: list[Title] = []

    def add(self, kind: str, written: str, found: Finding) -> None:
        name = named(written)
        clean = " ".join(written.split())
        for row in self.rows:
            if _near(row.name, name) or _same_place(row.name, name):
                if self._told_apart(row, kind, found):
                    continue
                row.kind = row.kind or kind
                row.found.append(found)
                if clean not in (row.name, *row.spellings):
                    row.spellings.append(clean)
                return
        self.rows.append(Title(kind, name, spellings=[] if clean == name else [clean], found=[found]))

    @staticmethod
    def _told_apart(row: Title, kind: str, found: Finding) -> bool:
        """Whether one sentence names a permit and a concession that came out of it by one name: these are two titles."""
        concession = "exploitation_concession"
        return (row.kind == concession) != (kind == concession) and any(
            each.place == found.place and each.rule == found.rule == "title-quoted" for each in row.found
        )

    def has(self, written: str) -> bool:
        return any(_near(row.name, named(written)) for row in self.rows)


def _same_place(one: str, other: str) -> bool:
    """``"Permis du Sud"`` and ``"du Sud"``."""
    short, long = sorted((one, other), key=len)
    return long.lower().startswith("permis") and key(long.split(None, 1)[-1]) in (key(short), "du" + key(short))


def mentions(text: Text, *, unquoted: bool = True) -> Iterator[tuple[str, str, Finding]]:
    """``(kind, name as written, where)`` for every title that a sentence names after "permis", "concession" …

    :param unquoted: also names without quotation marks, told by their capitals
    """
    for word in _WORD.finditer(text.plain):
        kind = next(code for at, (code, _words) in enumerate(_KINDS) if word[f"k{at}"] is not None)
        at = word.end()
        quoted = list(_quoted_list(text, at))
        if quoted:
            for start, end in quoted:
                written = text.quote(start, end)
                if is_name(written, quoted=True):
                    yield kind, written, Finding.at(written, "title-quoted", text, word.start(), end)
        elif unquoted:
            for start, end in _plain_list(text, at, several=kind != "" and not kind.endswith("permit")):
                written = text.quote(start, end)
                if is_name(written):
                    yield kind, _with_compass(text, at, written), Finding.at(written, "title-named", text, word.start(), end)


def _with_compass(text: Text, at: int, written: str) -> str:
    """The name, with "Permis du" where that is part of it: "Permis du Sud"."""
    if fold(written) in _COMPASS and re.match(r"\s*d[ue]\b", text.plain[at:]):
        return "Permis du " + written
    return written


def _quoted_list(text: Text, at: int) -> Iterator[tuple[int, int]]:
    """Where the names in quotation marks stand that follow one another from ``at`` on."""
    link = _LINK.match(text.plain, at)
    at = link.end() if link else at
    of = _OF.match(text.plain, at)
    at = of.end() if of else at
    while found := _QUOTED.match(text.plain, at):
        part = "a" if found["a"] is not None else "b"
        yield found.span(part)
        at = found.end()
        between = _BETWEEN.match(text.plain, at)
        if between:
            at = between.end()


def _plain_list(text: Text, at: int, *, several: bool) -> Iterator[tuple[int, int]]:
    # Only a text as it is written has the capitals; offsets are the same as long as no word before was mended.
    shown, plain = text.shown, text.plain
    if len(shown) != len(plain):
        return
    # The name of a file ends with the name of the title, in whatever case.
    if not several and text.place.startswith("resources-"):
        link = re.compile(r"\s*[:-]?\s*(?:de la |de l'|du |de |d')?\s*").match(plain, at)
        start = link.end() if link else at
        tail = _TAIL.search(plain, start)
        end = tail.start() if tail else len(plain)
        if end > start and is_name(shown[start:end]) and len(shown[start:end].split()) <= 5:
            yield start, end
            return
    link = re.compile(r"\s+(?:de la |de l'|du |de |des |d')?").match(plain, at)
    if link is None:
        return
    at = link.end()
    while found := _NAME.match(shown, at):
        start, end = found.span()
        if not several:
            yield start, end
            return
        yield start, end
        more = re.compile(r"\s*(?:,|\bet\b|;|&)\s*").match(plain, end)
        if more is None:
            return
        at = more.end()


def headline(text: Text) -> tuple[str, str, Finding] | None:
    """``(kind, name as written, where)`` of a title such as "Convention kerkenah Ouest" or "Permis Amilcar : convention particulière"."""
    plain = text.plain
    head = _HEAD.match(plain)
    begin = head.end() if head else re.match(r"^(?:tn\s*-*\s*)?", plain).end()  # type: ignore[union-attr]
    kind = ""
    word = _WORD.match(plain, begin)
    if word is not None:
        kind = next(code for at, (code, _words) in enumerate(_KINDS) if word[f"k{at}"] is not None)
    elif head is None:
        return None
    start = word.end() if word is not None else begin
    tail = _TAIL.search(plain, start)
    end = tail.start() if tail else len(plain)
    of = re.compile(r"\s*(?:(?:d'|des )hydrocarbures\s+(?:dite?\s+)?)?(?:de la |de l'|du |de |d')?\s*").match(plain, start)
    name_at = of.end() if of else start
    # What stands in quotation marks is the name, and what stands before them says of what: Contrat de services pétroliers "X".
    if (quoted := re.search(r'"\s*([^"]{2,60}?)\s*"', plain[start:end])) and is_name(
        text.quote(start + quoted.start(1), start + quoted.end(1))
    ):
        name_at, end = start + quoted.start(1), start + quoted.end(1)
    written = text.quote(name_at, end).strip(" .\"'-") if end > name_at else ""
    if not written or not is_name(written):
        return None
    if word is not None and fold(written) in _COMPASS and re.match(r"\s*du\b", plain[start:]):
        written = "Permis du " + written
    return kind, written, Finding.at(written, "headline", text, 0, end)


def of_cahier(text: Text) -> tuple[str, Finding] | None:
    """The title that a "Cahier des charges "Al badr"" belongs to; in parentheses at the end counts as well."""
    found = re.search(r"cahiers? (?:des? )?charges?\b[^\"(]*(?:\"\s*([^\"]{2,60}?)\s*\"|\(\s*([^()]{3,60}?)\s*\)\s*$)", text.plain)
    if found is None:
        return None
    start, end = found.span(1 if found[1] is not None else 2)
    written = text.quote(start, end)
    if not is_name(written) or _is_substance(written):
        return None
    return written, Finding.at(written, "specifications", text, found.start(), found.end())


@cache
def _substance_names() -> re.Pattern[str]:
    return re.compile("|".join(word for row in terms()["substances"] for word in row["words"]))


def _is_substance(written: str) -> bool:
    """Whether every word is that of a substance: "CAHIERS DES CHARGES DU GROUPE 2 (ARGILE)" names no title."""
    return not _substance_names().sub("", fold(written)).strip(" ,;-")


def number(text: Text, name: str) -> str:
    """The number of the register that stands with a title: "Permis de recherche n° 123456 « Essai »", "Essai (n° 123456)"."""
    place = text.plain.find(fold(name))
    if place < 0:
        return ""
    around = text.plain[max(0, place - 60) : place + len(name) + 25]
    found = re.search(
        r"(?:permis|concession|titre)[^.,;]{0,40}?\bn(?:\s*°|o\b|um\w*)\s*:?\s*(\d{2,9}(?:[/-]\d+)?)[^.,;]{0,8}$", around[: min(60, place)]
    ) or re.match(r"[\s\"]*\(?\s*n(?:\s*°|o\b|um\w*)\s*:?\s*(\d{2,9}(?:[/-]\d+)?)", text.plain[place + len(name) : place + len(name) + 25])
    return found[1] if found else ""
