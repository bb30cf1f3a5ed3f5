"""What a reading decided, what it refused, and where it stops and asks."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from django.utils.translation import gettext as _

from analytics.exceptions import InvalidInput, one_line

_SHOWN = 60


@dataclass(frozen=True)
class Decision:
    """One thing that was decided for the whole file. `option` is the field of ReadOptions that
    chooses otherwise (None where nothing else is possible); `choices` are its other values."""

    what: str
    chosen: str
    why: str
    option: str | None = None
    choices: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        for name in ("what", "chosen", "why"):  # they quote the file
            object.__setattr__(self, name, one_line(getattr(self, name)))

    def __str__(self) -> str:
        return f"{self.what}: {self.chosen} ({self.why})" if self.why else self.chosen


@dataclass(frozen=True)
class Choice:
    """One of the readings of a file that leaves it open: the value of the option, and what an
    example of the file becomes under it."""

    value: str
    shown: str


@dataclass(frozen=True)
class Reject:
    """A row that could not be used. `row` counts as a spreadsheet does, the first row is 1: it is
    the number of the line too, unless cells before it hold line breaks."""

    row: int
    reason: str
    content: str


@dataclass
class Rejects:
    """Why rows were refused: how many for each reason, and the first of each."""

    counts: Counter[str] = field(default_factory=Counter)
    examples: dict[str, Reject] = field(default_factory=dict)

    @property
    def total(self) -> int:
        """How many rows were refused."""
        return self.counts.total()

    def add(self, rejects: Iterable[Reject]) -> None:
        """Count them; the first of each reason is kept."""
        for reject in rejects:
            self.counts[reject.reason] += 1
            self.examples.setdefault(reject.reason, reject)

    def lines(self) -> list[str]:
        """A line for each reason, the most frequent first."""
        return [
            _("%(count)d × %(reason)s (row %(row)s: %(content)s)")
            % {
                "count": count,
                "reason": reason,
                "row": self.examples[reason].row,
                "content": shortened(self.examples[reason].content),
            }
            for reason, count in self.counts.most_common()
        ]


def shortened(text: object, most: int = _SHOWN) -> str:
    """One line of at most `most` characters."""
    line = " ".join(one_line(str(text)).split())
    return line if len(line) <= most else line[: most - 1] + "…"


def undecided(code: str, message: str, option: str, choices: Sequence[Choice]) -> InvalidInput:
    """The stop of a reading that the file leaves open: the message shows the readings, the fields
    name the option, `details["choices"]` hold value and example of each."""
    shown = [one_line(choice.shown) for choice in choices]
    pairs = zip(choices, shown, strict=True)
    readings = "; ".join(f"--{flag(option)} {choice.value}: {text}" for choice, text in pairs)
    return InvalidInput(
        f"{message} {readings}." if readings else message,
        code,
        {option: _("choose how it is to be read")},
        option=option,
        choices=[
            {"value": choice.value, "shown": text}
            for choice, text in zip(choices, shown, strict=True)
        ],
    )


def flag(option: str) -> str:
    """The command line's spelling of an option."""
    return option.replace("_", "-")


def unreadable(name: str, why: object) -> InvalidInput:
    """The refusal of a file that cannot be read at all."""
    return InvalidInput(
        _("%(file)s cannot be read: %(why)s.")
        % {"file": name, "why": shortened(why, 200).rstrip(".") or type(why).__name__},
        "bad_file",
        {"path": _("cannot be read")},
    )


def empty(name: str) -> InvalidInput:
    """The refusal of a file without anything in it."""
    return InvalidInput(
        _("%(file)s is empty.") % {"file": name}, "empty_file", {"path": _("empty")}
    )


def no_rows(name: str) -> InvalidInput:
    """The refusal of a file that has a header only."""
    return InvalidInput(
        _("%(file)s has a header and no rows.") % {"file": name},
        "empty_file",
        {"path": _("no rows")},
    )
