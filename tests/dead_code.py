"""Code of the product that nobody calls: vulture, told what frameworks call by name.

    python -m tests.dead_code

A name counts as called where the product writes it, also in a string (a dotted path, a field of a
serializer) or in a template. Tests do not count: what only they call is no part of the product.
"""

from __future__ import annotations

import ast
import re
import sys
from pathlib import Path

from vulture.core import Vulture

ROOT = Path(__file__).resolve().parents[1]
PRODUCT = ("ml", "analytics", "p2p", "bench", "manage.py")
#: Classes here are filled in for Django and its friends, which read what they find: in them only
#: functions and imports are looked at.
DECLARED = ("analytics/api", "analytics/admin", "analytics/models", "analytics/management", "p2p")
#: What Python, torch, Django, django-q2 and onnxruntime call, or read, by name.
CALLED = [
    *("__getattr__", "__dir__", "forward", "*_op_num_threads", "log_severity_level"),
    *("AnalyticsConfig", "ready", "Command", "Media", "app_name", "urlpatterns", "when_ready"),
    "as_sqlite",
    *("dequeue", "fail", "queue_size", "lock_size"),
    *("readable", "readinto", "handle_starttag", "handle_endtag", "handle_data", "attrs"),
    *("uid", "gid", "uname", "gname"),
    # What people who import `ml` call; registering for the time being is for notebooks and tests.
    *("train_*_predictor", "train_*_detector", "registered", "subscribed"),
    # What ml may say, for whoever translates it.
    "TEMPLATES",
]
DECORATORS = ["@admin.register", "@register*", "@*.subscribe", "@subscribe"]


def written_names() -> set[str]:
    """Identifiers in strings of the code and in templates."""
    found: set[str] = set()
    for file in _files():
        for node in ast.walk(ast.parse(file.read_text())):
            text = node.value if isinstance(node, ast.Constant) else None
            if isinstance(text, str) and re.fullmatch(r"[\w.:]+", text):
                found.update(re.split(r"[.:]", text))
    for template in (ROOT / "templates").rglob("*.html"):
        for tag in re.findall(r"\{[{%].*?[%}]\}", template.read_text()):
            found.update(re.findall(r"\w+", tag))
    return found


def _files() -> list[Path]:
    paths = [ROOT / name for name in PRODUCT]
    return [f for path in paths for f in ([path] if path.is_file() else path.rglob("*.py"))]


def unused() -> list[str]:
    """A line per piece of code that nobody calls."""
    vulture = Vulture(ignore_names=CALLED, ignore_decorators=DECORATORS)
    vulture.scavenge([str(ROOT / name) for name in PRODUCT], exclude=["*/migrations/*"])
    written = written_names()
    lines = []
    for item in vulture.get_unused_code(min_confidence=60):
        place = str(Path(item.filename).relative_to(ROOT))
        declared = place.startswith(DECLARED) and item.typ not in ("function", "import")
        # A lower-case variable is a field, which is read with all the others, or ruff's to find.
        field = item.typ == "variable" and not item.name.isupper() and item.confidence < 100
        if not (declared or field or item.name in written):
            lines.append(f"{place}:{item.first_lineno}: unused {item.typ} {item.name!r}")
    return lines


if __name__ == "__main__":
    found = unused()
    sys.stdout.write("".join(f"{line}\n" for line in found))
    sys.exit(bool(found))
