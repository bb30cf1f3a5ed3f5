"""Times of a local clock -> UTC. The hour that a clock change repeats is told apart by the order of
the rows; the hour that it leaves out does not exist."""

from __future__ import annotations

import datetime as dt
import zoneinfo
from collections.abc import Mapping
from dataclasses import dataclass, field

from django.utils.translation import gettext as _

from analytics.lazily import np, pd
from analytics.services.prices.reading.cells.kinds import DATE, NAIVE, Moments
from analytics.services.prices.reading.courses import TimeCourse
from analytics.services.prices.reading.decisions import Decision
from analytics.services.prices.reading.options import ReadOptions

#: A row of the first or of the second time of an hour that stands twice.
FIRST, SECOND = 0, 1
_FEW = 0.05
_Run = list[tuple[int, int]]


def time_zone(
    course: TimeCourse,
    options: ReadOptions,
    named: tuple[bool, str | None],
    decisions: list[Decision],
) -> str:
    """The zone of the times that name none. `named`: whether the column's name says UTC, and the
    zone of a place in it. Never silent: what was taken is a decision, with the option."""
    utc, place = named
    if not course.naive:
        if options.tz is not None:
            decisions.append(
                Decision(_("time zone"), _("of each time"), _("every time names its own"), "tz")
            )
        return "UTC"
    remembered = str(options.remembered.get("tz") or "")
    if options.tz is not None:
        zone, why = options.tz, _("as asked for")
    elif utc:
        zone, why = "UTC", _("the name of the column says so")
    elif place is not None:
        zone, why = place, _("as the name of the column says")
    elif remembered:
        zone, why = remembered, _("as the last time")
    else:
        zone, why = "UTC", _assumed(course)
    decisions.append(Decision(_("time zone"), zone, why, "tz"))
    return zone


def _assumed(course: TimeCourse) -> str:
    """Why times were read as UTC though nobody said so, and a sign that they are not."""
    why = _(
        "%(count)s times name no zone and were read as UTC; if they are local, name theirs (--tz)"
    ) % {"count": course.naive}
    if course.back and 0 < course.downs <= max(1, _FEW * course.ups) < course.ups:
        sign = _("%(cell)s goes back in time, as local clocks do when summer ends")
        why += "; " + sign % {"cell": course.back}
    return why


@dataclass
class Local:
    """`micros`: UTC, valid where `gap` and `twice` are False. `gap`: this time did not exist.
    `twice`: it existed twice (a day without an hour never does: it begins once)."""

    micros: np.ndarray
    gap: np.ndarray
    twice: np.ndarray


def changes_clock(zone: str, first: int, last: int) -> bool:
    """Whether the zone's offset changes between two moments (microseconds)."""
    tz = zoneinfo.ZoneInfo(zone)
    start = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
    days = range(first // 86_400_000_000 - 1, last // 86_400_000_000 + 2)
    offsets = {(start + dt.timedelta(days=day)).astimezone(tz).utcoffset() for day in days}
    return len(offsets) > 1


def to_utc(moments: Moments, zone: str, folds: np.ndarray | None = None) -> Local:
    """`folds`: FIRST or SECOND for each row that stood twice (others are not looked at)."""
    none = np.zeros(len(moments.micros), dtype=bool)
    local = (moments.kind == NAIVE) | (moments.kind == DATE)
    if zone == "UTC" or not local.any():
        return Local(moments.micros, none, none.copy())
    index = pd.DatetimeIndex(moments.micros[local].astype("datetime64[us]"))
    first = np.ones(len(index), dtype=bool) if folds is None else folds[local] != SECOND
    days = moments.kind[local] == DATE
    first |= days
    gap = index.tz_localize(zone, ambiguous=first, nonexistent="NaT").isna()
    twice = index.tz_localize(zone, ambiguous="NaT", nonexistent="shift_forward").isna()
    found = index.tz_localize(zone, ambiguous=first, nonexistent="shift_forward")
    out = Local(moments.micros.copy(), none, none.copy())
    out.micros[local] = found.tz_convert("UTC").as_unit("us").asi8
    out.gap[local], out.twice[local] = gap & ~days, twice & ~days
    return out


@dataclass
class Folds:
    """The rows of doubled hours, gathered in the order of the source. `direction`: 1 where rows
    follow each other in time, -1 the other way round, 0 neither."""

    runs: dict[int, _Run] = field(default_factory=dict)
    done: list[_Run] = field(default_factory=list)
    last: dict[int, int] = field(default_factory=dict)
    ups: int = 0
    downs: int = 0
    same: int = 0

    def add(self, first: int, keys: np.ndarray, moments: Moments, twice: np.ndarray) -> None:
        """A block whose first row is the `first` of the source; `keys`: its rows' markets."""
        for key in np.unique(keys):
            places = np.flatnonzero((keys == key) & moments.good)
            micros, doubled = moments.micros[places], twice[places]
            self._steps(int(key), micros, doubled)
            run = self.runs.setdefault(int(key), [])
            last = -1
            for n in np.flatnonzero(doubled).tolist():
                if run and n != last + 1:
                    self.done.append(run)
                    run = self.runs[int(key)] = []
                run.append((first + int(places[n]), int(micros[n])))
                last = n
            if run and last + 1 != len(places):
                self.done.append(run)
                self.runs[int(key)] = []

    def _steps(self, key: int, micros: np.ndarray, doubled: np.ndarray) -> None:
        if not len(micros):
            return
        before = self.last.get(key)
        steps = np.diff(micros) if before is None else np.diff(micros, prepend=before)
        steps = steps[~doubled[len(doubled) - len(steps) :]]
        self.ups += int((steps > 0).sum())
        self.downs += int((steps < 0).sum())
        self.same += int((steps == 0).sum())
        self.last[key] = int(micros[-1])

    def told(self) -> Mapping[int, int]:
        """Row -> FIRST or SECOND, for the rows that could be told apart."""
        steps = self.ups + self.downs
        rising = steps > 0 and self.ups >= (1 - _FEW) * steps
        if not rising and not (steps > 0 and self.downs >= (1 - _FEW) * steps):
            return {}
        found: dict[int, int] = {}
        for run in (*self.done, *self.runs.values()):
            ordered = run if rising else run[::-1]
            turn = _turn([micros for _row, micros in ordered], doubles=self.same > 0)
            if turn is not None:
                found |= {
                    row: SECOND if n >= turn else FIRST for n, (row, _m) in enumerate(ordered)
                }
        return found


def _turn(times: list[int], *, doubles: bool) -> int | None:
    """Where the second time of an hour begins: at the only step back; or, in a source without
    doubled rows, at the only time that stands twice."""
    back = [n for n in range(1, len(times)) if times[n] < times[n - 1]]
    if len(back) == 1:
        return back[0]
    same = [n for n in range(1, len(times)) if times[n] == times[n - 1]]
    return same[0] if not back and len(same) == 1 and not doubles else None
