"""C: a client in a browser."""

from tests.conformance.checklist import DISCOVERY, NotAskedError, Target, has_status, line, require
from tests.conformance.wire import Reply

STRANGER = "https://stranger.example"


def origin(target: Target) -> str:
    if target.origin is None:
        raise NotAskedError("no origin of CORS_ORIGINS was given")
    return target.origin


def preflight(target: Target, path: str, method: str, whose: str) -> Reply:
    asked = {
        "Origin": whose,
        "Access-Control-Request-Method": method,
        "Access-Control-Request-Headers": "authorization,content-type",
    }
    return target.call("OPTIONS", path, headers=asked, token=None)


def allowed(target: Target, path: str, method: str) -> str:
    """The preflight lets this origin ask with a token, and says that the answer is for it alone."""
    whose = origin(target)
    reply = has_status(preflight(target, path, method, whose), 200, 204)
    is_for(reply, whose)
    methods = {one.strip() for one in reply.headers.get("access-control-allow-methods", "").split(",")}
    headers = {one.strip().lower() for one in reply.headers.get("access-control-allow-headers", "").split(",")}
    require(method in methods, f"Access-Control-Allow-Methods: {sorted(methods)}")
    require({"authorization", "content-type"} <= headers, f"Access-Control-Allow-Headers: {sorted(headers)}")
    return f"{reply.status}, {whose}, {', '.join(sorted(methods))}"


def is_for(reply: Reply, whose: str) -> None:
    found = reply.headers.get("access-control-allow-origin")
    require(found == whose, f"Access-Control-Allow-Origin: {found} on {reply.says()}")
    vary = {one.strip().lower() for one in reply.headers.get("vary", "").split(",")}
    require("origin" in vary, f"Vary: {reply.headers.get('vary')}")


@line("C1", "S", "preflight of discovery")
def discovery(target: Target) -> str:
    said = allowed(target, DISCOVERY, "GET")
    is_for(target.call("GET", DISCOVERY, headers={"Origin": origin(target)}), origin(target))
    return said


@line("C2", "S", "preflight of a service")
def service(target: Target) -> str:
    said = allowed(target, target.address, "POST")
    is_for(target.ask(target.body(), {"Origin": origin(target)}), origin(target))
    return said


@line("C3", "S", "preflight of feedback")
def feedback(target: Target) -> str:
    return allowed(target, f"{target.address}/feedback", "POST")


@line("C4", "h", "an unknown origin is allowed nothing")
def stranger(target: Target) -> str:
    for path, method in ((DISCOVERY, "GET"), (target.address, "POST"), (f"{target.address}/feedback", "POST")):
        for reply in (preflight(target, path, method, STRANGER), preflight(target, path, method, "null")):
            found = reply.headers.get("access-control-allow-origin")
            require(found is None, f"Access-Control-Allow-Origin: {found}")
    reply = target.ask(target.body(), {"Origin": STRANGER})
    require("access-control-allow-origin" not in reply.headers, "an answer is shared with an unknown origin")
    return "no Access-Control-Allow-Origin on preflights and on an answer"


@line("C5", "h", "errors carry the CORS headers too")
def errors(target: Target) -> str:
    whose = {"Origin": origin(target)}
    replies = [
        target.ask(b"{", whose),
        target.ask(target.body(), whose | {"Content-Type": "text/plain"}),
        target.ask(target.body(prefetch=...), whose),
        target.call("GET", target.address, headers=whose),
        target.call("POST", f"{DISCOVERY}/no-such-service", target.body(), whose),
        *([target.ask(target.body(), whose, token=None)] if target.party else []),
    ]
    for reply in replies:
        require(reply.status >= 400, reply.says())
        is_for(reply, origin(target))
    return ", ".join(str(reply.status) for reply in replies)
