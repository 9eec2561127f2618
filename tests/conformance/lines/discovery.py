"""D: the discovery document."""

import re

from tests.conformance import rules
from tests.conformance.checklist import DISCOVERY, JSON, Target, has_status, line, no_violation, require


@line("D1", "S", "discovery is 200 and lists services")
def lists_services(target: Target) -> str:
    reply = has_status(target.call("GET", DISCOVERY), 200)
    require(isinstance(reply.json.get("services"), list), f"no list of services: {reply.says()}")
    return f"200, services {', '.join(each['id'] for each in target.services)}"


@line("D2", "S", "discovery is JSON")
def is_json(target: Target) -> str:
    reply = target.call("GET", DISCOVERY)
    require(reply.mimetype == JSON, f"Content-Type {reply.headers.get('content-type')}")
    return reply.headers["content-type"]


@line("D3", "S", "each service has hook, id and description")
def has_members(target: Target) -> str:
    no_violation(rules.discovery({"services": target.services}), "§response", "§discovery", "§extensions")
    return ", ".join(f"{each['id']}: {each['hook']}" for each in target.services)


@line("D4", "s", "each service has a title")
def has_title(target: Target) -> str:
    untitled = [each["id"] for each in target.services if not each.get("title")]
    require(not untitled, f"without title: {untitled}")
    return "; ".join(each["title"] for each in target.services)


@line("D5", "S", "nothing is null or empty in discovery")
def nothing_empty(target: Target) -> str:
    no_violation(rules.discovery(target.call("GET", DISCOVERY).json), "I-3")
    return "no null, empty string, array or object"


@line("D6", "S", "prefetch tokens are those of 2.0.1")
def tokens(target: Target) -> str:
    no_violation(rules.discovery({"services": target.services}), "§prefetch-t")
    count = sum(len(each.get("prefetch", {})) for each in target.services)
    require(count, "no service has a template")
    return f"{count} templates"


@line("D7", "s", "prefetch queries stay inside the recommended subset")
def queries(target: Target) -> str:
    no_violation(rules.discovery({"services": target.services}), "I-58", must_only=False)
    longest = max(len(text) for each in target.services for text in each.get("prefetch", {}).values())
    return f"longest template {longest} characters"


@line("D8", "h", "ids need no escaping in a URL, one for each hook")
def ids(target: Target) -> str:
    found = [each["id"] for each in target.services]
    require(all(re.fullmatch(r"[a-z0-9-]{1,64}", name) for name in found), f"ids {found}")
    no_violation(rules.discovery({"services": target.services}), "§update-stale-guidance")
    return ", ".join(found)
