"""Serve the pattern task: the regime at a moment, from the rows up to that moment."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from ml.graph import Network
from ml.grid import missing_notes
from ml.pattern.analogues import Library, Scaler, find_analogues
from ml.pattern.baseline import TrailingRule
from ml.pattern.course import DAY, MONTH, WARM_UP, Course
from ml.pattern.features import make_channels, usable_rows, whole_windows
from ml.pattern.gridding import CONTEXT, missing_columns, pattern_grid
from ml.pattern.growth import Growth, new_rows
from ml.pattern.labels import make_labels
from ml.pattern.measure import measure_all
from ml.pattern.naming import MEMORY, held_at, held_names, to_pattern
from ml.pattern.proof import from_metrics, prove
from ml.pattern.recognizer import (
    Remembered,
    asking,
    by_row,
    least_part,
    looks_of,
    predict,
    windows_of,
)
from ml.results import Analogues, Pattern, Patterns
from ml.spec import Source

#: Head -> (rows, classes), and the embedding (numbers,) of the last row.
_Said = tuple[dict[str, np.ndarray], np.ndarray]
#: Columns that a channel or a label is made of; the rest of the quotes is not asked for.
USED = ("bid", "ask", "price", "bid_volume", "ask_volume")


@dataclass(frozen=True)
class _Standing:
    """What is kept of the last answer for the next one."""

    course: Course
    growth: Growth


class PatternRecognizer:
    """A trained recogniser (see ml.pipeline.PatternServer); threads may share it. `network` is
    ml.networks.pattern.Together, `manifest` the artifact's."""

    _stands: _Standing | None = None

    def __init__(
        self,
        manifest: Mapping[str, Any],
        network: Network,
        scaler: Scaler,
        library: Library,
    ) -> None:
        section = manifest["section"]
        self.name, self.baseline = manifest["family"], manifest["baseline"]
        self.step, self.window = int(manifest["step_minutes"]), int(section["window"])
        self.columns = tuple(manifest["input_columns"])
        self.temperatures: dict[str, float] = {
            h: section["temperatures"][h] for h in section["heads"]
        }
        self.rule = TrailingRule.from_json(section["rule"])
        self.network, self.scaler, self.library = network, scaler, library
        self.remembered = Remembered()
        self.gain = from_metrics(manifest.get("metrics", {}))
        self.day = DAY * self.step * 60  # seconds

    def _answers(self, course: Course, wanted: np.ndarray, *, remember: bool = False) -> _Said:
        """What the networks say; meaningful on the rows of the mask `wanted`, which have no gap
        between them where the answers are to be remembered."""
        _names, channels = make_channels(course.grid, course)
        ask_network = asking(self.network, windows_of(channels, self.window))
        rows, looks = np.flatnonzero(wanted), np.empty((0, 0), np.float32)

        def ask(numbers: np.ndarray) -> dict[str, np.ndarray]:
            nonlocal looks
            starts = rows[numbers] - self.window + 1
            tables, looks = predict(ask_network, starts, self.temperatures)
            return tables

        if not remember:
            return by_row(ask(np.arange(len(rows))), wanted), looks[-1:]
        block = channels[rows[0] - self.window + 1 : rows[-1] + 1]
        tables = self.remembered.answers(course.seconds[rows], block, ask, least_part(self.network))
        return by_row(tables, wanted), looks[-1:]

    def recognize(
        self, quotes: pd.DataFrame, *, at: dt.datetime, history: int, source: Source
    ) -> Patterns:
        """The regime at the last grid row at or before `at`, and the `history` rows before it.
        Raises ArtifactMismatch (columns) and NotEnoughData."""
        end = pd.Timestamp(at)
        back = max(history + MEMORY, self._behind(end) if source == Source.NETWORK else 0)
        start = end - pd.Timedelta(minutes=back * self.step)
        grid = pattern_grid(quotes, self.columns, start, end, self.step)
        rows = np.arange(len(grid))
        asked = (rows >= len(grid) - 1 - history) & (rows >= WARM_UP - 1)
        heard = (rows >= len(grid) - 1 - history - MEMORY) & (rows >= WARM_UP - 1)
        stood = self._goes_on(grid, back)
        course, analogues = Course(grid, stood.course if stood else None), None
        if source == Source.BASELINE:
            tables = self.rule.probabilities(grid)
        else:
            tables, look = self._answers(course, heard, remember=True)
            analogues = self._analogues(course, look, stood.growth if stood else None)
        tables = {h: t[heard] for h, t in tables.items()}
        missing = missing_columns(quotes, self.columns)
        if missing:  # nothing is known of how deep the market is
            tables.pop("liquidity", None)
        held = held_names(tables, source)
        index = grid.index[heard]
        named = []
        for r in np.flatnonzero(asked[heard]).tolist():
            said = {h: t[r] for h, t in tables.items()}
            named.append(to_pattern(index[r].to_pydatetime(), said, held_at(held, index, r)))
        return Patterns(
            current=named[-1],
            history=tuple(named[:-1]),
            source=source,
            name=self.baseline if source == Source.BASELINE else self.name,
            notes=(*missing_notes(missing), *self._notes(grid, named[-1])),
            analogues=analogues,
        )

    def _goes_on(self, grid: pd.DataFrame, back: int) -> _Standing | None:
        """What stands of the last answer: where the grid holds all that its last `back` rows and
        the one before depend on, or begins where it began. Else each row depends on where the
        quotes happen to begin."""
        stood = self._stands
        if stood is None or len(grid) > CONTEXT + back:
            return stood
        return stood if stood.course.seconds[0] == int(grid.index[0].timestamp()) else None

    def _behind(self, end: pd.Timestamp) -> int:
        """Rows since the library's last moment, a month of them at most: moments that came later
        are in it if they are no older."""
        last = int(self.library.seconds[-1]) if len(self.library) else 0
        return min(MONTH, (int(end.timestamp()) - last) // (60 * self.step))

    def _grown(self, course: Course, usable: np.ndarray, growth: Growth, since: int) -> Growth:
        """With the moments from the second `since` on that it does not have yet."""
        last = max(
            (int(a[-1]) for a in (self.library.seconds, growth.seconds) if len(a)), default=-1
        )
        rows = new_rows(course, usable, max(last, since - 1), self.step)
        if not len(rows):
            return growth.joined(course, rows, growth.points[:0])
        _names, channels = make_channels(course.grid, course)
        ask = asking(self.network, windows_of(channels, self.window))
        looks = looks_of(ask, rows - self.window + 1)
        return growth.joined(course, rows, self.scaler(np.hstack([looks, channels[rows]])))

    def _analogues(
        self, course: Course, look: np.ndarray, growth: Growth | None
    ) -> Analogues | None:
        """Of the course's last row, of which `look` is the embedding."""
        since = int(course.seconds[-1]) - MONTH * self.step * 60
        own = growth.known(course, since) if growth else Growth.after(self.library)
        usable = usable_rows(course.grid, self.window, self.step)
        grown = self._grown(course, usable, own, since)
        self._stands = _Standing(course, grown)
        if not usable[-1]:
            return None
        _names, channels = make_channels(course.grid, course)
        return find_analogues(
            self.library.joined(grown.entries),
            self.scaler(np.hstack([look, channels[-1:]]))[0],
            now=int(course.seconds[-1]),
            day=self.day,
            scale=float(course.scale[-1]),
            gain=self.gain,
        )

    def _notes(self, grid: pd.DataFrame, current: Pattern) -> tuple[str, ...]:
        notes = []
        if len(grid) < MONTH:
            notes.append(f"short history: the trailing scales rest on {len(grid)} of {MONTH} rows")
        last = grid.iloc[-self.window :]
        if not whole_windows(last, self.window, step_minutes=self.step)[-1]:
            notes.append("there is a gap in the quotes within the last window")
        if not current.clear:
            notes.append("no clear pattern")
        return tuple(notes)

    def evaluate(
        self, quotes: pd.DataFrame, *, start: dt.datetime, end: dt.datetime, source: Source
    ) -> dict[str, float | None]:
        """The metrics of the training, on another stretch; labels end where the quotes end."""
        first, last = pd.Timestamp(start), pd.Timestamp(end)
        grid = pattern_grid(quotes, self.columns, first, last, self.step)
        whole = usable_rows(grid, self.window, self.step)
        usable = whole & np.asarray(grid.index >= first)
        course = Course(grid)
        truth = make_labels(grid, centred=True, course=course)
        if source == Source.BASELINE:
            return measure_all(truth, self.rule.probabilities(grid), usable, source, self.step)
        tables, _look = self._answers(course, usable)
        grown = self._grown(course, whole, Growth.after(self.library), 0)
        gain = prove(self.library.joined(grown.entries), int(first.timestamp()), self.day)
        return measure_all(truth, tables, usable, source, self.step, gain)
