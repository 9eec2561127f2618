"""Engines side by side: each takes the next batch, and what became of the batches is told in the order of the file.

A join by several threads of one engine does not keep the order of the patients, which nothing else in a file may tell.
So an engine has one thread, and there are as many engines as cores.
"""

from collections import deque
from collections.abc import Callable, Generator, Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from itertools import count
from queue import Empty, SimpleQueue
from typing import TypeVar

from service.cohort.engine import Engine
from service.cohort.files import Batch

Result = TypeVar("Result")


class Turn:
    """The place of a batch. The rows before it are known when every batch before it has been read."""

    def __init__(self, number: int, before: "Future[int]") -> None:
        self.number, self._before, self.after = number, before, Future[int]()

    @property
    def before(self) -> int:
        """How many rows stand before the batch. Waits; raises what stopped one of those before it."""
        return self._before.result()

    def counted(self, rows: int) -> None:
        """The batch has so many rows."""
        self.after.set_result(self.before + rows)


def side_by_side(
    make: Callable[[int], Engine],
    most: int,
    batches: Iterable[Batch],
    done: int,
    answer: Callable[[Engine, Batch, Turn], Result],
) -> Generator[Result, None, None]:
    """What `answer` gives for each batch, in order.

    `make`: an engine, by its number below `most`, made when there is a batch for it. `done`: rows before the first.
    """
    idle, numbers = SimpleQueue[Engine](), count()

    def go(batch: Batch, turn: Turn) -> Result:
        try:
            try:
                engine = idle.get_nowait()
            except Empty:
                engine = make(next(numbers))
            try:
                return answer(engine, batch, turn)
            finally:
                idle.put(engine)
        except BaseException as error:
            if not turn.after.done():
                turn.after.set_exception(error)
            raise

    before, under_way = Future[int](), deque[Future[Result]]()
    before.set_result(done)
    try:
        with ThreadPoolExecutor(most, "engine") as pool:
            try:
                for place, batch in enumerate(batches):
                    turn = Turn(place, before)
                    under_way.append(pool.submit(go, batch, turn))
                    before = turn.after
                    # One is laid ready beside those that are being answered.
                    if len(under_way) > most:
                        yield under_way.popleft().result()
                while under_way:
                    yield under_way.popleft().result()
            finally:
                # The last first: who waits for the batch before has to see it begun.
                for future in reversed(under_way):
                    future.cancel()
    finally:
        while not idle.empty():
            idle.get().connection.close()
