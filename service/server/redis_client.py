"""The one way to reach Redis: short time-outs and no retries, so that a server that hangs costs one time-out a call."""

from redis import Redis
from redis.backoff import NoBackoff
from redis.retry import Retry

TIMEOUT_SECONDS = 0.05
"""For connecting, and for each reply. redis-py's ten default retries would make five seconds of it."""


def connect(url: str, seconds: float = TIMEOUT_SECONDS) -> Redis:
    """A client for the server at a redis://, rediss:// or unix:// URL. It connects when first used, also after a fork.

    Each call may raise redis.RedisError. Raises ValueError for what is no such URL.
    """
    return Redis.from_url(
        url,
        socket_timeout=seconds,
        socket_connect_timeout=seconds,
        retry=Retry(NoBackoff(), 0),
        protocol=2,  # RESP3 would only add to the handshake
        driver_info=None,
    )
