"""Every setting in one frozen object: name, default, meaning. Nothing else reads the environment."""

import datetime as dt
import ipaddress
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import SplitResult, unquote, urlsplit

from environs import FileAwareEnv

VERSION = "0.1.0"
MEMORY_BYTES = 256 * 1_048_576
LOG_LEVELS = ("debug", "info", "warning", "error")
HIGHEST_PORT = 65535
SECONDS = {"second": 1, "minute": 60, "hour": 3600}
RATE = re.compile(rf"([1-9]\d{{0,8}})/({'|'.join(SECONDS)})", re.ASCII)
CONTENT = Path(__file__).parent / "knowledge" / "content"


class SettingsError(RuntimeError):
    """A setting that the service refuses to start with; the message says which and why.

    A RuntimeError, since gunicorn prints one without a traceback.
    """


def utc_now() -> dt.datetime:
    """The clock in use."""
    return dt.datetime.now(dt.UTC)


@dataclass(frozen=True)
class Settings:
    """What an operator can set. Each field is the environment variable of the same name in capitals."""

    host: str = "127.0.0.1"
    """HOST: address to listen on."""
    port: int = 8000
    """PORT: port to listen on."""
    public_url: str = "http://127.0.0.1:8000"
    """PUBLIC_URL: base of absolute links; never taken from the Host header. Default http://HOST:PORT."""
    auth: str = "none"
    """AUTH: none, or clients (tokens and keys of CLIENTS_FILE). Default clients if CLIENTS_FILE is set, else none."""
    auth_stated: bool = False
    """Whether AUTH was written out; without it only a loopback HOST is served."""
    clients_file: str = ""
    """CLIENTS_FILE: JSON or YAML with the clients and keys that may call; read again when it changes."""
    replay_guard: str = "redis"
    """REPLAY_GUARD: redis (REDIS_STATE_URL), or local: each process of its own remembers the tokens it took."""
    permalinks: str = "open"
    """PERMALINKS: open (the decision_id is enough), or clients (a key or token with the scope advice is needed too)."""
    cors_origins: tuple[str, ...] = ()
    """CORS_ORIGINS: exact origins of pages that may call, comma-separated."""
    rate_limit: str = "off"
    """RATE_LIMIT: requests that a client may send, such as 600/minute (second, hour), or off.

    Default off while AUTH=none, else 600/minute.
    """
    proxy_hops: int = 0
    """PROXY_HOPS: proxies before the service whose X-Forwarded-For entries are believed."""
    guidelines: tuple[str, ...] = ()
    """GUIDELINES: ids of the guidelines to load from CONTENT, comma-separated; empty: all."""
    guideline: str = ""
    """GUIDELINE: the one of GUIDELINES that the routes without an id stand for.

    Empty: the default that CONTENT names in guidelines/index.yaml, or the first. `create_app` fills it in.
    """
    content: Path = CONTENT
    """CONTENT: folder of the knowledge."""
    workers: int = 2
    """WORKERS: processes."""
    threads: int = 32
    """THREADS: threads a process, each of which answers one whole request at a time."""
    pages: bool = True
    """PAGES: on, or off to take the pages for people away."""
    max_body_bytes: int = 1_048_576
    """MAX_BODY_BYTES: largest body of one patient; sixteen times as much for a batch, eight times for a FHIR record."""
    max_batch: int = 1000
    """MAX_BATCH: most patients of one batch."""
    memory_bytes: int = MEMORY_BYTES
    """MEMORY_BYTES: most that the bodies and answers of a process take together; then 503, but for emergencies."""
    redis_url: str = field(default="", repr=False)
    """REDIS_URL: cache only (redis://, rediss:// or unix://; it can hold a password); empty means none is shared."""
    redis_state_url: str = field(default="", repr=False)
    """REDIS_STATE_URL: feedback, replay guard and counters; default REDIS_URL."""
    service_secret: str = field(default="", repr=False)
    """SERVICE_SECRET: keys the digests of the cache; replicas that share a cache share it. Empty: random at start."""
    near_cache_bytes: int = 8 * 1_048_576
    """NEAR_CACHE_BYTES: most that each process keeps of what it worked out; 0 keeps nothing."""
    fhir_servers: tuple[str, ...] = ()
    """FHIR_SERVERS: base URLs that may be called back for what was not prefetched, comma-separated; empty: never."""
    fhir_ca: Path | None = None
    """FHIR_CA: file with certificates (PEM) of a hospital's own authority, believed beside those of the system."""
    log_level: str = "info"
    """LOG_LEVEL: debug, info, warning or error."""
    clock_offset_days: int = 0
    """CLOCK_OFFSET_DAYS: moves the clock; for tests only."""
    clock: Callable[[], dt.datetime] = field(default=utc_now, repr=False)
    """The clock itself; tests hand in their own."""

    def __post_init__(self) -> None:
        """Refuse what is unsafe or impossible."""
        check(self)

    def now(self) -> dt.datetime:
        """This moment in UTC."""
        moment = self.clock()
        return moment + dt.timedelta(days=self.clock_offset_days) if self.clock_offset_days else moment

    def today(self) -> dt.date:
        """This day in UTC."""
        return self.now().date()

    @property
    def rate(self) -> tuple[int, int] | None:
        """Requests that a client may send, and in how many seconds; None for no limit."""
        found = RATE.fullmatch(self.rate_limit)
        return (int(found[1]), SECONDS[found[2]]) if found else None

    @property
    def loopback(self) -> bool:
        """Whether only this machine can reach the service."""
        return is_loopback(self.host)

    @property
    def hosts(self) -> frozenset[str]:
        """The Host names that are served while AUTH=none on loopback (421 for any other)."""
        return frozenset({"localhost", "127.0.0.1", "[::1]", urlsplit(self.public_url).hostname or ""})


def is_loopback(host: str) -> bool:
    """Whether the address is of this machine only."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False


def from_environment() -> Settings:
    """Read the environment, where NAME_FILE may name a file that holds the setting NAME.

    Raises SettingsError with the reason.
    """
    env = FileAwareEnv(strip_whitespace=True)

    def text(name: str, default: str) -> str:
        return env.str(name, "") or default  # an empty variable is as good as none

    def listed(name: str) -> tuple[str, ...]:
        return tuple(filter(None, (one.strip() for one in text(name, "").split(","))))

    def number(name: str, default: int) -> int:
        return env.int(name) if env.str(name, "") else default

    try:
        host, port = text("HOST", Settings.host), number("PORT", Settings.port)
        stated = text("AUTH", "")
        auth = stated or ("clients" if text("CLIENTS_FILE", "") else "none")
        settings = Settings(
            host=host,
            port=port,
            public_url=text("PUBLIC_URL", f"http://{_in_url(host)}:{port}").rstrip("/"),
            auth=auth,
            auth_stated=bool(stated),
            clients_file=text("CLIENTS_FILE", ""),
            replay_guard=text("REPLAY_GUARD", Settings.replay_guard),
            permalinks=text("PERMALINKS", Settings.permalinks),
            cors_origins=listed("CORS_ORIGINS"),
            rate_limit=text("RATE_LIMIT", Settings.rate_limit if auth == "none" else "600/minute"),
            proxy_hops=number("PROXY_HOPS", Settings.proxy_hops),
            guidelines=listed("GUIDELINES"),
            guideline=text("GUIDELINE", Settings.guideline),
            content=Path(text("CONTENT", str(CONTENT))),
            workers=number("WORKERS", Settings.workers),
            threads=number("THREADS", Settings.threads),
            pages=_switch("PAGES", text("PAGES", "on")),
            max_body_bytes=number("MAX_BODY_BYTES", Settings.max_body_bytes),
            max_batch=number("MAX_BATCH", Settings.max_batch),
            memory_bytes=number("MEMORY_BYTES", Settings.memory_bytes),
            redis_url=text("REDIS_URL", ""),
            redis_state_url=text("REDIS_STATE_URL", text("REDIS_URL", "")),
            service_secret=text("SERVICE_SECRET", ""),
            near_cache_bytes=number("NEAR_CACHE_BYTES", Settings.near_cache_bytes),
            fhir_servers=listed("FHIR_SERVERS"),
            fhir_ca=Path(text("FHIR_CA", "")) if text("FHIR_CA", "") else None,
            log_level=text("LOG_LEVEL", Settings.log_level).lower(),
            clock_offset_days=number("CLOCK_OFFSET_DAYS", Settings.clock_offset_days),
        )
    except ValueError as error:
        raise SettingsError(str(error)) from error
    return settings


def check(settings: Settings) -> None:
    """Refuse what is unsafe or impossible."""
    _check_access(settings)
    if not _absolute(settings.public_url):
        raise SettingsError("PUBLIC_URL must be an absolute http or https URL.")
    _check_cache(settings)
    _check_fhir(settings)
    if not 0 <= settings.port <= HIGHEST_PORT:
        raise SettingsError(f"PORT must be a number from 0 to {HIGHEST_PORT}.")
    if settings.log_level not in LOG_LEVELS:
        raise SettingsError(f"LOG_LEVEL must be one of {', '.join(LOG_LEVELS)}.")
    counts = (settings.workers, settings.threads, settings.max_body_bytes, settings.max_batch, settings.memory_bytes)
    if min(counts) < 1:
        raise SettingsError("WORKERS, THREADS, MAX_BODY_BYTES, MAX_BATCH and MEMORY_BYTES must be at least 1.")


def _check_access(settings: Settings) -> None:
    if settings.auth not in {"none", "clients"}:
        raise SettingsError("AUTH must be none or clients.")
    if settings.auth == "clients" and not settings.clients_file:
        raise SettingsError("AUTH=clients needs CLIENTS_FILE, which names those who may call.")
    if settings.replay_guard not in {"redis", "local"}:
        raise SettingsError("REPLAY_GUARD must be redis or local.")
    if settings.permalinks not in {"open", "clients"}:
        raise SettingsError("PERMALINKS must be open or clients.")
    if settings.permalinks == "clients" and settings.auth == "none":
        raise SettingsError("PERMALINKS=clients needs CLIENTS_FILE: with AUTH=none nobody is asked who they are.")
    if settings.rate is None and settings.rate_limit != "off":
        raise SettingsError(f"RATE_LIMIT must be off, or a number of requests a {', '.join(SECONDS)}: 600/minute.")
    if settings.proxy_hops < 0:
        raise SettingsError("PROXY_HOPS must be at least 0.")
    for origin in settings.cors_origins:
        _refuse_no_origin(origin)
    if not settings.loopback and settings.auth == "none" and not settings.auth_stated:
        raise SettingsError(
            f"HOST={settings.host} can be reached from other machines, but AUTH is not set, so anyone could ask. "
            "Set CLIENTS_FILE to ask for keys and tokens, AUTH=none to allow that, or listen on 127.0.0.1."
        )


def _check_cache(settings: Settings) -> None:
    for name, url in (("REDIS_URL", settings.redis_url), ("REDIS_STATE_URL", settings.redis_state_url)):
        if url and not _redis(url):
            raise SettingsError(f"{name} must begin with redis://, rediss:// or unix:// and be a URL.")
    if settings.near_cache_bytes < 0:
        raise SettingsError("NEAR_CACHE_BYTES must be at least 0.")


def _check_fhir(settings: Settings) -> None:
    for url in settings.fhir_servers:
        if not _fhir_base(url):
            raise SettingsError(
                "FHIR_SERVERS must list base URLs, separated by commas: https (http on loopback only), "
                "no user, query or fragment."
            )
    if settings.fhir_ca is not None and not settings.fhir_ca.is_file():
        raise SettingsError("FHIR_CA must name a file with certificates.")


def _in_url(host: str) -> str:
    return f"[{host}]" if ":" in host and not host.startswith("[") else host


def _switch(name: str, word: str) -> bool:
    if word not in {"on", "off"}:
        raise SettingsError(f"{name} must be on or off.")
    return word == "on"


def _absolute(url: str) -> bool:
    try:
        parts = urlsplit(url)
    except ValueError:
        return False
    return parts.scheme in {"http", "https"} and bool(parts.hostname)


def _parts(url: str) -> SplitResult:
    """The parts of a URL whose port can be read; empty ones of what is none."""
    try:
        parts = urlsplit(url)
        _ = parts.port
    except ValueError:
        return urlsplit("")
    return parts


def _refuse_no_origin(origin: str) -> None:
    """Browsers send scheme, host and port alone, in lower case and without the scheme's own port."""
    parts = _parts(origin)
    bare = f"{parts.scheme}://{_in_url(parts.hostname or '')}"
    own_port = parts.port == {"http": 80, "https": 443}.get(parts.scheme)
    exact = bare if parts.port is None or own_port else f"{bare}:{parts.port}"
    if parts.scheme not in {"http", "https"} or not parts.hostname or "*" in origin or origin != exact:
        raise SettingsError(
            "CORS_ORIGINS must list exact origins such as https://ehr.example or http://localhost:3000, separated by "
            "commas: no *, no path, no capitals, no default port."
        )


def _fhir_base(url: str) -> bool:
    """A token is sent there: over TLS, or not off this machine."""
    parts = _parts(url)
    safe = parts.scheme == "https" or (parts.scheme == "http" and is_loopback(parts.hostname or ""))
    bare = "@" not in parts.netloc and not parts.query and not parts.fragment and ".." not in unquote(parts.path)
    return safe and bare and bool(parts.hostname) and parts.port != 0


def _redis(url: str) -> bool:
    parts = _parts(url)
    return parts.scheme in {"redis", "rediss", "unix"} and parts.port != 0
