"""The shipped knowledge, loaded once for the rows that need no server."""

from functools import cache

from service.knowledge.guideline import Guideline
from service.knowledge.library import Library, load_library
from service.settings import CONTENT


@cache
def library() -> Library:
    """All of it."""
    return load_library(CONTENT)


def guideline() -> Guideline:
    """The newest release of the guideline that /v1/recommendations stands for."""
    found = library().newest(library().default)
    if found is None:
        raise RuntimeError("the guideline is not loaded")
    return found
