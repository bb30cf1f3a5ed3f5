"""What happened, line by line as it happens, and at the end: what did and what did not."""

from __future__ import annotations

import sys
import time
from dataclasses import dataclass, field


@dataclass
class Report:
    """`done` has an entry per item that was to happen: whether it did, and how or why not."""

    done: dict[str, tuple[bool, str]] = field(default_factory=dict)
    began: float = field(default_factory=time.monotonic)

    def say(self, text: str) -> None:
        sys.stdout.write(f"{time.monotonic() - self.began:6.1f} s  {text}\n")
        sys.stdout.flush()

    def note(self, item: str, ok: bool, text: str) -> bool:
        self.done[item] = ok, text
        self.say(f"{'OK    ' if ok else 'FAILED'} {item}: {text}")
        return ok

    def expect(self, *items: str) -> None:
        """What is to happen counts as not happened until it is noted."""
        for item in items:
            self.done.setdefault(item, (False, "it never came to that"))

    @property
    def ok(self) -> bool:
        return bool(self.done) and all(ok for ok, _text in self.done.values())

    def summary(self) -> None:
        took = time.monotonic() - self.began
        lines = ["", f"What happened, in {took:.0f} s:"]
        for item, (ok, text) in self.done.items():
            lines.append(f"  {'OK    ' if ok else 'FAILED'} {item}: {text}")
        bad = sum(not ok for ok, _text in self.done.values())
        lines.append("All of it happened." if not bad else f"{bad} of {len(self.done)} did not.")
        sys.stdout.write("\n".join(lines) + "\n")
        sys.stdout.flush()
