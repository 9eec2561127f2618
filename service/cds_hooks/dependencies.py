"""What the CDS Hooks views share."""

from collections.abc import Mapping
from dataclasses import dataclass

from service.advice.question import Questioner
from service.cds_hooks.card_uuid import CardUuids
from service.cds_hooks.fhir_server import FhirServers
from service.cds_hooks.services import HookService
from service.knowledge.terminology import Terminology


@dataclass(frozen=True)
class CdsDependencies:
    """Made once by create_app. `default_guideline` is the id that the setting GUIDELINE names."""

    servers: FhirServers
    uuids: CardUuids
    services: Mapping[str, HookService]
    questioners: Mapping[tuple[str, str], Questioner]
    terminology: Terminology
    default_guideline: str
    public_url: str
    has_pages: bool
