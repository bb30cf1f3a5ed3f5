"""Tokens -> float64, after the whole file has told which mark is the decimal one."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal, InvalidOperation

from analytics.lazily import np, pa, pc
from analytics.services.prices.reading.cells.tokens import number_token, tokens

#: A float64 prints every decimal of so many digits as it was.
_SAFE_DIGITS = 15
_TRIED = 16
_EXPONENT = r"([eE][+-]?\d+)?$"
#: {mark} decimal, {other} groups: 1.234,5 or 1,23,456.7 or .5 or 12.
_GRAMMAR = r"^[+-]?(\d+|\d{{1,3}}({other}\d{{2,3}})*{other}\d{{3}})?({mark}\d*)?" + _EXPONENT
_GROUPS = r"^[+-]?\d{{1,3}}({other}\d{{2,3}})*{other}\d{{3}}{mark}\d*$"
_MANY = r"^[+-]?\d{{1,3}}({other}\d{{2,3}})+{other}\d{{3}}$"
#: One mark with exactly three digits behind it and one to three before: either reading is good.
_OPEN = r"^[+-]?[1-9]\d{{0,2}}{mark}\d{{3}}$"
_SINGLE = r"^[+-]?\d*{mark}\d*" + _EXPONENT
_ESCAPED = {".": r"\.", ",": ","}


def _pattern(shape: str, mark: str) -> str:
    return shape.format(mark=_ESCAPED[mark], other=_ESCAPED[other(mark)])


def other(mark: str) -> str:
    """The mark that sets off thousands where `mark` is the decimal one."""
    return "," if mark == "." else "."


@dataclass
class NumberEvidence:
    """How many cells of a column say for certain that the point (the comma) is its decimal mark,
    how many may be read both ways, and the first example of each; `small` counts whole numbers
    below 1000 without a mark."""

    point: int = 0
    comma: int = 0
    open: int = 0
    small: int = 0
    point_shown: str = ""
    comma_shown: str = ""
    open_shown: str = ""

    def add(self, cells: pa.Array) -> None:
        """Look at a block of the column; typed figures say nothing about marks."""
        if not pa.types.is_string(cells.type):
            return
        for mark, count in ((".", self.point), (",", self.comma)):
            if count and plain_floats(cells, mark) is not None:
                return  # nothing here can speak against this mark
        cells = pc.drop_null(tokens(cells))
        marked = cells.filter(pc.match_substring_regex(cells, "[.,]"))
        small = pc.match_substring_regex(cells, r"^[+-]?\d{1,3}$")
        self.small += pc.sum(small).as_py() or 0
        for mark in (".", ","):
            self._count(marked, mark)

    def _count(self, cells: pa.Array, mark: str) -> None:
        is_open = pc.match_substring_regex(cells, _pattern(_OPEN, mark))
        single = pc.match_substring_regex(cells, _pattern(_SINGLE, mark))
        certain = pc.or_(
            pc.and_not(single, is_open),
            pc.or_(
                pc.match_substring_regex(cells, _pattern(_GROUPS, mark)),
                pc.match_substring_regex(cells, _pattern(_MANY, mark)),
            ),
        )
        name = "point" if mark == "." else "comma"
        self._note(name, cells, certain)
        self._note("open", cells, is_open)

    def _note(self, name: str, cells: pa.Array, mask: pa.Array) -> None:
        count = pc.sum(mask).as_py() or 0
        if count and not getattr(self, name):
            shown = cells[pc.index(mask, True).as_py()].as_py()
            setattr(self, f"{name}_shown", shown)
        setattr(self, name, getattr(self, name) + count)


def plain_floats(cells: pa.Array, decimal: str) -> tuple[pa.Array, pa.Array] | None:
    """(the cells with a point, their numbers) of a column that is written as machines do, without
    groups, currencies or odd digits; or None."""
    if decimal == "," and not pc.any(pc.match_substring(cells, ".")).as_py():
        cells = pc.replace_substring(cells, ",", ".")
    elif decimal == ",":
        return None
    try:
        pc.cast(cells[:_TRIED], pa.float64())  # a whole block takes long to fail
        return cells, pc.cast(cells, pa.float64())
    except pa.ArrowInvalid:
        return None


@dataclass(frozen=True)
class Figures:
    """`values`: float64, NaN unknown. `wrong`: not a number. `inexact`: a number whose digits no
    float64 keeps; both are NaN in `values`."""

    values: np.ndarray
    wrong: np.ndarray
    inexact: np.ndarray


def read_figures(cells: pa.Array, decimal: str) -> Figures:
    """A block of a column of figures under the decision for its file."""
    if not pa.types.is_string(cells.type):
        return _typed(cells)
    found = plain_floats(cells, decimal)
    if found is None or pc.any(pc.is_nan(found[1])).as_py():
        found = _parsed(tokens(cells), decimal)
    cells, values = found
    floats = values.to_numpy(zero_copy_only=False).copy()
    wrong = _known(cells) & ~np.isfinite(floats)
    inexact = _inexact(cells, floats)
    floats[wrong | inexact] = np.nan
    return Figures(floats, wrong, inexact)


def _parsed(cells: pa.Array, decimal: str) -> tuple[pa.Array, pa.Array]:
    """(cells without groups and with a point, their numbers); null where it is no number."""
    good = pc.and_(
        pc.match_substring_regex(cells, _pattern(_GRAMMAR, decimal)),
        pc.match_substring_regex(cells, r"^[+-]?[.,]?\d"),
    )
    bare = pc.replace_substring(cells, other(decimal), "")
    if decimal == ",":
        bare = pc.replace_substring(bare, ",", ".")
    return bare, pc.cast(pc.if_else(good, bare, pa.scalar(None, pa.string())), pa.float64())


def _inexact(cells: pa.Array, floats: np.ndarray) -> np.ndarray:
    """Which cells lose a digit as a float64. Up to 15 digits none does; the others are compared
    with what the float prints."""
    lost = np.zeros(len(floats), dtype=bool)
    length = pc.fill_null(pc.binary_length(cells), 0).to_numpy(zero_copy_only=False)
    vanished = (floats == 0) & (length > 3)
    places = np.flatnonzero((length > _SAFE_DIGITS) & np.isfinite(floats) | vanished)
    if not len(places):
        return lost
    shown = pc.cast(pa.array(floats[places]), pa.string())
    same = pc.equal(shown, pc.take(cells, pa.array(places))).to_numpy(zero_copy_only=False)
    for place in places[~same].tolist():
        try:
            lost[place] = Decimal(cells[place].as_py()) != Decimal(repr(float(floats[place])))
        except InvalidOperation:  # an exponent beyond all numbers
            lost[place] = True
    return lost


def _typed(cells: pa.Array) -> Figures:
    """Numbers that were numbers already: integers, floats, decimals."""
    none = np.zeros(len(cells), dtype=bool)
    if pa.types.is_decimal(cells.type) or pa.types.is_integer(cells.type):
        texts = pa.array(
            [None if v is None else number_token(Decimal(v)) for v in cells.to_pylist()],
            pa.string(),
        )
        return read_figures(texts, ".")
    if not pa.types.is_floating(cells.type):
        return Figures(np.full(len(cells), np.nan), ~none & _known(cells), none)
    values = pc.cast(cells, pa.float64()).to_numpy(zero_copy_only=False).copy()
    if pa.types.is_float32(cells.type) or pa.types.is_float16(cells.type):
        # What a float32 prints is what was quoted; its float64 has digits that nobody wrote.
        shown = [np.nan if v is None else float(str(np.float32(v))) for v in cells.to_pylist()]
        values = np.array(shown, dtype="float64")
    wrong = np.isinf(values)
    values[wrong] = np.nan
    return Figures(values, wrong, none)


def _known(cells: pa.Array) -> np.ndarray:
    return pc.is_valid(cells).to_numpy(zero_copy_only=False)
