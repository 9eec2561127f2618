"""Part 1: whatever fails around the service, answers stay right."""

import contextlib
import datetime as dt
import os
import shutil
import signal
import tempfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from service.settings import CONTENT
from tests.conftest import RedisServer, until
from tests.trust import faults_comments, faults_feedback
from tests.trust import faults_figures as figures
from tests.trust.access import GUARD_CLOSED, TOO_EARLY_OR_LATE, Access, modes
from tests.trust.clock import Clock
from tests.trust.faults_figures import Marks
from tests.trust.load import loaded
from tests.trust.proxy import Proxy, proxied
from tests.trust.record import Record
from tests.trust.reference import NO_SHIFT, questions
from tests.trust.stand import Service, empty, redis, seconds

TITLE = "Faults"
ABOUT = """Real gunicorn, real Redis, steady load. Each answer (status, Decision-Id, SHA-256 of the body) is compared
with that of an application in another process which caches nothing and has the same clock."""

HOUR, YEAR = dt.timedelta(hours=1), dt.timedelta(days=365)


@dataclass
class Stand:
    """What a fault is done to."""

    service: Service
    redis: RedisServer
    state: RedisServer
    proxy: Proxy | None = None
    clock: Clock | None = None
    content: Path = CONTENT
    marks: Marks = field(default_factory=Marks)


Injection = Callable[[Stand], contextlib.AbstractContextManager[None]]


@dataclass(frozen=True)
class Fault:
    """Something that goes wrong: entering does it, leaving ends it."""

    name: str
    inject: Injection
    clock: int = 0
    """Of the service's clocks that which holds while it lasts."""
    refuses: str = ""
    """The status by which a call with a token is refused while it lasts, as designed."""
    stops: bool = False
    """Whether the service ends, so that later connections find nobody."""
    rounds: int = 1
    lasts: float = 1
    """Times as long as others, so that the first request of each worker is not the whole story; half as many before."""


@dataclass(frozen=True)
class Pace:
    """How long, how much."""

    before: float
    during: float
    after: float
    rounds: int
    different: int
    rate: int


LONG = Pace(1.5, 1.5, 1.0, 5, 600, 200)
SHORT = Pace(0.5, 0.8, 0.5, 1, 120, 160)


# ---- what can be done to Redis


@contextlib.contextmanager
def killed(stand: Stand) -> Iterator[None]:
    """It dies, and starts again with what it kept."""
    stand.redis.kill()
    yield
    stand.redis.start()


@contextlib.contextmanager
def hung(stand: Stand) -> Iterator[None]:
    """It is there and says nothing."""
    stand.redis.process.send_signal(signal.SIGSTOP)
    try:
        yield
    finally:
        stand.redis.process.send_signal(signal.SIGCONT)


@contextlib.contextmanager
def emptied(stand: Stand) -> Iterator[None]:
    """It dies and starts again with nothing."""
    stand.redis.kill()
    empty(stand.redis)
    stand.redis.start()
    yield


@contextlib.contextmanager
def full(stand: Stand) -> Iterator[None]:
    """It holds half of the answers and takes nothing more."""
    stand.redis.client.config_set("maxmemory", "1")
    for key in stand.redis.client.keys("guideline:cache:*")[::2]:
        stand.redis.client.delete(key)
    yield
    stand.redis.client.config_set("maxmemory", "0")


@contextlib.contextmanager
def locked(stand: Stand) -> Iterator[None]:
    """It wants another password, and hangs up on everybody."""
    stand.redis.client.config_set("requirepass", "another")
    stand.redis.client.execute_command("AUTH", "another")
    stand.redis.client.execute_command("CLIENT", "KILL", "SKIPME", "yes", "TYPE", "normal")
    yield
    stand.redis.client.config_set("requirepass", "")


def behaving(how: str) -> Injection:
    """What stands at its address behaves so."""

    @contextlib.contextmanager
    def inject(stand: Stand) -> Iterator[None]:
        assert stand.proxy is not None
        stand.proxy.behave(how)
        yield
        stand.proxy.behave("pass")

    return inject


# ---- what can be done to the state server


@contextlib.contextmanager
def state_killed(stand: Stand) -> Iterator[None]:
    """It dies, and starts again with what it kept."""
    stand.state.kill()
    yield
    stand.state.start()


@contextlib.contextmanager
def state_hung(stand: Stand) -> Iterator[None]:
    """It is there and says nothing."""
    stand.state.process.send_signal(signal.SIGSTOP)
    try:
        yield
    finally:
        stand.state.process.send_signal(signal.SIGCONT)


# ---- what can be done to the service


@contextlib.contextmanager
def worker_killed(stand: Stand) -> Iterator[None]:
    """One of the workers dies at once."""
    stand.marks.killed |= stand.service.kill_worker()
    yield


@contextlib.contextmanager
def upgraded(stand: Stand) -> Iterator[None]:
    """USR2, then TERM to the old master."""
    stand.service.upgrade()
    yield


@contextlib.contextmanager
def stopped(stand: Stand) -> Iterator[None]:
    """TERM; after a while it is started again."""
    stand.service.stop()
    yield
    stand.service.start()


@contextlib.contextmanager
def broken_knowledge(stand: Stand) -> Iterator[None]:
    """A file of the knowledge is cut, then USR2: the new master gives up, and the log says why."""
    file = next(stand.content.glob("guidelines/*/*/guideline.yaml"))
    whole, logged = file.read_bytes(), stand.service.log.stat().st_size
    file.write_bytes(whole[: len(whole) // 3] + b"\n- [")
    os.kill(stand.service.master, signal.SIGUSR2)
    until(lambda: str(file).encode() in stand.service.log.read_bytes()[logged:], "the fault is in the log")
    until(lambda: not stand.service.followers(), "the new master has given up")
    yield
    file.write_bytes(whole)


def moved_clock(shift: dt.timedelta) -> Injection:
    """The clock of the running service is set anew."""

    @contextlib.contextmanager
    def inject(stand: Stand) -> Iterator[None]:
        assert stand.clock is not None
        stand.clock.move(shift)
        yield
        stand.clock.move(NO_SHIFT)

    return inject


TO_REDIS = [
    Fault("Redis hung (SIGSTOP)", hung, rounds=5, lasts=6),
    Fault("Redis killed, started again", killed),
    Fault("Redis started again empty", emptied),
    Fault("Redis full (noeviction), half of it gone", full),
    Fault("Redis wants another password", locked),
]
TO_STATE = [
    Fault("state Redis killed, started again", state_killed, refuses=GUARD_CLOSED),
    Fault("state Redis hung (SIGSTOP)", state_hung, refuses=GUARD_CLOSED),
]
BY_PROXY = [
    Fault("Redis slow: each reply 20 ms late", behaving("slow 20")),
    Fault("Redis slow: each reply 45 ms late", behaving("slow 45")),
    Fault("Redis answers random bytes", behaving("garbage")),
    Fault("Redis answers each GET with another value", behaving("nonsense")),
    Fault("Redis answers each GET with the reply before", behaving("swapped")),
]
TO_SERVICE = [
    Fault("worker killed (-9)", worker_killed),
    Fault("gunicorn upgraded (USR2, TERM to the old master)", upgraded),
    Fault("knowledge corrupted, then USR2", broken_knowledge),
    Fault("gunicorn stopped (TERM), started again", stopped, stops=True),
]
CLOCKS = [NO_SHIFT, HOUR, -HOUR, YEAR, -YEAR]
OF_CLOCK = [
    Fault("clock jumps an hour ahead and back", moved_clock(HOUR), clock=1, refuses=TOO_EARLY_OR_LATE),
    Fault("clock jumps an hour back and ahead", moved_clock(-HOUR), clock=2, refuses=TOO_EARLY_OR_LATE),
    Fault("clock jumps a year ahead and back", moved_clock(YEAR), clock=3, refuses=TOO_EARLY_OR_LATE),
    Fault("clock jumps a year back and ahead", moved_clock(-YEAR), clock=4, refuses=TOO_EARLY_OR_LATE),
]
CAN_MOVE_CLOCKS = shutil.which("cc") is not None
OF_LOG = [Fault("disk of the log full (/dev/full, from the start)", lambda _: contextlib.nullcontext())]


def run(record: Record, *, short: bool) -> None:
    """All faults, with each way to call."""
    pace = SHORT if short else LONG
    for mode in modes():
        with tempfile.TemporaryDirectory(prefix="trust-") as folder:
            Run(record, mode, pace, Path(folder)).all()
    if faults_feedback.UNIT not in record.units:
        with tempfile.TemporaryDirectory(prefix="trust-") as folder:
            record.keep(faults_feedback.UNIT, faults_feedback.figures(Path(folder), pace.rounds, pace.before))
    if faults_comments.UNIT not in record.units:
        with tempfile.TemporaryDirectory(prefix="trust-") as folder:
            record.keep(faults_comments.UNIT, faults_comments.figures(Path(folder), 3 if short else 200))
    figures.conclude(record, pace.rate, clocks=CAN_MOVE_CLOCKS)


@dataclass(frozen=True)
class Run:
    """All faults with one way to call."""

    record: Record
    mode: Access
    pace: Pace
    folder: Path

    def all(self) -> None:
        """Those that are not done yet, each group on a service of its own."""
        with redis() as server, redis() as state:
            if faults := self.left(*TO_REDIS, *TO_STATE, *TO_SERVICE):
                content = self.folder / "content"
                shutil.copytree(CONTENT, content)
                with self.serving(server, state, CONTENT=str(content)) as up:
                    self.under_load(Stand(up, server, state, content=content), faults)
            if faults := self.left(*BY_PROXY):
                with proxied(server.folder / "redis.sock") as proxy, self.serving(proxy, state) as up:
                    self.under_load(Stand(up, server, state, proxy=proxy), faults)
            if CAN_MOVE_CLOCKS and (faults := self.left(*OF_CLOCK)):
                clock = Clock(self.folder)
                with self.serving(server, state, **clock.environment) as up:
                    self.under_load(Stand(up, server, state, clock=clock), faults, CLOCKS)
            if faults := self.left(*OF_LOG):
                with self.serving(server, state) as up:
                    up.stop()
                    up.start(Path("/dev/full"))
                    self.under_load(Stand(up, server, state), faults)

    def left(self, *faults: Fault) -> list[Fault]:
        """Those of which there are no figures."""
        return [fault for fault in faults if self.unit(fault) not in self.record.units]

    def unit(self, fault: Fault) -> str:
        """Its name in the record."""
        return f"{self.mode.name}: {fault.name}"

    def serving(
        self, server: RedisServer | Proxy, state: RedisServer, **environment: str
    ) -> contextlib.AbstractContextManager[Service]:
        """The service with these servers."""
        return self.mode.service(self.folder, {"REDIS_URL": server.url, "REDIS_STATE_URL": state.url} | environment)

    def under_load(self, stand: Stand, faults: list[Fault], clocks: Sequence[dt.timedelta] = (NO_SHIFT,)) -> None:
        """Do them one after the other under one load."""
        asked = questions(self.record.seed, self.pace.different // (1 if len(clocks) == 1 else 3), clocks)
        plan = {"port": stand.service.port, "questions": asked, "rate": self.pace.rate, "seed": self.record.seed}
        with loaded(self.folder, **plan, access=self.mode.credentials(stand.service)) as load:
            done = [(fault, self.rounds(stand, fault)) for fault in faults]
            samples = load.stop()
        for fault, rounds in done:
            self.record.keep(self.unit(fault), figures.of(self.mode, fault.name, rounds, samples))

    def rounds(self, stand: Stand, fault: Fault) -> list[Marks]:
        """Do it as often as it needs."""
        return [self.round(stand, fault) for _ in range(min(fault.rounds, self.pace.rounds))]

    def round(self, stand: Stand, fault: Fault) -> Marks:
        """Do it once."""
        _in_use(stand.service)
        marks = stand.marks = Marks(fault.clock, stops=fault.stops, refuses=fault.refuses)
        marks.now("begun")
        seconds(self.pace.before * max(1, fault.lasts / 2))
        marks.now("injecting")
        with fault.inject(stand):
            marks.now("injected")
            seconds(self.pace.during * fault.lasts)
            marks.now("healing")
        marks.now("healed")
        _in_use(stand.service)
        marks.now("recovered")
        seconds(self.pace.after)
        marks.now("ended")
        return marks


def _in_use(up: Service) -> None:
    """Every worker's breaker is closed and Redis gives answers: nothing is claimed of a cache that is not used."""

    def settled() -> bool:
        down, hits = up.lookups("down"), up.lookups("hit")
        seconds(0.3)
        return up.lookups("down") == down and up.lookups("hit") > hits

    until(settled, "Redis is in use")
