"""Where metastases were when they were found, before systemic therapy, and what these sites are together."""

from service.fhir.claims import set_fact, set_provenance
from service.fhir.dates import Day
from service.fhir.reading import InitialSites, Reading
from service.fhir.resolution import Resolution
from service.knowledge.extraction import OnlySites, Sites


def resolve_sites(reading: Reading, source: Sites) -> Resolution:
    """State the sites as they were when metastasis was found, before systemic therapy."""
    resolution, evidence = Resolution(), reading.metastasis[source.of]
    first_day = evidence.first_proof
    if evidence.status != evidence.proof:
        return resolution
    starts = [day for day in reading.therapy.starts if first_day is not None and not day.before(first_day)]
    start = min(starts, key=lambda day: day.first, default=None)
    window = reading.days(source.window)
    initial = []
    for claim, site in evidence.sites:
        if _is_late(claim.day, first_day, window) or (
            start is not None and claim.day is not None and start.before(claim.day)
        ):
            reason = "this site was found later: sites are those when metastasis was found"
            resolution.ignore(claim.item.label, reason)
        else:
            initial.append((claim, site))
    sites = list(dict.fromkeys(site for _, site in initial if site))
    if sites:
        claims = [claim for claim, site in initial if site]
        elsewhere = [claim for claim, site in evidence.mentions if site and site not in sites]
        unclear = (
            any(site is None for _, site in initial)
            or bool(evidence.doubts)
            or any(not _is_late(claim.day, first_day, window) for claim in elsewhere)
        )
        reading.initial_sites[source.path] = InitialSites(sites, claims, unclear)
        set_fact(resolution, source.path, claims[0], claims, sites)
    return resolution


def _is_late(day: Day | None, first_day: Day | None, window: int) -> bool:
    return day is not None and first_day is not None and day.days_after(first_day)[0] > window


def resolve_only_sites(reading: Reading, source: OnlySites) -> Resolution:
    """State a value where the sites are exactly those that it stands for."""
    resolution, initial = Resolution(), reading.initial_sites.get(source.of)
    if initial is None or initial.unclear:
        return resolution
    value = next((name for name, sites in source.gives.items() if set(initial.sites) == set(sites)), None)
    if value is not None:
        resolution.facts[source.path] = value
        set_provenance(resolution, source.path, initial.claims[0], initial.claims)
    return resolution
