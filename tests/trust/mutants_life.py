"""A mutant lives in a fork of a process that has imported and collected its tests; nothing is written to the tree.

A change in the body of a function is put into that function; any other needs the service and the tests imported anew.
The tests that killed the last mutants are asked first.
"""

import contextlib
import faulthandler
import gc
import importlib.abc
import importlib.machinery
import importlib.util
import io
import json
import os
import resource
import signal
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from types import CodeType, ModuleType
from typing import Any

import hypothesis
import pytest

from tests.conftest import ROOT
from tests.trust.mutants_made import Mutant, read

KILLED, SURVIVED, TIMED_OUT = "killed", "survived", "timed out"
SECONDS = 60.0
"""What a mutant gets: several times what the tests of a group take without a change."""
MEMORY = 6 << 30
"""Bytes of addresses: one that eats memory fails, instead of all that runs beside it."""
UNCHANGED = "no change"
Verdict = tuple[str, str, str]
"""A mutant's name, what became of it and the test that failed first."""


def prepare() -> None:
    """Import what the tests need and what no mutant changes; nothing of the service."""
    for name in ("flask", "marshmallow", "yaml", "redis", "structlog", "apispec", "fhirkit", "schemathesis",
                 "statsmodels.stats.meta_analysis", "jsonschema", "prometheus_client"):  # fmt: skip
        with contextlib.suppress(ImportError):
            __import__(name)


def verdicts(
    mutants: Sequence[Mutant], tests: Sequence[str], workers: int = 1, seconds: float = SECONDS
) -> Iterator[Verdict]:
    """What becomes of each, as it comes. AssertionError where the tests fail without a change."""
    faulthandler.cancel_dump_traceback_later()  # its thread would not be there after a fork, and be waited for
    come, go = os.pipe()
    child = os.fork()
    if child == 0:
        os.setsid()
        os.close(come)
        os._exit(_Group(mutants, tests, workers, seconds, go).run())
    os.close(go)
    try:
        with open(come) as lines:  # noqa: PTH123 - a descriptor has no path
            for line in lines:
                name, verdict, test = json.loads(line)
                if name == UNCHANGED:
                    assert verdict == SURVIVED, f"without a change: {verdict} by {test}"
                else:
                    yield name, verdict, test
        assert os.waitpid(child, 0)[1] == 0, f"these tests cannot be collected: {', '.join(tests)}"
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(child, signal.SIGKILL)


class _Group:
    """Some mutants and their tests, in a process of their own; a plugin of pytest, which tries the mutants as soon as
    the tests are collected."""

    def __init__(self, mutants: Sequence[Mutant], tests: Sequence[str], workers: int, seconds: float, out: int) -> None:
        self._tests, self._workers, self._seconds, self._out = tests, workers, seconds, out
        self._anew = [each for each in mutants if each.file.suffix == ".py" and not each.function]
        self._others = [each for each in mutants if each not in self._anew]
        self._killers: list[str] = []
        """Tests, the one that killed the last mutant first."""
        self._trying = False
        """In the process of a mutant: whether this is one."""
        self._failed = ""
        """Likewise: the test that failed first."""

    def run(self) -> int:
        """Try them all; 0 where that was possible."""
        resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
        silent = os.open(os.environ.get("MUTANT_LOG", os.devnull), os.O_WRONLY | os.O_APPEND)
        os.dup2(silent, 1)
        os.dup2(silent, 2)
        os.chdir(ROOT)
        # Nobody reads the example, so it need not be made small; how long it took says nothing of the change.
        hypothesis.settings.register_profile(
            "mutants",
            phases=(hypothesis.Phase.explicit, hypothesis.Phase.generate),
            database=None,
            deadline=None,
            derandomize=True,
            suppress_health_check=list(hypothesis.HealthCheck),
        )
        hypothesis.settings.load_profile("mutants")
        for name in [name for name, module in sys.modules.items() if _ours(module)]:
            del sys.modules[name]
        self._try_each(self._anew, self._live_anew)
        return self._collect() if self._others else 0

    def pytest_runtestloop(self, session: pytest.Session) -> bool:
        """The tests are collected."""
        if self._trying:
            self._ask(session)
        else:
            gc.collect()
            gc.freeze()
            self._try_each(self._others, lambda mutant: self._live(session, mutant))
        return True

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Keep the first that failed."""
        if report.failed and not self._failed:
            self._failed = report.nodeid

    def _collect(self) -> int:
        options = ["-q", "-n0", "-p", "no:cacheprovider", "--assert=plain"]
        return int(pytest.main([*options, *self._tests], plugins=[self]))

    def _try_each(self, mutants: Sequence[Mutant], live: Callable[[Mutant], str]) -> None:
        """Let each live and tell what became of it; before them, the code without a change."""
        unchanged = [replace(each, name=UNCHANGED, content=partial(read, each.file)) for each in mutants[:1]]
        for some, workers, seconds in ((unchanged, 1, 10 * self._seconds), (mutants, self._workers, self._seconds)):
            for told in watched(some, live, workers, seconds):
                _, verdict, test = told
                if verdict == KILLED:
                    self._killers = [test, *(each for each in self._killers if each != test)]
                os.write(self._out, f"{json.dumps(told)}\n".encode())

    def _live_anew(self, mutant: Mutant) -> str:
        self._trying = True
        sys.meta_path.insert(0, _Finder(mutant))
        code = self._collect()
        return self._failed or ("" if code == 0 else "the tests cannot be collected")

    def _live(self, session: pytest.Session, mutant: Mutant) -> str:
        if mutant.file.suffix == ".py":
            _put_into_the_function(mutant)
        else:
            _put_into_the_file(mutant)
        self._ask(session)
        return self._failed

    def _ask(self, session: pytest.Session) -> None:
        """Up to the first test that fails."""
        place = {test: number for number, test in enumerate(self._killers)}
        items = sorted(session.items, key=lambda item: place.get(item.nodeid, len(place)))
        for item, following in zip(items, [*items[1:], None], strict=True):
            item.config.hook.pytest_runtest_protocol(item=item, nextitem=following)
            if self._failed:
                return


def watched(
    mutants: Sequence[Mutant], live: Callable[[Mutant], str], workers: int, seconds: float
) -> Iterator[Verdict]:
    """Let each live in a fork, so many at a time: `live` gives the test that failed. One that dies is killed, too."""
    waiting, running = iter(mutants), dict[int, tuple[Mutant, float, int]]()
    while True:
        while len(running) < workers and (mutant := next(waiting, None)):
            come, go = os.pipe()
            child = os.fork()
            if child == 0:
                os._exit(_lived(mutant, live, go))
            os.close(go)
            running[child] = mutant, time.monotonic() + seconds, come
        if not running:
            return
        time.sleep(0.005)
        for child, (mutant, end, come) in [*running.items()]:
            done, status = os.waitpid(child, os.WNOHANG)
            late = not done and time.monotonic() > end
            if late:
                os.kill(child, signal.SIGKILL)
                os.waitpid(child, 0)
            if done or late:
                del running[child]
                test = os.read(come, 1 << 16).decode()
                os.close(come)
                yield mutant.name, TIMED_OUT if late else KILLED if status else SURVIVED, test


def _lived(mutant: Mutant, live: Callable[[Mutant], str], out: int) -> int:
    gc.disable()  # it is over soon; collecting takes a quarter of its time
    try:
        failed = live(mutant)
    except BaseException as error:  # noqa: BLE001 - whatever it raises, it is dead
        failed = repr(error)
    os.write(out, failed.encode()[: 1 << 15])
    return 1 if failed else 0


def _put_into_the_function(mutant: Mutant) -> None:
    """All who have imported the function have the changed one then."""
    file = str(mutant.file)
    thing: Any = next(module for module in sys.modules.values() if getattr(module, "__file__", None) == file)
    for name in mutant.function.split("."):
        thing = vars(thing)[name]
    for inside in ("fget", "func", "__func__"):  # a property, a cached one, a static or class method
        thing = getattr(thing, inside, thing)
    thing.__code__ = next(
        code for code in _codes(compile(mutant.text, file, "exec")) if code.co_qualname == mutant.function
    )


def _codes(code: CodeType) -> Iterator[CodeType]:
    yield code
    for inside in code.co_consts:
        if isinstance(inside, CodeType):
            yield from _codes(inside)


def _put_into_the_file(mutant: Mutant) -> None:
    """All who read the file read the changed one then."""
    text, data = mutant.text, mutant.text.encode()
    read_bytes, read_text, opened = Path.read_bytes, Path.read_text, Path.open
    Path.read_bytes = lambda file: data if file == mutant.file else read_bytes(file)  # type: ignore[method-assign]
    Path.read_text = (  # type: ignore[method-assign,assignment]
        lambda file, *given, **more: text if file == mutant.file else read_text(file, *given, **more)
    )
    Path.open = (  # type: ignore[method-assign,assignment]
        lambda file, mode="r", *given, **more: (
            (io.BytesIO(data) if "b" in mode else io.StringIO(text))
            if file == mutant.file
            else opened(file, mode, *given, **more)
        )
    )


def _ours(module: ModuleType) -> bool:
    """Whether it is the service's or the tests'."""
    file = getattr(module, "__file__", None)
    return bool(file) and Path(file).is_relative_to(ROOT) and "site-packages" not in file


class _Finder(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    """Gives the changed module in the place of the one on disk."""

    def __init__(self, mutant: Mutant) -> None:
        self._mutant = mutant

    def find_spec(self, name: str, path: Any, _: Any = None) -> Any:
        found = importlib.machinery.PathFinder.find_spec(name, path)
        if found is None or found.origin != str(self._mutant.file):
            return None
        found.loader = self
        return found

    def exec_module(self, module: Any) -> None:
        exec(compile(self._mutant.text, str(self._mutant.file), "exec"), module.__dict__)  # noqa: S102 - what it is for
