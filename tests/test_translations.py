"""The Spanish texts: none is missing, none is a guess, and all keep their placeholders. The code is
read here (syntax trees, template tokens), so that gettext need not be installed."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from babel.messages.catalog import Catalog, Message
from babel.messages.pofile import read_po
from django.template.base import Lexer, Token, TokenType
from django.utils.text import smart_split
from django.utils.translation.trans_real import translation

ROOT = Path(__file__).resolve().parent.parent
CATALOGUE = ROOT / "locale" / "es" / "LC_MESSAGES" / "django.po"
PACKAGES = ("analytics", "p2p")
PLACEHOLDER = re.compile(r"%\(\w+\)[-+0 #]*[\d.]*[a-zA-Z]|%[-+0 #]*[\d.]*[a-zA-Z%]|\{\w*\}")

#: name -> how many of its first arguments are texts, after how many that are not
PLAIN = {"Text": 1, "gettext": 1, "gettext_lazy": 1, "gettext_noop": 1, "_": 1}
PLURAL = {"ngettext": 2, "ngettext_lazy": 2}
IN_CONTEXT = {"pgettext": 1, "pgettext_lazy": 1, "npgettext": 2, "npgettext_lazy": 2}

#: (context or None, text, plural or None)
Marked = tuple[str | None, str, str | None]


# ------------------------------------------------------------------------------------- collecting
def constant(node: ast.expr) -> str | None:
    return node.value if isinstance(node, ast.Constant) and isinstance(node.value, str) else None


def names_of_calls(tree: ast.Module) -> dict[str, str]:
    """Name in this file -> name in django.utils.translation, or Text of those who know none."""
    return {
        alias.asname or alias.name: alias.name
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom)
        and node.module in ("django.utils.translation", "analytics.venues.texts")
        for alias in node.names
    }


def in_python(source: str) -> Iterator[Marked]:
    """Texts marked in a module. A call whose text is not constant marks nothing."""
    tree = ast.parse(source)
    names = names_of_calls(tree)
    for node in ast.walk(tree):
        if not (isinstance(node, ast.Call) and isinstance(node.func, ast.Name)):
            continue
        name = names.get(node.func.id, "")
        skip = int(name in IN_CONTEXT)
        count = (PLAIN | PLURAL | IN_CONTEXT).get(name, 0)
        texts = [constant(arg) for arg in node.args[: skip + count]]
        if count and len(texts) == skip + count and None not in texts:
            context = texts[0] if skip else None
            yield context, str(texts[skip]), texts[skip + 1] if count == 2 else None


def in_template(source: str) -> Iterator[Marked]:
    """Texts marked in a template."""
    tokens = iter(Lexer(source).tokenize())
    for token in tokens:
        bits = list(smart_split(token.contents)) if token.token_type is TokenType.BLOCK else [""]
        place = bits.index("context") + 1 if "context" in bits else 0
        context = bits[place][1:-1] if place else None
        if bits[0] in ("translate", "trans") and bits[1][0] in "'\"":
            yield context, bits[1][1:-1].replace("%", "%%"), None
        elif bits[0] in ("blocktranslate", "blocktrans"):
            one, many = block_texts(tokens, trimmed="trimmed" in bits)
            yield context, one, many


def block_texts(tokens: Iterator[Token], *, trimmed: bool) -> tuple[str, str | None]:
    """Singular and plural of the block that `tokens` are in, up to its end."""
    parts = [""]
    for token in tokens:
        word = token.contents.split()[0] if token.contents.split() else ""
        if token.token_type is TokenType.BLOCK and word == "plural":
            parts.append("")
        elif token.token_type is TokenType.BLOCK:
            break
        elif token.token_type is TokenType.VAR:
            parts[-1] += f"%({token.contents})s"
        elif token.token_type is TokenType.TEXT:
            parts[-1] += token.contents.replace("%", "%%")
    if trimmed:
        parts = [" ".join(line.strip() for line in p.strip().splitlines()) for p in parts]
    return parts[0], parts[1] if len(parts) > 1 else None


def marked_texts() -> dict[Marked, Path]:
    found: dict[Marked, Path] = {}
    for package in PACKAGES:
        for path in sorted((ROOT / package).rglob("*.py")):
            if "migrations" not in path.parts:
                found |= dict.fromkeys(in_python(path.read_text(encoding="utf-8")), path)
    for path in sorted((ROOT / "templates").rglob("*.html")):
        found |= dict.fromkeys(in_template(path.read_text(encoding="utf-8")), path)
    return found


# -------------------------------------------------------------------------------------- catalogue
@pytest.fixture(scope="module")
def catalogue() -> Catalog:
    with CATALOGUE.open("rb") as file:
        return read_po(file, locale="es", abort_invalid=True)


def entries(catalogue: Catalog) -> list[Message]:
    return [message for message in catalogue if message.id]


def forms(message: Message) -> list[tuple[str, str]]:
    """(source, translation) pairs; a plural entry has two sources."""
    if isinstance(message.id, str):
        return [(message.id, str(message.string))]
    return list(zip(message.id, message.string, strict=True))


def test_the_catalogue_is_spanish_and_knows_two_forms(catalogue: Catalog) -> None:
    assert catalogue.locale is not None
    assert (catalogue.locale.language, catalogue.num_plurals) == ("es", 2)
    assert len(entries(catalogue)) > 300


def test_every_entry_is_translated(catalogue: Catalog) -> None:
    empty = [m.id for m in entries(catalogue) if not all(text.strip() for _, text in forms(m))]
    assert empty == []


def test_no_entry_is_fuzzy_or_obsolete(catalogue: Catalog) -> None:
    assert [m.id for m in entries(catalogue) if m.fuzzy] == []
    assert [str(m) for m in catalogue.obsolete] == []


def test_placeholders_are_those_of_the_source(catalogue: Catalog) -> None:
    changed = {
        source: text
        for message in entries(catalogue)
        for source, text in forms(message)
        if sorted(PLACEHOLDER.findall(source)) != sorted(PLACEHOLDER.findall(text))
    }
    assert changed == {}


def test_spaces_and_ends_of_sentences_are_those_of_the_source(catalogue: Catalog) -> None:
    """Texts are glued together: a space or a full stop that goes missing shows."""

    def ends(text: str) -> tuple[bool, bool, str]:
        last = text[-1] if text[-1] in ".:" else ""
        return text[0].isspace(), text[-1].isspace(), last

    pairs = [pair for m in entries(catalogue) for pair in forms(m)]
    assert {a: b for a, b in pairs if ends(a) != ends(b)} == {}


def test_every_marked_text_is_in_the_catalogue(catalogue: Catalog) -> None:
    missing = []
    for (context, text, plural), path in marked_texts().items():
        message = catalogue.get(text, context=context)
        wanted = text if plural is None else (text, plural)
        if message is None or (plural is not None and message.id != wanted):
            missing.append(f"{path.relative_to(ROOT)}: {wanted}")
    assert missing == [], "run `make messages`, then translate what is new"


def test_the_catalogue_holds_nothing_else(catalogue: Catalog) -> None:
    used = {(context, text) for context, text, _ in marked_texts()}
    keys = {(m.context, m.id if isinstance(m.id, str) else m.id[0]) for m in entries(catalogue)}
    assert keys - used == set(), "run `make messages`"


def test_django_speaks_spanish() -> None:
    """What Django loads is what the catalogue says: the compiled file is up to date."""
    spanish = translation("es")
    assert spanish.gettext("no clear pattern") == "sin patrón claro"
    assert spanish.ngettext("%(n)d day", "%(n)d days", 1) == "%(n)d día"
    assert spanish.ngettext("%(n)d day", "%(n)d days", 2) == "%(n)d días"


# -------------------------------------------------------------------- the collectors find what is
def test_texts_are_found_in_python() -> None:
    source = """
from django.utils.translation import gettext as _, gettext_lazy, ngettext, pgettext
_("one"); gettext_lazy("two" " halves"); ngettext("%(n)d row", "%(n)d rows", 3)
pgettext("verb", "run"); _(unknown); other("three")
"""
    assert set(in_python(source)) == {
        (None, "one", None),
        (None, "two halves", None),
        (None, "%(n)d row", "%(n)d rows"),
        ("verb", "run", None),
    }


def test_texts_are_found_in_templates() -> None:
    source = (
        '{% load i18n %}{% translate "Run" %}{% translate "Run" context "verb" %}{% translate x %}'
        '{% translate "5 %" %}'
        "{% blocktranslate with n=row.age %}{{ n }} ago, 5 %{% endblocktranslate %}"
        "{% blocktranslate count n=k trimmed %}\n one\n day\n{% plural %}{{ n }} days"
        "{% endblocktranslate %}"
    )
    assert list(in_template(source)) == [
        (None, "Run", None),
        ("verb", "Run", None),
        (None, "5 %%", None),
        (None, "%(n)s ago, 5 %%", None),
        (None, "one day", "%(n)s days"),
    ]


# --------------------------------------------------------------------------------------- README
def shown_lines(name: str) -> list[str]:
    """The lines of a document's code blocks, without their comments."""
    blocks = re.findall(r"^```\n(.*?)^```", (ROOT / name).read_text(encoding="utf-8"), re.M | re.S)
    return [line.split("  #")[0].rstrip() for block in blocks for line in block.splitlines()]


def test_both_readmes_show_the_same_commands() -> None:
    english = shown_lines("README.md")
    assert shown_lines("README.es.md") == english
    assert sum(line.startswith("curl ") for line in english) == 6
    assert "make run" in english


def test_both_readmes_have_the_same_parts_in_the_same_order() -> None:
    def shape(name: str) -> list[str]:
        lines = (ROOT / name).read_text(encoding="utf-8").splitlines()
        parts = r"(#+ |\| `\w+`|- \[docs/[^]]+\]|<!-- \w+ -->|!\[).*?(\(\S+\))?$"
        marks = [re.match(parts, line) for line in lines]
        return [mark.group(1) + (mark.group(2) or "") for mark in marks if mark]

    assert shape("README.es.md") == shape("README.md")


def test_both_readmes_name_the_same_things() -> None:
    """Everything in backticks outside of the code blocks: names, variables, paths."""

    def names(name: str) -> list[str]:
        text = (ROOT / name).read_text(encoding="utf-8")
        prose = re.sub(r"^```.*?^```", "", text, flags=re.M | re.S)
        return sorted(re.findall(r"`([^`\n]+)`", prose))

    assert names("README.es.md") == names("README.md")
