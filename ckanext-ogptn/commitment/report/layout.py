"""The layout of the report: what its forms have, and how each part is called in the three languages.

Source: the self-assessment report of Tunisia's first action plan (2014–2016), whose forms are tables of two columns with ten rows; the
level is a row of four cells with a cross. The words below are a document's, not a page's: they are read back, and so are no messages.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from ...catalogue import text as t
from .blocks import Block

LEVELS = ("not_started", "limited", "substantial", "complete")
#: What stands for "here" in the row of levels.
CROSSES = frozenset("×xXхХ✕✖✗✘☒✓✔☑")
CROSS = "×"

#: Rows in the order of the form. What is printed comes first, then other spellings that are read.
LABELS: dict[str, dict[str, tuple[str, ...]]] = {
    "agency": {
        "ar": ("الهيكل الإداري المسؤول عن إنجاز التعهد", "الهيكل المسؤول", "الهيكل المسؤول عن التعهد"),
        "fr": ("Structure responsable de l’engagement", "Structure responsable", "Organisme responsable"),
        "en": ("Agency responsible for the commitment", "Responsible agency", "Lead agency"),
    },
    "people": {
        "ar": ("الشخص المسؤول عن متابعة إنجاز التعهد", "الشخص المسؤول"),
        "fr": ("Personne chargée du suivi de l’engagement", "Personne responsable"),
        "en": ("Person in charge of following the commitment", "Responsible person"),
    },
    "role": {"ar": ("الخطة الوظيفية",), "fr": ("Fonction",), "en": ("Role", "Title, department")},
    "phone": {"ar": ("رقم الهاتف", "الهاتف"), "fr": ("Téléphone", "Numéro de téléphone"), "en": ("Telephone", "Phone")},
    "email": {
        "ar": ("عنوان البريد الإلكتروني", "البريد الإلكتروني"),
        "fr": ("Adresse e-mail", "Courriel", "Adresse électronique"),
        "en": ("E-mail address", "Email"),
    },
    "parties": {
        "ar": ("الأطراف المتدخلة", "الأطراف المتداخلة"),
        "fr": ("Autres parties prenantes", "Autres acteurs"),
        "en": ("Other parties involved", "Other actors"),
    },
    "promise": {
        "ar": ("تقديم التعهد", "وصف التعهد"),
        "fr": ("Présentation de l’engagement", "Description de l’engagement"),
        "en": ("Presentation of the commitment", "Description of the commitment"),
    },
    "level": {"ar": ("مستوى الإنجاز",), "fr": ("Niveau d’achèvement", "Niveau de réalisation"), "en": ("Completion level",)},
    "done": {"ar": ("ما تم إنجازه",), "fr": ("Ce qui a été fait", "Réalisations"), "en": ("What was done", "Results")},
    "obstacles": {"ar": ("الصعوبات", "العوائق"), "fr": ("Obstacles", "Difficultés"), "en": ("Obstacles", "Challenges")},
    "evidence": {"ar": ("الإثبات",), "fr": ("Preuve",), "en": ("Evidence",)},
    "deadline": {"ar": ("آخر أجل للإنجاز", "آخر أجل"), "fr": ("Échéance", "Date limite"), "en": ("Deadline",)},
    "milestones": {"ar": ("مراحل الإنجاز",), "fr": ("Jalons", "Étapes"), "en": ("Milestones",)},
}
ROWS = tuple(LABELS)
#: Rows with names and addresses of officials: for editors only.
PERSONAL = ("people", "phone", "email")
#: A form without one of these is no form of this layout.
NEEDED = ("agency", "promise", "level", "done")
#: Printed for the reader; what the catalogue holds of it is richer than a list of lines, so it is not read back.
FOR_READING = ("milestones",)
#: Rows whose text belongs to one language.
TRANSLATED = ("title", "unit", "role", "promise", "done", "obstacles")

COMMITMENT = {"ar": "التعهد", "fr": "Engagement", "en": "Commitment"}
PERIOD = {"ar": "فترة التقرير", "fr": "Période du rapport", "en": "Reporting period"}
REPORT_TITLE = {
    "ar": "تقرير التقييم الذاتي لخطة العمل الوطنية لشراكة الحكومة المفتوحة",
    "fr": "Rapport d’autoévaluation du plan d’action national du Partenariat pour un gouvernement ouvert",
    "en": "Self-assessment report of the national action plan of the Open Government Partnership",
}
#: Before a text that is missing in the document's language and stands there in another.
IN_LANGUAGE = {"ar": "[العربية]", "fr": "[Français]", "en": "[English]"}
#: Arabic letters for the parts a, b, … of a commitment (abjad order).
ABJAD = "أبجدهوزحطيكلمنسعفصقرشتثخذ"

_ORDINALS = (
    ("الأول",),
    ("الثاني",),
    ("الثالث",),
    ("الرابع",),
    ("الخامس",),
    ("السادس",),
    ("السابع",),
    ("الثامن",),
    ("التاسع",),
    ("العاشر",),
    ("الحادي عشر",),
    ("الثاني عشر",),
    ("الثالث عشر",),
    ("الرابع عشر",),
    ("الخامس عشر",),
    ("السادس عشر",),
    ("السابع عشر",),
    ("الثامن عشر",),
    ("التاسع عشر",),
    ("العشرون", "العشرين"),
)
_ORDINAL = {name: number for number, names in enumerate(_ORDINALS, start=1) for name in names}
_HEADING = re.compile(
    r"^\s*(?:التعهد|تعهد|engagement|commitment)\s*"
    r"(?:عدد|رقم|n\s*[°ºo]\.?|no\.?)?\s*"
    r"(?:(?P<number>\d{1,3})|(?P<ordinal>" + "|".join(sorted(_ORDINAL, key=len, reverse=True)) + r"))"
    # Glued to the number ("10b", "10ب"), or in brackets ("10 (b)").
    rf"(?:\s*\(\s*(?P<part>[a-zA-Z]|[{ABJAD}ا])\s*\)|(?P<glued>[a-zA-Z]|[{ABJAD}ا](?![\u0600-\u06ff])))?"
    r"\s*(?:[-–—:.]+|\s|$)\s*(?P<title>.*)$",
    re.IGNORECASE | re.DOTALL,
)


def key(text: str) -> str:
    """What two spellings of a label, a level or an agency have in common: letters and digits only, folded."""
    return re.sub(r"[\W_]+", "", t.fold(text))


_LABEL_OF = {key(spelled): (row, language) for row, names in LABELS.items() for language, all_ in names.items() for spelled in all_}


def label_of(text: str) -> tuple[str, str] | None:
    """Which row a cell's text is the label of, and in which language."""
    return _LABEL_OF.get(key(text)) if len(text) < 120 else None


@dataclass(frozen=True)
class Heading:
    """``Commitment 10 (b) – title``; ``part`` is ``a`` … ``z`` or empty."""

    number: int
    part: str
    title: str


def heading_of(text: str) -> Heading | None:
    """The heading of a form, or None if the text is something else. Digits of any script."""
    found = _HEADING.match(t.western_digits(t.clean(text)))
    if found is None:
        return None
    number = int(found["number"]) if found["number"] else _ORDINAL[found["ordinal"]]
    part = (found["part"] or found["glued"] or "").lower()
    if part and part not in "abcdefghijklmnopqrstuvwxyz":
        part = chr(ord("a") + ABJAD.index("أ" if part == "ا" else part))
    return Heading(number, part, " ".join(found["title"].split()))


def heading(number: int, part: str, title: str, language: str) -> str:
    """A form's heading as it is printed."""
    return f"{COMMITMENT[language]} {numbered(number, part, language)} - {title}"


def numbered(number: int, part: str, language: str) -> str:
    """``10``, ``10 (b)`` or, in Arabic, ``10 (ب)``."""
    if not part:
        return str(number)
    place = ord(part) - ord("a")
    letter = ABJAD[place] if language == "ar" and place < len(ABJAD) else part
    return f"{number} ({letter})"


@dataclass(frozen=True)
class Person:
    """One official in charge, as the form names them. Never public."""

    name: str = ""
    phone: str = ""
    email: str = ""


@dataclass
class Form:
    """One form of the report.

    :ivar agency: the cell's lines; the first one names the agency, others its unit
    :ivar people: None when the form has no such rows (a public copy), so that nothing is said of them
    :ivar level: code of the vocabulary ``completion_levels``, None when the cross could not be read
    :ivar languages: ``{field: language}`` of texts that are not in the document's own language
    :ivar cells: ``{row: text as written}``, for the preview
    :ivar doubtful: rows that should not replace what the catalogue has
    """

    number: int
    part: str = ""
    title: str = ""
    agency: list[str] = field(default_factory=list)
    people: list[Person] | None = None
    role: str = ""
    parties: list[str] = field(default_factory=list)
    promise: list[Block] = field(default_factory=list)
    level: str | None = None
    done: list[Block] = field(default_factory=list)
    obstacles: list[Block] = field(default_factory=list)
    evidence: str = ""
    deadline: str = ""
    milestones: list[str] = field(default_factory=list, compare=False)
    languages: dict[str, str] = field(default_factory=dict)
    cells: dict[str, str] = field(default_factory=dict, compare=False)
    doubtful: set[str] = field(default_factory=set, compare=False)

    @property
    def label(self) -> str:
        """``10`` or ``10b``."""
        return f"{self.number}{self.part}"


@dataclass(frozen=True)
class Problem:
    """What is wrong with a document, or doubtful. What the reader is told is found by the slug in `problems.message`.

    :ivar form: number and part of the form, empty for the whole document
    :ivar field: row of the form, ``title`` or ``number``, empty for the whole form
    """

    slug: str
    form: str = ""
    field: str = ""
    details: tuple[tuple[str, str], ...] = ()


def problem(slug: str, form: str = "", field: str = "", **details: object) -> Problem:
    """A problem with what its message mentions."""
    return Problem(slug, form, field, tuple((name, str(value)) for name, value in details.items()))


@dataclass
class Report:
    """A document that was read.

    :ivar language: the language of its labels
    :ivar period: ``(start, end)`` as partial ISO dates, when the document gives it
    :ivar unplaced: ``(where, text)`` of everything that is no part of a form: ``where`` is a form's label or empty
    :ivar errors: reasons not to import it at all
    :ivar warnings: what a person should look at
    """

    language: str
    forms: list[Form] = field(default_factory=list)
    period: tuple[str, str] | None = None
    unplaced: list[tuple[str, str]] = field(default_factory=list)
    errors: list[Problem] = field(default_factory=list)
    warnings: list[Problem] = field(default_factory=list)
