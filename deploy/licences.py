"""`python -m deploy.licences`: docs/licences.md out of what the installed packages say: all that
requirements.txt names and what a server may need beside it, and all that those need in turn."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from importlib import metadata
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).resolve().parents[1]
HEAD = """# Licences

What the files below name (**bold**), and what that needs in turn, as the installed packages
say; made by `make licences`. The pages' library uPlot is MIT (`package.json`).
"""
#: File of requirements -> what it is for. What only builds, tests or compares is no part of it.
FILES = {
    "requirements.txt": "Every server.",
    "requirements-s3.txt": "Beside it: artifacts on S3 (optional).",
    "requirements-redis.txt": "Beside it: the queue in Redis (optional).",
    "requirements-sqs.txt": "Beside it: the queue in Amazon SQS (optional).",
    "requirements-ray.txt": "Beside it: backtests on a Ray cluster, tuning (optional).",
    "requirements-otel.txt": "Beside it: traces by OpenTelemetry (optional).",
}
_TABLE = """
## {file}

{purpose}

| package | version | licence |
|---|---|---|
"""
#: A licence's whole text in the place of its name.
_LONGEST = 80


def required(file: str = "requirements.txt") -> list[str]:
    """The names in a requirements file."""
    lines = (line.partition("#")[0].strip() for line in (ROOT / file).read_text().splitlines())
    return [Requirement(line).name for line in lines if line and not line.startswith("-")]


def installed(names: list[str]) -> Iterator[metadata.Distribution]:
    """The distributions of the names and of all that they need here, each once."""
    waiting: list[tuple[str, frozenset[str]]] = [(name, frozenset({""})) for name in names]
    seen: set[tuple[str, frozenset[str]]] = set()
    told: set[str] = set()
    while waiting:
        name, extras = waiting.pop()
        key = canonicalize_name(name)
        if (key, extras) in seen:
            continue
        seen.add((key, extras))
        found = metadata.distribution(key)
        if key not in told:
            told.add(key)
            yield found
        for needed in map(Requirement, found.requires or ()):
            marker = needed.marker
            if marker is None or any(marker.evaluate({"extra": extra}) for extra in extras):
                waiting.append((needed.name, frozenset({"", *needed.extras})))


def licence(found: metadata.Distribution) -> str:
    """The licence by its expression, else its classifiers, else its field."""
    about = found.metadata
    classified = [
        line.rsplit(" :: ", 1)[1]
        for line in about.get_all("Classifier") or ()
        if line.startswith("License ::")
    ]
    field = (about.get("License") or "").strip().splitlines() or [""]
    plain = field[0] if len(field[0]) <= _LONGEST else ""
    return about.get("License-Expression") or "; ".join(classified) or plain or "see its files"


def document() -> str:
    """The whole document: a package stands under every file that names it, else under the first
    that needs it."""
    told: set[str] = set()
    parts = [HEAD]
    for file, purpose in FILES.items():
        direct = {canonicalize_name(name) for name in required(file)}
        lines = {}
        for found in installed(sorted(direct)):
            name = canonicalize_name(found.metadata["Name"])
            shown = f"**{name}**" if name in direct else name
            said = re.sub(r"\s+", " ", licence(found)).replace("|", "/")
            lines[name] = f"| {shown} | {found.version} | {said} |\n"
        own = "".join(
            line for name, line in sorted(lines.items()) if name in direct or name not in told
        )
        parts.append(_TABLE.format(file=file, purpose=purpose) + own)
        told |= lines.keys()
    return "".join(parts)


if __name__ == "__main__":
    (ROOT / "docs/licences.md").write_text(document())
    sys.stdout.write("docs/licences.md\n")
