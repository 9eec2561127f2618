"""What was proved once is not proved again at each start.

Whoever loads a content folder whole and finds no fault in it leaves a digest of all that this rested on in PROOF: every
file of the content, and the code that reads and proves it. While that digest is the same, a start leaves out what could
only find faults, and worked cases are read when somebody asks for them. After one changed byte everything is read and
proved again. Python keeps compiled modules in the same way.
"""

import contextlib
import hashlib
import os
from collections.abc import Iterable
from pathlib import Path

PROOF = ".proved"
"""Name of the file in the content folder."""
SERVICE = Path(__file__).parents[1]
ROOMS = ("engine", "evidence", "knowledge")
"""The code that reads and proves content."""


def digest_of(files: Iterable[Path], root: Path) -> str:
    """SHA-256 over names and bytes of the files, the same on every machine."""
    digest = hashlib.sha256()
    for file in files:
        name, content = file.relative_to(root).as_posix().encode(), file.read_bytes()
        digest.update(b"%d:%b%d:%b" % (len(name), name, len(content), content))
    return digest.hexdigest()


def content_state(content: Path) -> str:
    """Return the digest of a content folder and of the code that reads it."""
    code = digest_of(sorted(file for room in ROOMS for file in (SERVICE / room).glob("*.py")), SERVICE)
    return hashlib.sha256(f"{code}{digest_of(sorted(content.rglob('*.yaml')), content)}".encode()).hexdigest()


def is_proved(content: Path, state: str) -> bool:
    """Return whether the content was proved in this state."""
    with contextlib.suppress(OSError, UnicodeDecodeError):
        return (content / PROOF).read_text(encoding="ascii") == state
    return False


def keep_proof(content: Path, state: str) -> None:
    """Note the state in which the content was proved; where nothing may be written each start proves it again."""
    unfinished = content / f"{PROOF}-{os.getpid()}"
    with contextlib.suppress(OSError):
        unfinished.write_text(state, encoding="ascii")
        unfinished.replace(content / PROOF)
