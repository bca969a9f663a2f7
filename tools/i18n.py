"""Keep the Arabic and French catalogues complete: ``python tools/i18n.py update|compile|check``.

``update``   extract every message of our source and of the installed CKAN and extensions; add what is missing to the ``.po`` files, drop
             what is gone; then compile.
``compile``  write ``ckanext-ogptn.mo`` from the two ``.po`` files of each language.
``check``    list everything that is untranslated, malformed or out of date; exit status 1 if there is any.

Two catalogues per language, both below ``ckanext-ogptn/i18n/<language>/LC_MESSAGES/``:

* ``ckanext-ogptn.po``       the messages of this project;
* ``ckanext-ogptn-gaps.po``  the messages of CKAN and of the extensions we load that CKAN's own catalogue leaves in English, and those whose
                             translation there we replace (marked ``replaces CKAN's``).

They are compiled into one ``ckanext-ogptn.mo``, because a CKAN plugin has one gettext domain (``ITranslation.i18n_domain``).
"""

from __future__ import annotations

import argparse
import io
import re
import sys
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, timezone
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import yaml
from babel.messages.catalog import Catalog, Message
from babel.messages.extract import DEFAULT_KEYWORDS, extract_from_dir
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po, write_po
from ckan.lib.extract import extract_ckan

ROOT = Path(__file__).resolve().parent.parent
I18N = ROOT / "ckanext-ogptn" / "i18n"
DOMAIN = "ckanext-ogptn"
GAPS = f"{DOMAIN}-gaps"
LANGUAGES = ("ar", "fr")
OWN_ROOTS = ("ckanext-ogptn", "scheming_schemas", "harvesters", "seed")
#: What is loaded beside CKAN itself and has no Arabic and no French of its own.
EXTENSIONS = ("ckanext.scheming", "ckanext.dcat")
SKIPPED_FOLDERS = {"tests", "vendor", "node_modules", "2.8_templates", "i18n", "__pycache__", "migration"}
TEMPLATE_FOLDERS = ("templates", "templates-midnight-blue")
KEYWORDS = {**DEFAULT_KEYWORDS, "P_": (1, 2), "ungettext": (1, 2), "lazy_gettext": None}
#: CKAN's own plural rules, word for word. flask_babel merges the catalogues of all plugins into one and keeps the rule of the last one
#: only, so ours has to be CKAN's: French with Babel's two forms would make CKAN show its second form ("millions") for every plural.
PLURALS = {
    "ar": "nplurals=6; plural=n==0 ? 0 : n==1 ? 1 : n==2 ? 2 : n%100>=3 && n%100<=10 ? 3 : n%100>=11 && n%100<=99 ? 4 : 5;",
    "fr": "nplurals=3; plural=(n == 0 || n == 1) ? 0 : n != 0 && n % 1000000 == 0 ? 1 : 2;",
}
#: Keys of a scheming file whose value is shown to people.
YAML_TEXT_KEYS = {"label", "help_text", "form_placeholder", "title", "description", "error", "example"}
#: Messages that CKAN puts together while it runs, ``_(user.state)``, and so has in no source file: message → where it asks for it.
AT_RUN_TIME = {
    **dict.fromkeys(("active", "deleted", "pending", "draft"), "ckan/templates/user/snippets/info.html"),
    **dict.fromkeys(("Commitment", "Budget", "Extractive", "Commitments", "Budgets", "Extractives"), "ckan/templates/package/search.html"),
    "organization not found or you have no permission to view it": "ckan/views/group.py",
    "group not found or you have no permission to view it": "ckan/views/group.py",
    # Names of fields over the errors of CKAN's own forms.
    **dict.fromkeys(
        ("Password", "Password1", "Password2", "Old password", "Fullname", "About", "Name", "Title", "Title translated", "Email", "Id",
         "Username", "Old username", "Role", "URL", "Image URL", "Reset key", "Captcha"),
        "ckan/logic/__init__.py",
    ),
}  # fmt: skip
REPLACES = "replaces CKAN's"

Key = tuple[str | None, str, str | None]


@dataclass(frozen=True)
class Found:
    """One message in a source file."""

    key: Key
    path: str
    comment: str = ""


@dataclass(frozen=True)
class Problem:
    where: str
    message: str
    what: str

    def __str__(self) -> str:
        return f"{self.where}: {self.what}: {self.message!r}"


# ---------------------------------------------------------------------------------------------------------------- extraction


def _key(message: Message) -> Key:
    if isinstance(message.id, (tuple, list)):
        return (message.context, message.id[0], message.id[1])
    return (message.context, message.id, None)


def _methods() -> list[tuple[str, Any]]:
    templates = [(f"**/{folder}/**{suffix}", extract_ckan) for folder in TEMPLATE_FOLDERS for suffix in (".html", ".txt", ".text")]
    return [("**.py", "python"), ("**.js", "javascript"), *templates]


def extract(folder: Path, name: str) -> Iterator[Found]:
    """The gettext calls below ``folder``; paths are given as ``name/...``."""
    calls = extract_from_dir(
        str(folder),
        method_map=_methods(),
        keywords=KEYWORDS,
        directory_filter=lambda path: Path(path).name not in SKIPPED_FOLDERS,
    )
    for filename, _line, message, _comments, context in calls:
        singular, plural = (message[0], message[1]) if isinstance(message, tuple) else (message, None)
        if singular:
            yield Found((context, singular, plural), f"{name}/{Path(filename).as_posix()}")


def yaml_texts(node: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    """The texts of a scheming file that people see: (path in the file, text or dict of languages)."""
    if isinstance(node, dict):
        for key, value in node.items():
            here = f"{path}.{key}"
            if key in YAML_TEXT_KEYS and (isinstance(value, str) or _is_multilingual(value)):
                yield here, value
            elif not _is_multilingual(node):
                yield from yaml_texts(value, here)
    elif isinstance(node, list):
        for index, value in enumerate(node):
            yield from yaml_texts(value, f"{path}[{index}]")


def _is_multilingual(value: Any) -> bool:
    return isinstance(value, dict) and bool(value) and set(value) <= {"ar", "fr", "en"}


def own_messages() -> list[Found]:
    """All messages of this project, those of scheming files that are plain English included."""
    found = [f for root in OWN_ROOTS for f in extract(ROOT / root, root)]
    for file in sorted((ROOT / "scheming_schemas").glob("*.yaml")):
        for path, text in yaml_texts(yaml.safe_load(file.read_text(encoding="utf-8"))):
            # An example in one language is a code, a number or an address: the same for everybody.
            if isinstance(text, str) and text and not path.endswith(".example") and not re.fullmatch(r"https?://\S+", text):
                found.append(Found((None, text, None), f"scheming_schemas/{file.name}"))
    return found


def _package(name: str) -> Path:
    spec = find_spec(name)
    if spec is None or spec.origin is None:
        raise SystemExit(f"{name} is not installed")
    return Path(spec.origin).parent


def core_pot() -> Catalog:
    with (_package("ckan") / "i18n" / "ckan.pot").open("rb") as f:
        return read_po(f)


def foreign_messages() -> list[Found]:
    """All messages of CKAN (its template and, because that lags behind, its source) and of the extensions we load."""
    found = [Found(_key(m), m.locations[0][0] if m.locations else "ckan") for m in core_pot() if m.id]
    core = _package("ckan")
    found += extract(core, "ckan")
    for extension in sorted(p for p in core.parent.joinpath("ckanext").iterdir() if (p / "plugin.py").exists() and _ships_with_ckan(p)):
        found += extract(extension, f"ckanext/{extension.name}")
    found += [Found((None, message, None), path) for message, path in AT_RUN_TIME.items()]
    for name in EXTENSIONS:
        found += extract(_package(name), name.replace(".", "/"))
    return found


def _ships_with_ckan(folder: Path) -> bool:
    # Examples are for reading; no site loads them.
    return folder.name in {
        "activity",
        "audioview",
        "datapusher",
        "datastore",
        "datatablesview",
        "expire_api_token",
        "imageview",
        "multilingual",
        "resourceproxy",
        "stats",
        "tabledesigner",
        "textview",
        "tracking",
        "videoview",
        "webpageview",
    }


# ---------------------------------------------------------------------------------------------------------------- catalogues


def read_catalogue(path: Path, language: str) -> Catalog:
    if not path.exists():
        return new_catalogue(language)
    with path.open("rb") as f:
        return read_po(f, locale=language)


def new_catalogue(language: str | None) -> Catalog:
    return Catalog(locale=language, project=DOMAIN, fuzzy=False)


def po_path(language: str, domain: str) -> Path:
    return I18N / language / "LC_MESSAGES" / f"{domain}.po"


def core_translations(language: str) -> dict[Key, Message]:
    """What CKAN's own catalogue says, untranslated and fuzzy messages left out."""
    path = _package("ckan") / "i18n" / language / "LC_MESSAGES" / "ckan.po"
    with path.open("rb") as f:
        catalogue = read_po(f, locale=language)
    return {_key(m): m for m in catalogue if m.id and translated(m)}


def translated(message: Message) -> bool:
    if message.fuzzy:
        return False
    return all(message.string) if isinstance(message.string, (tuple, list)) else bool(message.string)


def entries(catalogue: Catalog) -> dict[Key, Message]:
    return {_key(m): m for m in catalogue if m.id}


def _header(language: str | None, what: str) -> str:
    lines = [f'msgid ""\nmsgstr ""\n"Project-Id-Version: {DOMAIN}\\n"\n']
    if language:
        lines.append(f'"Language: {language}\\n"\n"Plural-Forms: {PLURALS[language]}\\n"\n')
    lines.append('"MIME-Version: 1.0\\n"\n"Content-Type: text/plain; charset=utf-8\\n"\n"Content-Transfer-Encoding: 8bit\\n"\n')
    return f"# {what}\n" + "".join(lines)


def render(messages: Iterable[Message], language: str | None, what: str) -> str:
    """A ``.po`` file without dates and line numbers, so that it changes only when a message does."""
    catalogue = new_catalogue(language)
    forms = int(PLURALS[language].split("=")[1].split(";")[0]) if language else 2
    catalogue._num_plurals = forms
    for message in sorted(messages, key=lambda m: (m.locations[0][0] if m.locations else "", str(_key(m)[1]), m.context or "")):
        string = message.string
        if isinstance(message.id, (tuple, list)):
            given = list(string) if isinstance(string, (tuple, list)) else [string]
            string = tuple((given + [""] * forms)[:forms])
        catalogue.add(
            message.id,
            string if language else None,
            locations=[(path, 0) for path, _ in message.locations],
            auto_comments=message.auto_comments,
            user_comments=message.user_comments,
            context=message.context,
        )
    out = io.BytesIO()
    write_po(out, catalogue, width=140, omit_header=True, include_lineno=False)
    return _header(language, what) + "\n" + out.getvalue().decode("utf-8").strip() + "\n"


def _message(key: Key, paths: list[str], old: Message | None, comment: str = "") -> Message:
    context, singular, plural = key
    return Message(
        (singular, plural) if plural else singular,
        old.string if old is not None else "",
        locations=[(path, 0) for path in sorted(set(paths))],
        auto_comments=[comment] if comment else [],
        user_comments=old.user_comments if old is not None else [],
        context=context,
    )


def _paths(found: Iterable[Found]) -> dict[Key, list[str]]:
    """Messages with their files. gettext has one entry for a message used both alone and with a plural: the plural one wins."""
    paths: dict[Key, list[str]] = {}
    plurals: dict[tuple[str | None, str], Key] = {}
    for f in found:
        if f.key[2] is not None:
            plurals[f.key[:2]] = f.key
    for f in found:
        paths.setdefault(plurals.get(f.key[:2], f.key), []).append(f.path)
    return paths


@dataclass
class State:
    """What should be in the catalogues, from the sources, and what is."""

    own: dict[Key, list[str]]
    foreign: dict[Key, list[str]]

    @classmethod
    def read(cls) -> State:
        return cls(_paths(own_messages()), _paths(foreign_messages()))

    def plan(self, language: str) -> tuple[list[Message], list[Message]]:
        """The messages that the two catalogues of ``language`` should hold, with the translations that exist."""
        core = core_translations(language)
        own = entries(read_catalogue(po_path(language, DOMAIN), language))
        gaps = entries(read_catalogue(po_path(language, GAPS), language))
        gap_messages = []
        for key, paths in self.foreign.items():
            if key not in core:
                gap_messages.append(_message(key, paths[:3], gaps.get(key) or own.get(key)))
            elif key in gaps and translated(gaps[key]):
                gap_messages.append(_message(key, paths[:3], gaps[key], REPLACES))
        held = {_key(m) for m in gap_messages} | set(core)
        own_list = [_message(key, paths, own.get(key) or gaps.get(key)) for key, paths in self.own.items() if key not in held]
        return own_list, gap_messages


def translations(language: str) -> dict[str, str]:
    """What the site says for each message without a plural: CKAN's catalogue and ours over it."""
    said: dict[str, str] = {}
    for found in (core_translations(language), *(entries(read_catalogue(po_path(language, d), language)) for d in (GAPS, DOMAIN))):
        said.update({key[1]: str(m.string) for key, m in found.items() if key[0] is None and key[2] is None and translated(m)})
    return said


def template(own: dict[Key, list[str]]) -> str:
    return render((_message(k, p, None) for k, p in own.items()), None, "Messages of ckanext-ogptn. Written by tools/i18n.py.")


def mo_bytes(language: str) -> bytes:
    """The compiled catalogue of ``language``: both ``.po`` files, untranslated messages left out."""
    merged = new_catalogue(language)
    merged._num_plurals = int(PLURALS[language].split("=")[1].split(";")[0])
    merged._plural_expr = PLURALS[language].split("plural=", 1)[1].rstrip(";")
    for domain in (GAPS, DOMAIN):
        for message in entries(read_catalogue(po_path(language, domain), language)).values():
            if translated(message):
                merged.add(message.id, message.string, context=message.context)
    out = io.BytesIO()
    # Today's date in the header would make every compilation differ.
    merged.creation_date = merged.revision_date = datetime(2000, 1, 1, tzinfo=timezone.utc)
    write_mo(out, merged)
    return out.getvalue()


# ---------------------------------------------------------------------------------------------------------------- checks

_NAMED = re.compile(r"%\((\w+)\)([#0\- +]*\d*(?:\.\d+)?[sdifr])|(?<!\{)\{([A-Za-z_]\w*|\d*)(?:![rs])?(?::[^{}]*)?\}(?!\})")
_POSITIONAL = re.compile(r"(?<!%)%(?:\.\d+)?([sdifr])")
_TAG = re.compile(r"</?([a-zA-Z][a-zA-Z0-9]*)")
_ATTRIBUTE = re.compile(r"""\b(href|src|class|id|target|rel|data-[\w-]+)=(?:"([^"]*)"|'([^']*)')""")
_ARABIC = re.compile(r"[\u0600-\u06ff]")


def placeholders(text: str) -> Counter[str]:
    """Named and positional placeholders of a message, with their number: ``%(name)s``, ``{name}``, ``{}``, ``%s``."""
    found = Counter(m.group(0) for m in _NAMED.finditer(text))
    rest = _NAMED.sub("", text)
    found.update(f"{i}:%{m.group(1)}" for i, m in enumerate(_POSITIONAL.finditer(rest)))
    return found


def tags(text: str) -> Counter[str]:
    """HTML tags of a message and the attributes that a machine reads, with their number."""
    found = Counter(m.group(0) for m in _TAG.finditer(text))
    found.update(m.group(0).replace("'", '"') for m in _ATTRIBUTE.finditer(text))
    return found


def words(text: str) -> str:
    """What is left of a message for a reader: no placeholders, no tags, no digits, no signs."""
    text = re.sub(r"<[^>]*>|&\w+;", " ", _NAMED.sub(" ", text))
    return " ".join(re.findall(r"[^\W\d_]{2,}", _POSITIONAL.sub(" ", text)))


def same_on_purpose() -> dict[str, dict[str, str]]:
    """Messages that are the same in English and in a language, with the reason: ``i18n/identical.yaml``."""
    return yaml.safe_load((I18N / "identical.yaml").read_text(encoding="utf-8"))


def looks_untranslated(text: str, original: str, language: str, allowed: dict[str, dict[str, str]]) -> bool:
    """Whether a translation is the English message again."""
    if not words(original) or original in allowed.get(language, {}) or original in allowed.get("all", {}):
        return False
    if language == "ar":
        return not _ARABIC.search(text)
    return text.strip() == original.strip()


def message_problems(message: Message, language: str, where: str, allowed: dict[str, dict[str, str]]) -> list[Problem]:
    """What is wrong with one entry of a catalogue."""
    _context, singular, plural = _key(message)
    if not translated(message):
        return [Problem(where, singular, "not translated")]
    strings = [str(s) for s in message.string] if isinstance(message.string, (tuple, list)) else [str(message.string)]
    problems: list[Problem] = []
    reference = plural or singular
    for form, text in enumerate(strings):
        wanted, got = placeholders(reference), placeholders(text)
        # "One dataset" may name its number in letters, and so may none and two in Arabic; other forms have to show it.
        exact = plural is None or (form > 2 if language == "ar" else form > 0)
        if (got != wanted) if exact else bool(got - wanted):
            problems.append(Problem(where, singular, f"placeholders {sorted(got.elements())}, wanted {sorted(wanted.elements())}"))
        if tags(text) != tags(reference):
            problems.append(Problem(where, singular, f"tags {sorted(tags(text).elements())}, wanted {sorted(tags(reference).elements())}"))
        if looks_untranslated(text, singular, language, allowed):
            problems.append(Problem(where, singular, "the translation is English"))
        # A colon alone has a space before it in French.
        if words(singular) and (singular[:1].isspace() != text[:1].isspace() or singular[-1:].isspace() != text[-1:].isspace()):
            problems.append(Problem(where, singular, "blanks at the start or the end differ"))
    return problems


def yaml_problems() -> list[Problem]:
    """Texts of the scheming files that miss a language."""
    problems = []
    for file in sorted((ROOT / "scheming_schemas").glob("*.yaml")):
        for path, text in yaml_texts(yaml.safe_load(file.read_text(encoding="utf-8"))):
            if isinstance(text, dict):
                missing = [language for language in ("ar", "fr", "en") if not str(text.get(language) or "").strip()]
                if missing:
                    problems.append(Problem(f"scheming_schemas/{file.name}", path, f"no {', '.join(missing)}"))
    return problems


def problems(state: State) -> list[Problem]:
    """Everything ``check`` reports."""
    allowed = same_on_purpose()
    found = yaml_problems()
    pot = I18N / f"{DOMAIN}.pot"
    if not pot.exists() or pot.read_text(encoding="utf-8") != template(state.own):
        found.append(Problem(pot.name, "", "out of date: run tools/i18n.py update"))
    for language in LANGUAGES:
        for domain, planned in zip((DOMAIN, GAPS), state.plan(language), strict=True):
            path = po_path(language, domain)
            where = f"{language}/{path.name}"
            there = entries(read_catalogue(path, language))
            wanted = {_key(m): m for m in planned}
            found += [Problem(where, key[1], "missing: run tools/i18n.py update") for key in wanted.keys() - there.keys()]
            found += [Problem(where, key[1], "no longer used: run tools/i18n.py update") for key in there.keys() - wanted.keys()]
            for key in wanted.keys() & there.keys():
                found += message_problems(there[key], language, where, allowed)
        mo = po_path(language, DOMAIN).with_suffix(".mo")
        if not mo.exists() or mo.read_bytes() != mo_bytes(language):
            found.append(Problem(f"{language}/{mo.name}", "", "out of date: run tools/i18n.py compile"))
    return found


# ---------------------------------------------------------------------------------------------------------------- commands


def update(state: State) -> None:
    I18N.joinpath(f"{DOMAIN}.pot").write_text(template(state.own), encoding="utf-8")
    for language in LANGUAGES:
        own, gaps = state.plan(language)
        for domain, messages, what in (
            (DOMAIN, own, "Messages of ckanext-ogptn."),
            (GAPS, gaps, "Messages of CKAN and of the extensions we load that CKAN leaves in English, or whose translation we replace."),
        ):
            path = po_path(language, domain)
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(render(messages, language, what), encoding="utf-8")
            todo = sum(not translated(m) for m in messages)
            _say(f"{language}/{path.name}: {len(messages)} messages, {todo} to translate")


def compile_catalogues() -> None:
    for language in LANGUAGES:
        path = po_path(language, DOMAIN).with_suffix(".mo")
        path.write_bytes(mo_bytes(language))


def _say(line: str) -> None:
    sys.stdout.write(line + "\n")


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("command", choices=("update", "compile", "check"))
    command = parser.parse_args(arguments).command
    if command == "compile":
        compile_catalogues()
        return 0
    state = State.read()
    if command == "update":
        update(state)
        compile_catalogues()
        return 0
    found = problems(state)
    for problem in found:
        _say(str(problem))
    _say(f"{len(found)} problems; {len(state.own)} messages of our own, {len(state.foreign)} of CKAN and its extensions")
    return 1 if found else 0


if __name__ == "__main__":
    raise SystemExit(main())
