"""The library goes on growing after the training: moments that came later, once their next day is
over. What a recogniser made of them for its last answer stands while their rows do."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ml.pattern.analogues import STRIDE, Library
from ml.pattern.course import DAY, Course


@dataclass(frozen=True)
class Growth:
    """What came after a library: the `points` (n, numbers) of the moments `seconds` (n,) since
    1970, ascending, and the entries of those whose next day is over."""

    seconds: np.ndarray
    points: np.ndarray
    entries: Library

    @classmethod
    def after(cls, library: Library) -> Growth:
        """Nothing yet."""
        return cls(library.seconds[:0], library.points[:0], library.chosen(np.arange(0)))

    def known(self, course: Course, since: int) -> Growth:
        """What stands of it on a course that goes on, from the second `since` on."""
        until = int(course.seconds[course.known - 1]) if course.known else -1
        stands = (self.seconds <= until) & (self.seconds >= since)
        day = int(course.seconds[1] - course.seconds[0]) * DAY if len(course.seconds) > 1 else 0
        over = self.entries.seconds + day <= until
        entries = self.entries.chosen(over & (self.entries.seconds >= since))
        return Growth(self.seconds[stands], self.points[stands], entries)

    def joined(self, course: Course, rows: np.ndarray, points: np.ndarray) -> Growth:
        """With the points of later rows of the course."""
        seconds = np.concatenate([self.seconds, course.seconds[rows]])
        points = np.concatenate([self.points, points])
        last = self.entries.seconds[-1] if len(self.entries) else -1
        places = np.searchsorted(course.seconds, seconds)
        over = (seconds > last) & (places + DAY < len(course.seconds))
        if not over.any():
            return Growth(seconds, points, self.entries)
        found = Library.of(course.grid, places[over], points[over], course)
        return Growth(seconds, points, self.entries.joined(found))


def new_rows(course: Course, usable: np.ndarray, after: int, step_minutes: int) -> np.ndarray:
    """Numbers of the usable rows of a course, every STRIDE-th of a market's, that lie after that
    second."""
    seconds = course.seconds
    first = int(np.searchsorted(seconds, after, side="right"))
    wanted = usable[first:] & (seconds[first:] % (STRIDE * step_minutes * 60) == 0)
    return first + np.flatnonzero(wanted)
