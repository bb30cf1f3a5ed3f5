"""What `ml` refuses, for people: the templates of its messages and of what it says of a field.

`ml` knows no translations and answers with whole English sentences; `analytics.retelling` knows
them again by these. A refusal of `ml` that has none here stays English, and a test names it."""

from __future__ import annotations

from django.utils.translation import gettext_noop

TEMPLATES = (
    # too little history
    gettext_noop("Saying what is strange needs %(needed)s quotes; there are %(present)s."),
    gettext_noop("An anomaly detector needs %(needed)s rows %(what)s; there are %(present)s."),
    gettext_noop("An anomaly detector needs more than %(needed)s rows; there are %(present)s."),
    gettext_noop("with a price"),
    gettext_noop("to learn from"),
    gettext_noop("to validate on"),
    gettext_noop("The last stretch has too few quotes to plant faults and measure a detector."),
    gettext_noop("There are only %(present)s windows of %(window)s readings."),
    gettext_noop("A scan needs %(needed)s readings; there are %(present)s."),
    gettext_noop("A stream starts after %(needed)s readings; there are %(present)s."),
    gettext_noop("Scoring values needs %(needed)s rows to learn from; there are %(present)s."),
    gettext_noop("give a longer file, or a later moment to learn until"),
    gettext_noop("There is no quote before the backtest."),
    gettext_noop("No moment of the backtest has a known price."),
    gettext_noop("%(metric)s cannot be measured there."),
    gettext_noop("Nothing moved in that stretch."),
    gettext_noop("The stretch is shorter than a step."),
    gettext_noop("No row of that stretch has a label."),
    gettext_noop("Nothing could be planted in that stretch."),
    gettext_noop("Too few rows to compare."),
    gettext_noop("There is no quote to be measured on."),
    gettext_noop("No moment of that stretch has a known price."),
    gettext_noop(
        "A forecast needs %(needed)s grid rows of %(step)s minutes up to its moment, and has "
        "%(present)s."
    ),
    gettext_noop(
        "A forecast needs at least %(needed)s grid rows to learn from, and has %(present)s."
    ),
    gettext_noop(
        "Only %(present)s windows without a gap are left %(what)s; %(needed)s are needed."
    ),
    gettext_noop("Naming a pattern needs %(needed)s grid rows; there are %(present)s."),
    gettext_noop(
        "A pattern recogniser needs %(needed)s grid rows; %(present)s of %(rows)s are usable."
    ),
    gettext_noop("Gaps leave no unbroken windows to train or to judge on."),
    gettext_noop(
        "The last stretch, from %(day)s on, holds nothing that a %(task)s model could be measured "
        "on."
    ),
    # quotes
    gettext_noop("There is no row to score."),
    gettext_noop("there is none"),
    gettext_noop("There is no value to learn from."),
    gettext_noop("unknown in each of the first %(rows)s rows"),
    gettext_noop("A spread needs both sides of the market, bid and ask."),
    gettext_noop("is missing"),
    gettext_noop("Quotes need an index of aware timestamps."),
    gettext_noop("without a time zone"),
    gettext_noop("Timestamps must be sorted and unique."),
    gettext_noop("not sorted, or not unique"),
    gettext_noop("There is no quote at or before that moment."),
    gettext_noop("Quotes need a price: bid and ask, or price."),
    gettext_noop("no price"),
    # what is asked for
    gettext_noop("No %(task)s family %(family)s; known are %(known)s."),
    gettext_noop("No model family %(family)s; known are %(known)s."),
    gettext_noop("The family %(family)s learns %(tasks)s: say which task."),
    gettext_noop("Some training parameters cannot be used."),
    gettext_noop("must be a number of type %(kind)s, not %(value)s"),
    gettext_noop("must be of type %(kind)s, not %(value)s"),
    gettext_noop("must be a finite number"),
    gettext_noop("unknown parameter; known are %(known)s"),
    gettext_noop("must be between %(low)s and %(high)s, not %(value)s"),
    gettext_noop("must be a multiple of %(multiple)s, not %(value)s"),
    gettext_noop("must be LOW..HIGH, the lower end first, not %(value)s"),
    gettext_noop("This backtest cannot be run."),
    gettext_noop("must be price or spread"),
    gettext_noop("must be one of %(known)s, not %(value)s"),
    gettext_noop("must be later than the start"),
    gettext_noop("must lie at most %(steps)s grid steps after the start"),
    gettext_noop("must be at least 1"),
    gettext_noop("must be at least a day"),
    gettext_noop("Unknown mode."),
    gettext_noop("must be entire or last, not %(value)s"),
    gettext_noop("An alarm rate and a sensitivity say the same thing."),
    gettext_noop("give it or alarm_rate, not both"),
    gettext_noop("This alarm rate cannot be promised."),
    gettext_noop('must be like "1/week" or "1/day", at most %(most)s a week, not %(value)s'),
    gettext_noop("This sensitivity does not exist."),
    gettext_noop("No epoch gave a finite loss; try a smaller learning rate."),
    gettext_noop("%(rate)s is too large for this data"),
    gettext_noop("The device %(wish)s is not here; this machine has %(here)s."),
    gettext_noop("choose one of: %(here)s"),
    # artifacts
    gettext_noop("The artifact %(name)s has no %(file)s."),
    gettext_noop("The manifest of %(name)s does not match its checksum."),
    gettext_noop("The manifest of %(name)s is not JSON."),
    gettext_noop("The manifest of %(name)s is not an object."),
    gettext_noop("The artifact %(name)s has format %(format)s, not %(known)s."),
    gettext_noop("The weights of %(name)s do not match their checksum."),
    gettext_noop("The network of %(name)s does not match its checksum."),
    gettext_noop("This artifact's network cannot be run here; train it again."),
    gettext_noop("The weights of %(name)s cannot be read."),
    gettext_noop("This artifact does not fit the family %(family)s."),
    gettext_noop(
        "This artifact's configuration does not fit the family %(family)s; train it again."
    ),
    gettext_noop("This pattern model was written by another version; train it again."),
    gettext_noop("This detector is of an older make; train it again."),
    gettext_noop("This model was trained with %(column)s, and the quotes have none."),
    gettext_noop("These quotes lack columns that the model was trained on."),
    gettext_noop("This model answers %(task)s, not price or spread."),
    gettext_noop("This model answers %(task)s, not %(asked)s."),
    gettext_noop("The baseline keeps no stream; ask it for a scan."),
    gettext_noop("This state of a stream is of another version."),
    gettext_noop("This is no state of a stream: %(why)s"),
    # asked to stop
    gettext_noop("The backtest was asked to stop."),
    gettext_noop("The scoring was cancelled."),
    gettext_noop("The training was cancelled."),
)
