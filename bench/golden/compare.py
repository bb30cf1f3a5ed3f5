"""Two recordings side by side: every difference with its path.

Written here although `deepdiff` exists: that knows an absolute tolerance or significant digits, and
no relative one; with the renames it would need more code around it than this."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

#: Numbers agree to this part of the larger one, or where both are nothing but rounding.
RELATIVE, ABSOLUTE = 1e-9, 1e-12
_MISSING = object()


@dataclass(frozen=True)
class Difference:
    path: str
    old: str
    new: str

    def __str__(self) -> str:
        return f"{self.path}\n    old: {self.old}\n    new: {self.new}"


@dataclass
class Outcome:
    """`values` counts the strings and numbers that were looked at."""

    values: int = 0
    unexplained: list[Difference] = field(default_factory=list)
    allowed: list[Difference] = field(default_factory=list)


class Comparison:
    """`renamed` maps an old name to its new one: a key, or a string that is nothing but that name.
    `allowed` are globs over paths such as faces/lists/models/*/checksum."""

    def __init__(
        self,
        *,
        renamed: Mapping[str, str] | None = None,
        allowed: Sequence[str] = (),
        relative: float = RELATIVE,
    ) -> None:
        self.renamed, self.globs, self.relative = dict(renamed or {}), tuple(allowed), relative
        self.outcome = Outcome()

    def folders(self, old: Path, new: Path, parts: Sequence[str]) -> Outcome:
        """Compare the files `<part>.json` of both folders."""
        for part in parts:
            both = [folder / f"{part}.json" for folder in (old, new)]
            read = [json.loads(p.read_text()) if p.exists() else _MISSING for p in both]
            self.values(*read, path=part)
        return self.outcome

    def values(self, old: Any, new: Any, *, path: str) -> None:
        if isinstance(old, dict) and isinstance(new, dict):
            for step, was, now in self._pairs(old, new):
                self.values(was, now, path=f"{path}/{step}")
            return
        if isinstance(old, list) and isinstance(new, list):
            self._lists(old, new, path)
            return
        self.outcome.values += 1
        if not self._same(old, new):
            self._note(Difference(path, _shown(old), _shown(new)))

    def _lists(self, old: list[Any], new: list[Any], path: str) -> None:
        """Place by place; where every entry has a name of its own, name by name and their order."""
        was, now = _by_name(old), _by_name(new)
        if was is not None and now is not None:
            self.values(was, now, path=path)
            known = [name if name in now else self.renamed.get(name, name) for name in was]
            kept = [name for name in known if name in now]
            orders = (", ".join(kept), ", ".join(name for name in now if name in kept))
            self.values(*orders, path=f"{path}/order")
            return
        for number in range(max(len(old), len(new))):
            pair = (x[number] if number < len(x) else _MISSING for x in (old, new))
            self.values(*pair, path=f"{path}/{number}")

    def _pairs(self, old: dict[str, Any], new: dict[str, Any]) -> Iterator[tuple[str, Any, Any]]:
        """(key, old, new); a key that is gone is looked for under its new name."""
        known = set()
        for key, was in old.items():
            name = key if key in new else self.renamed.get(key, key)
            known.add(name)
            yield key, was, new.get(name, _MISSING)
        for key in new:
            if key not in known:
                yield key, _MISSING, new[key]

    def _same(self, old: Any, new: Any) -> bool:
        if isinstance(old, str):
            return new in (old, self.renamed.get(old, old))
        if isinstance(old, bool) or isinstance(new, bool):
            return old is new
        if isinstance(old, (int, float)) and isinstance(new, (int, float)):
            return abs(old - new) <= max(self.relative * max(abs(old), abs(new)), ABSOLUTE)
        return type(old) is type(new) and old == new

    def _note(self, found: Difference) -> None:
        explained = any(fnmatchcase(found.path, glob) for glob in self.globs)
        (self.outcome.allowed if explained else self.outcome.unexplained).append(found)


def _by_name(rows: list[Any]) -> dict[str, Any] | None:
    names = [row.get("name") if isinstance(row, dict) else None for row in rows]
    good = bool(rows) and all(isinstance(name, str) for name in names)
    return dict(zip(names, rows, strict=True)) if good and len(set(names)) == len(rows) else None


def _shown(value: Any) -> str:
    text = "(missing)" if value is _MISSING else json.dumps(value, ensure_ascii=False)
    return text if len(text) <= 300 else f"{text[:300]}..."
