"""The measures of the house: functions of 40 lines, files of 250, folders of 3 to 20 modules."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

from tests import dead_code

ROOT = Path(__file__).resolve().parents[1]
FUNCTION, FILE, FOLDER = 40, 250, range(3, 21)
#: Django wants these folders, whatever there is to put into them; numbers name migrations.
EXEMPT = {
    *("analytics/templatetags", "analytics/management", "analytics/migrations"),
    *("p2p/formats", "p2p/formats/en", "p2p/formats/es"),
}


def product() -> Iterator[Path]:
    for room in ("ml", "analytics", "p2p", "bench", "clients"):
        for file in sorted((ROOT / room).rglob("*.py")):
            if str(file.parent.relative_to(ROOT)) not in EXEMPT:
                yield file


def too_long_functions(file: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(file.read_text())):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            lines = (node.end_lineno or 0) - node.lineno + 1
            if lines > FUNCTION:
                yield f"{file.relative_to(ROOT)} {node.name}"


def odd_folders() -> Iterator[str]:
    folders = {file.parent for file in product()}
    for folder in folders:
        modules = [f for f in folder.glob("*.py") if f.name != "__init__.py"]
        # Django finds commands in one folder, a file each.
        if len(modules) not in FOLDER and folder.name != "commands":
            yield str(folder.relative_to(ROOT))


def test_nothing_is_longer_or_fuller_than_a_reader_can_keep_in_mind():
    long = {str(f.relative_to(ROOT)) for f in product() if len(f.read_text().splitlines()) > FILE}
    functions = {name for file in product() for name in too_long_functions(file)}
    assert long | functions | set(odd_folders()) == set()


def test_what_is_measured_is_seen(tmp_path, monkeypatch):
    """A function of 41 lines, a file of 251 and a folder of two are found."""
    monkeypatch.setattr(f"{__name__}.ROOT", tmp_path)
    room = tmp_path / "ml"
    room.mkdir()
    (room / "a.py").write_text("def f():\n" + "    x = 1\n" * 40 + "\n" * 210)
    (room / "b.py").write_text("def f():\n" + "    x = 1\n" * 39)
    assert [len(f.read_text().splitlines()) > FILE for f in product()] == [True, False]
    assert [name for f in product() for name in too_long_functions(f)] == ["ml/a.py f"]
    assert list(odd_folders()) == ["ml"]


def test_nothing_is_left_that_nobody_calls():
    assert dead_code.unused() == []
