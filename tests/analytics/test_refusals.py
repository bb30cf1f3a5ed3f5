"""Whatever `ml` refuses is said in the reader's language: its errors' texts have templates."""

from __future__ import annotations

import ast
import inspect
import itertools
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.utils import translation

import ml
from analytics.refusals import TEMPLATES
from analytics.retelling import retold
from analytics.services.translate import from_ml
from ml import errors

ROOT = Path(__file__).resolve().parents[2]
KINDS = {name for name, kind in vars(errors).items() if inspect.isclass(kind)} - {"MLError"}
#: What is handed on in the place of a text, and why it needs no template.
NO_TEXTS = {
    "error.fields": "the problems of another refusal",
    "', '.join(missing)": "names of columns",
    "str(until)": "a moment",
    "known": "names of families",
    "str(error).splitlines()[0]": "what a library says",
}
#: Functions that make an error of a phrase they are given: whoever calls them says it.
PHRASES = {"too_few_rows": 1, "_refuse_few": 2}
#: Helpers that find what is wrong with a value and note it in a dictionary of problems.
NOTING = "problems"

Function = ast.FunctionDef | ast.Module


class Unknown(Exception):
    """A text that this test cannot find."""


def texts_of(node: ast.expr, around: Function) -> Iterator[str]:
    """Every text that an expression may be, with a value in each of its places."""
    if ast.unparse(node) in NO_TEXTS:
        return
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        yield node.value
    elif isinstance(node, ast.JoinedStr):
        yield from _joined(node, around)
    elif isinstance(node, ast.IfExp):
        yield from texts_of(node.body, around)
        yield from texts_of(node.orelse, around)
    elif isinstance(node, ast.Name) and (found := assigned(node.id, around)):
        for value in found:
            yield from texts_of(value, around)
    else:
        raise Unknown(ast.unparse(node))


def _joined(node: ast.JoinedStr, around: Function) -> Iterator[str]:
    """A place holds a figure, or what a variable of the function was given as a text."""
    parts: list[list[str]] = []
    for number, part in enumerate(node.values):
        if isinstance(part, ast.Constant):
            parts.append([str(part.value)])
            continue
        assert isinstance(part, ast.FormattedValue)
        value = part.value
        inner = assigned(value.id, around) if isinstance(value, ast.Name) else []
        inner = [value for value in inner if all(map(is_text, branches(value)))]
        said = [text for value in inner for text in texts_of(value, around)]
        parts.append(said or [f"v{number}"])
    for chosen in itertools.product(*parts):
        yield "".join(chosen)


def branches(node: ast.expr) -> list[ast.expr]:
    """What an expression may come to."""
    if isinstance(node, ast.IfExp):
        return [*branches(node.body), *branches(node.orelse)]
    return [node]


def is_text(node: ast.expr) -> bool:
    """Whether it is written out as one."""
    written = isinstance(node, ast.Constant) and isinstance(node.value, str)
    return written or isinstance(node, ast.JoinedStr)


def assigned(name: str, around: Function) -> list[ast.expr]:
    """What a variable is given in the function."""
    return [
        node.value
        for node in ast.walk(around)
        if isinstance(node, ast.Assign)
        and any(isinstance(target, ast.Name) and target.id == name for target in node.targets)
    ]


def problems_of(node: ast.expr, around: Function) -> Iterator[str]:
    """The texts of a dictionary that says what is wrong with which field."""
    if isinstance(node, ast.Dict):
        for value in node.values:
            yield from texts_of(value, around)
    elif isinstance(node, ast.DictComp):
        yield from texts_of(node.value, around)
    elif isinstance(node, ast.Name):
        for value in assigned(node.id, around):
            yield from problems_of(value, around)
    elif ast.unparse(node) not in NO_TEXTS:
        raise Unknown(ast.unparse(node))


def noted(tree: ast.Module) -> Iterator[str]:
    """`problems[name] = "..."`, wherever it stands."""
    for function in functions(tree):
        for node in ast.walk(function):
            target = node.targets[0] if isinstance(node, ast.Assign) else None
            if isinstance(target, ast.Subscript) and ast.unparse(target.value) == NOTING:
                yield from texts_of(node.value, function)


def functions(tree: ast.Module) -> list[ast.FunctionDef]:
    return [node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)]


def refused(source: str) -> Iterator[str]:
    """Every text that a module's refusals may say."""
    tree = ast.parse(source)
    yield from noted(tree)
    for function in functions(tree):
        for call in ast.walk(function):
            if not isinstance(call, ast.Call):
                continue
            name = ast.unparse(call.func).rpartition(".")[2]
            if name in PHRASES:
                yield from texts_of(call.args[PHRASES[name]], function)
            elif name in KINDS:
                yield from texts_of(call.args[0], function)
                fields = [k.value for k in call.keywords if k.arg == "fields"]
                for node in [*call.args[1:], *fields]:
                    yield from problems_of(node, function)


def modules() -> list[Path]:
    return sorted(path for path in (ROOT / "ml").rglob("*.py") if path.name != "errors.py")


def in_spanish(text: str) -> str:
    with translation.override("es"):
        return retold(text)


def without_template(source: str) -> list[str]:
    return [text for text in refused(source) if in_spanish(text) == text]


@pytest.mark.parametrize("path", modules(), ids=lambda path: str(path.relative_to(ROOT)))
def test_every_refusal_has_a_template(path):
    source = path.read_text()
    assert without_template(source) == [], "list them in analytics/refusals.py (and in Spanish)"


def test_what_is_refused_is_found():
    source = """
class X:
    def f(self, n):
        problems = {k: f"no {k}" for k in n}
        if n:
            problems["a"] = "bad" if n > 1 else f"{n} is bad"
        what = f"a {n}" if n else "nothing"
        raise BadConfig(f"No {what}.", problems)
    def g(self):
        raise errors.NotEnoughData("few", needed=1, present=0, fields={"rows": "more"})
"""
    said = {"no v1", "bad", "v0 is bad", "No a v1.", "No nothing.", "few", "more"}
    assert set(refused(source)) == said


def test_a_refusal_without_a_template_is_named():
    source = "def f(moon): raise BadQuotes(f'The moon is {moon}.', {'moon': 'no price'})"
    assert without_template(source) == ["The moon is v1."]
    with pytest.raises(Unknown, match="said"):
        without_template("def f(said): raise BadQuotes(said.text)")


def test_no_template_is_left_that_nothing_says():
    said = {text for path in modules() for text in refused(path.read_text())}
    unsaid = {one for one in TEMPLATES if not any(is_of(one, text) for text in said)}
    assert unsaid == set()


def is_of(template: str, text: str) -> bool:
    pieces = re.split(r"%\(\w+\)s", template)
    return bool(re.fullmatch("(.+)".join(map(re.escape, pieces)), text))


@pytest.mark.parametrize(
    ("refuse", "message", "fields"),
    [
        (
            lambda: ml.make_config(ml.get_spec("price").config, {"epochs": 0, "moon": 1}),
            "Algunos parámetros de entrenamiento no se pueden usar.",
            {"epochs": "debe estar entre 1 y 1000, no 0"},
        ),
        (
            lambda: ml.get_spec("price", "moon"),
            "No existe la familia 'moon' de price; se conocen ",
            {},
        ),
        (lambda: ml.get_spec("moon"), "No existe la familia de modelos 'moon'; se conocen ", {}),
        (
            lambda: ml.rate_of_sensitivity(100),
            "Esa sensibilidad no existe.",
            {"sensitivity": "debe estar entre 0 y 99, no 100"},
        ),
    ],
)
def test_a_refusal_is_raised_in_the_readers_language(refuse, message, fields):
    with pytest.raises(ml.MLError) as refused_by_ml:
        refuse()
    with translation.override("es"):
        error = from_ml(refused_by_ml.value)
    assert error.message.startswith(message)
    assert fields.items() <= error.fields.items()
    assert error.code == refused_by_ml.value.code


def test_the_phrases_within_a_refusal_are_said_too():
    from ml.anomaly.calibration import too_few_rows

    with translation.override("es"):
        error = from_ml(too_few_rows(40, "with a price"))
    assert error.message.startswith("Un detector de anomalías necesita ")
    assert error.message.endswith(" filas con un precio; hay 40.")
    assert error.details == {"needed": 1000, "present": 40}
