"""Time of plain calls, for the rows that need no server."""

import gc
import time
from collections.abc import Callable


def seconds(call: Callable[[], object], at_least: float) -> float:
    """Seconds of one call, repeated for at least so long, without collections in between."""
    gc.collect()
    gc.disable()
    try:
        number, began = 0, time.perf_counter()
        end = began + at_least
        while (now := time.perf_counter()) < end or not number:
            call()
            number += 1
        return (now - began) / number
    finally:
        gc.enable()
