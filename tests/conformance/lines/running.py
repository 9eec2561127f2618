"""T and Z: how quick the service is, and that it is still there."""

from tests.conformance.checklist import DISCOVERY, Target, has_status, line, require

BUDGET_MS = 500


@line("T1", "s", "95 of 100 patient-view calls take less than 500 ms")
def quick(target: Target) -> str:
    body = target.body()
    took = sorted(has_status(target.ask(body), 200).seconds * 1000 for _ in range(target.calls))
    middle, late = took[len(took) // 2], took[int(len(took) * 0.95) - 1]
    require(late < BUDGET_MS, f"p95 {late:.0f} ms of {target.calls} calls")
    return f"{target.calls} calls, each on a new connection: median {middle:.1f} ms, p95 {late:.1f} ms"


@line("Z1", "h", "the service is alive at the end")
def alive(target: Target) -> str:
    has_status(target.call("GET", DISCOVERY), 200)
    require(target.alive(), "a process has ended")
    return f"discovery 200, readyz {has_status(target.wire.call('GET', '/readyz'), 200).json.get('status')}"
