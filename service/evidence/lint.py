"""What can be checked of a printed effect without its data."""

from collections.abc import Iterator

from service.evidence.effect import Interval

ASYMMETRY = 0.1
"""Standard errors by which rounding to two decimals may move an estimate off the middle of its interval."""
TOLERANCE = 1.1
"""An interval may imply a tenth more events than there were people, for rounding and unequal arms."""


def faults(effect: Interval, people: int | None) -> Iterator[str]:
    """What is wrong with the effect; nothing where it can be right. `people`: how many were analysed."""
    if not 0 < effect.low < effect.high:
        yield "the interval is empty or not positive"
        return
    if not effect.inside:
        yield "the estimate lies outside its interval"
    elif effect.asymmetry > ASYMMETRY:
        yield f"the estimate is {effect.asymmetry:.2f} standard errors off the middle of its interval (log scale)"
    if people is not None and effect.events_implied > people * TOLERANCE:
        yield f"the interval is narrower than {people} people allow: it implies {effect.events_implied:.0f} events"
