"""Builds of the service: the one that this benchmark belongs to, and an earlier one made beside it."""

import contextlib
import shutil
import subprocess
import sys
import tempfile
import venv
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[1]
LOCK_FILES = ("requirements.txt", "requirements-cohort.txt")
"""A build with the same lock files runs in the same environment."""
CONFIGURATIONS = {
    "service/server/gunicorn_config.py": "service.server.gunicorn_config",
    "service/server.py": "service.server",
}
"""Map a file that a build may have to its module of gunicorn settings."""


class BuildError(RuntimeError):
    """A commit that cannot be built; the message says why."""


@dataclass(frozen=True)
class Build:
    """A version of the service: its folder, and the Python of its environment."""

    commit: str
    folder: Path
    python: Path

    @property
    def gunicorn(self) -> list[str]:
        """The command that starts gunicorn as this build ships it. Raises BuildError if its settings are not found."""
        module = next((name for file, name in CONFIGURATIONS.items() if (self.folder / file).exists()), None)
        if module is None:
            raise BuildError(f"{self.commit} has none of {', '.join(CONFIGURATIONS)}")
        return [str(self.python.with_name("gunicorn")), "--config", f"python:{module}"]

    @property
    def content(self) -> Path:
        """The content folder that this build ships."""
        return self.folder / "service" / "knowledge" / "content"


CURRENT = Build("the working tree", ROOT, Path(sys.executable))


@contextlib.contextmanager
def build_commit(commit: str, repository: Path = ROOT, current: Build = CURRENT) -> Iterator[Build]:
    """Check a commit out into a temporary folder, give it an environment, and remove both afterwards.

    The environment of `current` is used if the lock files are the same. Raises BuildError if there is no such commit,
    or if its requirements cannot be installed.
    """
    name = _run("git", "rev-parse", "--verify", "--short=12", f"{commit}^{{commit}}", cwd=repository)
    with tempfile.TemporaryDirectory(prefix="bench-build-") as temporary:
        folder = Path(temporary) / "service"
        _run("git", "worktree", "add", "--detach", str(folder), name, cwd=repository)
        try:
            yield Build(name, folder, _python(folder, current))
        finally:
            _run("git", "worktree", "remove", "--force", str(folder), cwd=repository)


@contextlib.contextmanager
def with_release(build: Build, release: str) -> Iterator[Build]:
    """Copy a build without the releases that are newer, so that an earlier build can be asked for the same content.

    Raises BuildError if it has no such release.
    """
    if not list(build.content.glob(f"guidelines/*/{release}")):
        raise BuildError(f"{build.commit} has no release {release}")
    newer = {folder.name for folder in build.content.glob("guidelines/*/*/") if folder.name > release}
    with tempfile.TemporaryDirectory(prefix="bench-build-") as temporary:
        ignored = shutil.ignore_patterns("__pycache__", *newer)
        shutil.copytree(build.folder / "service", Path(temporary) / "service", ignore=ignored)
        yield Build(build.commit, Path(temporary), build.python)


def _python(folder: Path, current: Build) -> Path:
    if all(_read(folder / file) == _read(current.folder / file) for file in LOCK_FILES):
        return current.python
    environment = folder.parent / "environment"
    _install(environment, folder)
    return environment / "bin" / "python"


def _install(environment: Path, folder: Path) -> None:
    """Make a virtual environment with the locked requirements of a build."""
    venv.create(environment, with_pip=True)
    files = [word for file in LOCK_FILES if (folder / file).exists() for word in ("-r", file)]
    pip = (str(environment / "bin" / "python"), "-m", "pip", "install", "--quiet", "--disable-pip-version-check")
    _run(*pip, "--no-input", "--require-hashes", *files, cwd=folder)


def _read(file: Path) -> bytes:
    return file.read_bytes() if file.exists() else b""


def _run(*command: str, cwd: Path) -> str:
    """Run a command and return its output. Raises BuildError with its last words if it fails."""
    done = subprocess.run(command, cwd=cwd, capture_output=True, text=True, check=False)  # noqa: S603 - ours
    if done.returncode:
        raise BuildError(f"{' '.join(command)} failed: {done.stderr.strip()[-500:]}")
    return done.stdout.strip()
