"""What the container and the units name is there; to build the image needs a Docker daemon."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import yaml
from django.core.management import get_commands

ROOT = Path(__file__).resolve().parent.parent
DOCKERFILE = (ROOT / "Dockerfile").read_text()
COMPOSE = yaml.safe_load((ROOT / "compose.yaml").read_text())
UNITS = sorted((ROOT / "deploy").glob("*.service"))
#: Top-level folders and files that the running server needs.
NEEDED = {"manage.py", "p2p", "analytics", "ml", "templates", "static", "locale"}


def copied() -> set[str]:
    lines = re.findall(r"^COPY (?!--from)(.+)$", DOCKERFILE, re.M)
    return {name for line in lines for name in line.split()[:-1]}


def commands() -> set[str]:
    texts = [DOCKERFILE, (ROOT / "compose.yaml").read_text(), *(u.read_text() for u in UNITS)]
    return {name for text in texts for name in re.findall(r"manage\.py(?:\", \"| )([a-z_]+)", text)}


def test_the_image_has_what_the_server_needs_and_all_of_it_exists():
    assert copied() >= NEEDED
    assert {name for name in copied() if not (ROOT / name).exists()} == set()


def test_the_build_context_lets_in_what_is_copied():
    allowed = set(re.findall(r"^!(.+)$", (ROOT / ".dockerignore").read_text(), re.M))
    assert copied() == allowed


def test_the_image_runs_as_an_account_of_its_own_and_not_in_debug():
    assert re.search(r"^USER paralelo$", DOCKERFILE, re.M)
    assert "PARALELO_DEBUG=0" in DOCKERFILE
    assert DOCKERFILE.index("USER paralelo") < DOCKERFILE.index("CMD [")


def test_an_install_that_fails_says_why():
    for name in ("Dockerfile", "Makefile"):
        lines = re.findall(r"^.*npm ci.*$", (ROOT / name).read_text(), re.M)
        assert lines
        assert not [line for line in lines if "--silent" in line or "-s " in line]


def test_what_compose_may_tell_the_build_is_asked_for_there():
    told = COMPOSE["services"]["web"]["build"]["args"]
    assert set(told) == set(re.findall(r"^ARG ([A-Z_]+)", DOCKERFILE, re.M))


def test_every_command_that_is_named_exists():
    assert commands() - set(get_commands()) == set()
    assert {"migrate", "collectstatic", "ensure_admin", "run_worker"} <= commands()


def test_web_and_worker_wait_for_the_set_up_and_share_home_and_database():
    services = COMPOSE["services"]
    for name in ("web", "worker"):
        assert services[name]["depends_on"] == {
            "setup": {"condition": "service_completed_successfully"}
        }
        assert services[name]["volumes"] == ["home:/data"]
        assert services[name]["healthcheck" if name == "worker" else "image"]
    assert {service["environment"]["DATABASE_URL"] for n, service in services.items() if n != "db"}
    assert services["web"]["ports"] == ["127.0.0.1:${PORT:-8000}:8000"]


def test_probes_written_in_python_compile():
    health = re.search(r"CMD (\[\"python\", \"-c\".+\])$", DOCKERFILE, re.M)
    assert health is not None
    sources = [
        yaml.safe_load(health[1])[2],
        COMPOSE["services"]["worker"]["healthcheck"]["test"][3],
    ]
    for source in sources:
        compile(source, "probe", "exec")


def test_every_variable_is_one_that_the_settings_read():
    known = set(re.findall(r"^([A-Z_]+)=", (ROOT / ".env.example").read_text(), re.M))
    environment = COMPOSE["services"]["setup"]["environment"]
    assert set(environment) <= known
    assert set(re.findall(r"(PARALELO_[A-Z_]+)=", DOCKERFILE)) <= known


def test_units_start_programs_of_the_checkout():
    assert [unit.name for unit in UNITS] == ["paralelo-web.service", "paralelo-worker.service"]
    for unit in UNITS:
        starts = re.findall(r"^ExecStart(?:Pre)?=(.+)$", unit.read_text(), re.M)
        assert starts
        for line in starts:
            assert shlex.split(line)[0] == "/opt/paralelo/.venv/bin/python"


def test_health_is_answered_without_a_database(client):
    answer = client.get("/healthz")
    assert (answer.status_code, answer.content) == (200, b"ok\n")
