"""From what is seen to what is told: once per crossing, not again before it was clear in between,
not within the cooldown, and no old news. Pure: the same function judges live and on history."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

#: Keys of firings that a state remembers.
REMEMBERED = 100


@dataclass(frozen=True, kw_only=True)
class Sight:
    """What a rule sees at a moment: `on` where its condition holds, `clear` where it holds no
    more with the hysteresis (neither: in between). `subject` tells things apart that one rule
    watches side by side (versions, workers). `key` names the event, so that it is told once; by
    default the moment does. `once`: an event by itself, not the state of something."""

    at: dt.datetime
    on: bool
    clear: bool = False
    values: Mapping[str, Any] = field(default_factory=dict)
    subject: str = ""
    key: str = ""
    once: bool = False

    @property
    def event(self) -> str:
        return f"{self.subject}|{self.key or self.at.isoformat()}"


@dataclass(frozen=True, kw_only=True)
class Standing:
    """Where a rule stands with one subject of one market."""

    raised: bool = False
    seen_at: dt.datetime | None = None
    fired_at: dt.datetime | None = None
    told: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Manner:
    """`cooldown` between two firings; nothing that was seen before `news_from` fires; `crossing`:
    the first look only learns on which side things are."""

    cooldown: dt.timedelta = dt.timedelta(0)
    news_from: dt.datetime | None = None
    crossing: bool = False


def advance(
    sights: Iterable[Sight], before: Standing | None, manner: Manner
) -> tuple[Standing, list[Sight]]:
    """Where the rule stands after these sights of one subject (ascending), and which of them
    fire. Sights that were seen before are passed over: doing it again changes nothing."""
    state, fired = before or Standing(), []
    learnt = before is not None or not manner.crossing
    for sight in sights:
        if not sight.once and state.seen_at is not None and sight.at <= state.seen_at:
            continue
        if not learnt:
            state, learnt = replace(state, raised=sight.on), True
        elif state.raised and not sight.once:
            state = replace(state, raised=not sight.clear)
        elif sight.on and _is_news(sight, state, manner):
            fired.append(sight)
            told = (*state.told, sight.event)[-REMEMBERED:]
            state = replace(state, raised=not sight.once, fired_at=sight.at, told=told)
        state = replace(state, seen_at=max(sight.at, state.seen_at or sight.at))
    return state, fired


def _is_news(sight: Sight, state: Standing, manner: Manner) -> bool:
    if sight.event in state.told:
        return False
    if manner.news_from is not None and sight.at < manner.news_from:
        return False
    return state.fired_at is None or abs(sight.at - state.fired_at) >= manner.cooldown
