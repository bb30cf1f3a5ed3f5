"""Serve the pattern task: the regime at a moment, from the rows up to that moment."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
import torch
from torch import Tensor

from ml.errors import ArtifactMismatch, NotEnoughData
from ml.grid import build_grid, missing_notes
from ml.pattern.analogues import STRIDE, Library, Scaler, find_analogues, raw_points
from ml.pattern.baseline import TrailingRule
from ml.pattern.features import make_channels, usable_rows, whole_windows
from ml.pattern.labels import CLASSES, DAY, MONTH, WARM_UP, Course, make_labels
from ml.pattern.measure import measure_all
from ml.pattern.naming import MEMORY, held_at, held_names, to_pattern
from ml.pattern.nets import PatternNetwork
from ml.pattern.proof import from_metrics, prove
from ml.pattern.recognizer import Remembered, by_row, mirror_of, predict, windows_of
from ml.pipeline import family_of
from ml.quotes import staleness_limit
from ml.results import Analogues, Pattern, Patterns
from ml.spec import Source
from ml.tasks import TASKS, Task

#: Names and (rows, channels), as make_channels gives them.
Channels = tuple[tuple[str, ...], np.ndarray]
#: Columns that a channel or a label is made of; the rest of the quotes is not asked for.
USED = ("bid", "ask", "price", "bid_volume", "ask_volume")
#: Rows before a row that its channels depend on: a month's MAD around a month's median, and more.
CONTEXT = 2 * MONTH + WARM_UP


class PatternRecognizer:
    """A trained recogniser (see ml.pipeline.PatternServer); threads may share it.
    Raises ArtifactMismatch where the artifact is of another version."""

    def __init__(
        self, manifest: Mapping[str, Any], tensors: Mapping[str, Tensor], device: torch.device
    ) -> None:
        try:
            self._read(manifest, tensors, device)
        except (KeyError, TypeError, RuntimeError) as error:
            raise ArtifactMismatch(
                "This pattern model was written by another version; train it again.",
                {"artifact": str(error).splitlines()[0]},
            ) from error

    def _read(
        self, manifest: Mapping[str, Any], tensors: Mapping[str, Tensor], device: torch.device
    ) -> None:
        section = manifest["section"]
        spec, config = family_of(manifest)
        self.name, self.baseline = manifest["family"], manifest["baseline"]
        self.step, self.window = int(manifest["step_minutes"]), int(section["window"])
        self.columns, self.device = tuple(manifest["input_columns"]), device
        self.temperatures: dict[str, float] = {
            h: section["temperatures"][h] for h in section["heads"]
        }
        self.rule = TrailingRule.from_json(section["rule"])
        classes = {h: len(CLASSES[h]) for h in section["heads"]}
        self.networks: list[PatternNetwork] = []
        for number in range(int(section["networks"])):
            network = spec.build(config, len(section["channels"]), classes, int(section["figures"]))
            own = f"{number}."
            network.load_state_dict(
                {k.removeprefix(own): v for k, v in tensors.items() if k.startswith(own)}
            )
            self.networks.append(network.to(device).eval())
        self.scaler, self.library = Scaler.from_tensors(tensors), Library.from_tensors(tensors)
        self.remembered = Remembered()
        self.gain = from_metrics(manifest.get("metrics", {}))
        self.day = DAY * self.step * 60  # seconds

    def _grid(self, quotes: pd.DataFrame, start: pd.Timestamp, end: pd.Timestamp) -> pd.DataFrame:
        """The grid up to `end` with the rows before `start` that its channels depend on."""
        missing = self._missing(quotes)
        if any(not column.endswith("volume") for column in missing):
            raise ArtifactMismatch(
                "These quotes lack columns that the model was trained on.",
                {"columns": ", ".join(missing)},
            )
        back = pd.Timedelta(minutes=CONTEXT * self.step + staleness_limit(self.step))
        there = [c for c in self.columns if c not in missing]
        grid = build_grid(quotes.loc[start - back : end, there], step_minutes=self.step, end=end)
        grid = grid.assign(**{c: np.nan for c in self.columns if c not in grid})
        if len(grid) < WARM_UP:
            raise NotEnoughData(
                f"Naming a pattern needs {WARM_UP} grid rows; there are {len(grid)}.",
                needed=WARM_UP,
                present=len(grid),
            )
        return grid

    def _missing(self, quotes: pd.DataFrame) -> list[str]:
        return [c for c in self.columns if c not in quotes.columns]

    def _answers(
        self,
        grid: pd.DataFrame,
        wanted: np.ndarray,
        source: Source,
        made: Channels,
        *,
        remember: bool = False,
    ) -> dict[str, np.ndarray]:
        """Head -> (rows, classes); meaningful on the rows of the mask `wanted`, which have no gap
        between them where the answers are to be remembered."""
        if source == Source.BASELINE:
            return self.rule.probabilities(grid)
        names, channels = made
        windows = windows_of(channels, self.window, self.device)
        mirror, rows = mirror_of(names, self.device), np.flatnonzero(wanted)

        def ask(numbers: np.ndarray) -> dict[str, np.ndarray]:
            starts = rows[numbers] - self.window + 1
            return predict(self.networks, windows, starts, mirror, self.temperatures)

        if not remember:
            return by_row(ask(np.arange(len(rows))), wanted)
        seconds, first = grid.index.as_unit("s").asi8[rows], rows[0] - self.window + 1
        block = channels[first : rows[-1] + 1]
        return by_row(self.remembered.answers(seconds, block, ask), wanted)

    def recognize(
        self, quotes: pd.DataFrame, *, at: dt.datetime, history: int, source: Source
    ) -> Patterns:
        """The regime at the last grid row at or before `at`, and the `history` rows before it.
        Raises ArtifactMismatch (columns) and NotEnoughData."""
        end = pd.Timestamp(at)
        start = end - pd.Timedelta(minutes=(history + MEMORY) * self.step)
        grid = self._grid(quotes, start, end)
        rows = np.arange(len(grid))
        asked = (rows >= len(grid) - 1 - history) & (rows >= WARM_UP - 1)
        heard = (rows >= len(grid) - 1 - history - MEMORY) & (rows >= WARM_UP - 1)
        course = Course(grid)
        made = make_channels(grid, course)
        tables = {
            h: t[heard] for h, t in self._answers(grid, heard, source, made, remember=True).items()
        }
        missing = self._missing(quotes)
        if missing:  # nothing is known of how deep the market is
            tables.pop("liquidity", None)
        held = held_names(tables, source)
        index = grid.index[heard]
        named = [
            to_pattern(
                index[r].to_pydatetime(),
                {h: t[r] for h, t in tables.items()},
                held_at(held, index, r),
            )
            for r in np.flatnonzero(asked[heard]).tolist()
        ]
        return Patterns(
            current=named[-1],
            history=tuple(named[:-1]),
            source=source,
            name=self.baseline if source == Source.BASELINE else self.name,
            notes=(*missing_notes(missing), *self._notes(grid, named[-1])),
            analogues=self._analogues(course, made[1]) if source == Source.NETWORK else None,
        )

    def _grown(self, course: Course, channels: np.ndarray) -> tuple[Library, np.ndarray]:
        """The library with what the grid adds to it, and the point of the grid's last row."""
        grid = course.grid
        windows = windows_of(channels, self.window, self.device)
        rows = np.flatnonzero(usable_rows(grid, self.window, self.step))
        seconds = grid.index.as_unit("s").asi8[rows]
        new = seconds > (self.library.seconds[-1] if len(self.library) else -1)
        rows = rows[new & (seconds % (STRIDE * self.step * 60) == 0)]
        asked = np.r_[rows, len(grid) - 1]
        points = self.scaler(raw_points(self.networks, windows, channels, asked))
        if not (rows + DAY < len(grid)).any():  # the next day of none is over
            return self.library, points[-1]
        return self.library.joined(Library.of(grid, rows, points[:-1], course)), points[-1]

    def _analogues(self, course: Course, channels: np.ndarray) -> Analogues | None:
        grid = course.grid
        if not usable_rows(grid, self.window, self.step)[-1]:
            return None
        library, point = self._grown(course, channels)
        return find_analogues(
            library,
            point,
            now=int(grid.index[-1].timestamp()),
            day=self.day,
            scale=float(course.scale.iloc[-1]),
            gain=self.gain,
        )

    def _notes(self, grid: pd.DataFrame, current: Pattern) -> tuple[str, ...]:
        notes = []
        if len(grid) < MONTH:
            notes.append(f"short history: the trailing scales rest on {len(grid)} of {MONTH} rows")
        if not whole_windows(grid, self.window, step_minutes=self.step)[-1]:
            notes.append("there is a gap in the quotes within the last window")
        if not current.clear:
            notes.append("no clear pattern")
        return tuple(notes)

    def evaluate(
        self, quotes: pd.DataFrame, *, start: dt.datetime, end: dt.datetime, source: Source
    ) -> dict[str, float | None]:
        """The metrics of the training, on another stretch; labels end where the quotes end."""
        first, last = pd.Timestamp(start), pd.Timestamp(end)
        grid = self._grid(quotes, first, last)
        usable = usable_rows(grid, self.window, self.step) & np.asarray(grid.index >= first)
        course = Course(grid)
        made = make_channels(grid, course)
        tables = self._answers(grid, usable, source, made)
        truth = make_labels(grid, centred=True, course=course)
        gain = None
        if source == Source.NETWORK:
            library, _ = self._grown(course, made[1])
            gain = prove(library, int(first.timestamp()), self.day)
        return measure_all(truth, tables, usable, source, self.step, gain)


class RuleRecognizer(PatternRecognizer):
    """Serves patterns without a network; whatever source is asked for, the rule answers."""

    def __init__(self, task: Task, quotes: pd.DataFrame, step_minutes: int) -> None:
        self.name = self.baseline = TASKS[task].baseline
        self.step, self.window = step_minutes, 1
        self.columns = tuple(c for c in quotes.columns if c in USED)
        self.device, self.gain, self.day = torch.device("cpu"), None, DAY * step_minutes * 60
        grid = self._grid(quotes, quotes.index[0], quotes.index[-1])
        truth = make_labels(grid, centred=True)
        self.rule = TrailingRule.fit(grid, truth, np.full(len(grid), True))

    def recognize(
        self, quotes: pd.DataFrame, *, at: dt.datetime, history: int, source: Source
    ) -> Patterns:
        """What the rule says."""
        found = super().recognize(quotes, at=at, history=history, source=Source.BASELINE)
        return replace(found, notes=(*found.notes, "the trailing rule answers, not a network"))

    def evaluate(
        self, quotes: pd.DataFrame, *, start: dt.datetime, end: dt.datetime, source: Source
    ) -> dict[str, float | None]:
        """The rule's metrics."""
        return super().evaluate(quotes, start=start, end=end, source=Source.BASELINE)
