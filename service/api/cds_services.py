"""CDS Hooks over HTTP: discovery and calls. A failure is an error, never an answer without cards."""

import orjson
from flask import Blueprint, Response, g

from service.api.access import CDS, scope
from service.api.answers import cache
from service.api.body import FHIR_JSON, JSON, parse_record_json, read_body
from service.api.here import this_app
from service.api.json_out import fresh, json_response
from service.api.knowledge import settings
from service.api.limits import EmergencyTest
from service.api.problems import Problem, malformed
from service.api.record_body import TIMES_ONE
from service.cds_hooks.answer import CallAnswer, MissingDataError, answer_call, is_emergency_call
from service.cds_hooks.dependencies import CdsDependencies
from service.cds_hooks.request import names_no_patient, read_call, stable_parts
from service.cds_hooks.services import HookService
from service.facts.json_body import MAX_RECORD, pointer
from service.facts.refusal import FaultsError

blueprint = Blueprint("cds_services", __name__)

EXAMPLE = {"hook": "patient-view", "hookInstance": "<uuid>", "context": {"userId": "Practitioner/1", "patientId": "1"}}


def cds() -> CdsDependencies:
    """Return the CDS Hooks dependencies of the running application."""
    dependencies: CdsDependencies = this_app().config["CDS"]
    return dependencies


@blueprint.get("/cds-services")
@scope(CDS)
def discovery() -> Response:
    """List the services with the data that each asks to prefetch."""
    return fresh(json_response({"services": [service.to_json() for service in cds().services.values()]}))


@blueprint.post("/cds-services/<service>")
@scope(CDS)
def call(service: str) -> Response:
    """Answer a hook with cards, or with none where there is nothing to say."""
    dependencies, hook_service = cds(), find_service(service)
    limit, emergency = settings().max_body_bytes * TIMES_ONE, _emergency_test(hook_service)
    body = read_body(limit, JSON, FHIR_JSON, example=EXAMPLE, emergency=emergency, most_items=MAX_RECORD)
    # The answer depends on the day too, because the age of a finding counts. A chart is often opened several times.
    cache_key = repr((service, g.get("caller"), settings().today())).encode()
    key = cache().locked.key(cache_key, *stable_parts(body))
    stripped = cache().locked.get(key)
    if stripped is not None:
        g.cache, cards = "near", dependencies.uuids.renew(stripped)
    else:
        answer = _answer(hook_service, body)
        cards = orjson.dumps({"cards": answer.cards})
        if answer.is_repeatable:
            cache().locked.put(key, dependencies.uuids.strip(cards))
    return fresh(Response(cards, mimetype=JSON))


def find_service(service: str) -> HookService:
    """Return the service of this id, or raise 404."""
    services = cds().services
    if service not in services:
        raise Problem("not-found", f"There is no such service. Known: {', '.join(services) or 'none'}.")
    return services[service]


def _answer(service: HookService, body: bytes) -> CallAnswer:
    document = parse_record_json(body)
    try:
        hook_call = read_call(document, service.text.hook)
    except FaultsError as error:
        code = "missing-data" if names_no_patient(document.tree, error.faults) else "bad-request"
        raise malformed(error.faults, code) from None
    try:
        return answer_call(cds(), service, hook_call, settings().today())
    except MissingDataError as error:
        raise _missing_data(error) from None


def _emergency_test(service: HookService) -> EmergencyTest:
    """Return the test whether the prefetched record of a body amounts to an emergency."""

    def test(body: bytes) -> bool:
        try:
            hook_call = read_call(parse_record_json(body), service.text.hook)
            return is_emergency_call(cds(), service, hook_call, settings().today())
        except (FaultsError, Problem):
            return False

    return test


def _missing_data(error: MissingDataError) -> Problem:
    """Return the 412 that names each missing item."""
    errors = [
        {
            "pointer": pointer("prefetch", item.id),
            "code": "missing_data",
            "detail": f"{item.title}: {state.value}. Asked for by {item.query}",
        }
        for item, state in error.items
    ]
    names = ", ".join(item.title for item, _ in error.items)
    return Problem("missing-data", f"Without it no advice can be given: {names}.", errors)
