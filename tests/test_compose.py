"""What can be known of the image and the compose file without a container engine: form, names, order, users."""

import json
import re
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml

from app.providers.registry import ALL_SETTINGS
from app.settings import Settings, variable

ROOT = Path(__file__).parents[1]
COMPOSE: dict[str, Any] = yaml.safe_load((ROOT / "docker-compose.yml").read_text("utf-8"))
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]
OURS = {name: service for name, service in SERVICES.items() if "build" in service}
# One instruction a line.
DOCKERFILE = (ROOT / "Dockerfile").read_text("utf-8").replace("\\\n", " ").splitlines()
VARIABLES = {variable(group, field) for group in ALL_SETTINGS for field in group.model_fields}

TEXT = {"type": "string", "minLength": 1}
TEXTS = {"type": "array", "items": TEXT}
DURATION = {"type": "string", "pattern": r"^(\d+(ms|s|m|h))+$"}
# The part of the compose specification that we use; whatever is misspelt or beyond it is refused.
FORM = {
    "type": "object",
    "additionalProperties": False,
    "required": ["name", "services", "volumes"],
    "patternProperties": {"^x-": {}},
    "properties": {
        "name": {"type": "string", "pattern": "^[a-z0-9][a-z0-9_-]*$"},
        "volumes": {"additionalProperties": {"type": "null"}},
        "services": {
            "additionalProperties": {
                "type": "object",
                "additionalProperties": False,
                "required": ["image", "restart"],
                "properties": {
                    "image": {"type": "string", "pattern": r"^[a-z0-9/-]+:[\w.-]+$"},
                    "build": {"additionalProperties": False, "properties": {"context": TEXT}},
                    "command": TEXTS,
                    "restart": {"enum": ["no", "always", "on-failure", "unless-stopped"]},
                    "init": {"type": "boolean"},
                    "cap_drop": TEXTS,
                    "security_opt": TEXTS,
                    "stop_grace_period": DURATION,
                    "ulimits": {"additionalProperties": {"type": "integer"}},
                    "environment": {"additionalProperties": {"type": ["string", "integer", "null"]}},
                    "ports": {
                        "type": "array",
                        "items": {"type": "string", "pattern": r"^127\.0\.0\.1:\d+:\d+$"},
                    },
                    "volumes": {"type": "array", "items": {"type": "string", "pattern": "^[a-z-]+:/[a-z/]+$"}},
                    "depends_on": {
                        "additionalProperties": {
                            "additionalProperties": False,
                            "required": ["condition"],
                            "properties": {
                                "condition": {
                                    "enum": ["service_started", "service_healthy", "service_completed_successfully"]
                                }
                            },
                        }
                    },
                    "healthcheck": {
                        "additionalProperties": False,
                        "properties": {
                            "test": TEXTS,
                            "disable": {"type": "boolean"},
                            "retries": {"type": "integer", "minimum": 1},
                            "interval": DURATION,
                            "timeout": DURATION,
                            "start_period": DURATION,
                        },
                    },
                },
            },
        },
    },
}


def instructions(name: str) -> list[str]:
    return [line.split(maxsplit=1)[1] for line in DOCKERFILE if line.startswith(f"{name} ")]


def final_stage() -> list[str]:
    last_from = max(number for number, line in enumerate(DOCKERFILE) if line.startswith("FROM "))
    return DOCKERFILE[last_from:]


def test_the_compose_file_has_the_form_of_one() -> None:
    jsonschema.validate(COMPOSE, FORM)


def test_every_process_of_the_system_runs_as_a_service_of_its_own() -> None:
    assert {name: service["command"] for name, service in OURS.items()} == {
        "sandbox": ["paygate", "sandbox"],
        "projection": ["paygate", "project"],
        "processor": ["paygate", "process"],
        "notifier": ["paygate", "notify"],
        "gateway": ["paygate", "serve"],
    }


@pytest.mark.skipif(find_spec("app.cli") is None, reason="the command line is not there yet")
@pytest.mark.parametrize("name", OURS)
def test_the_command_line_has_the_command_of(name: str) -> None:
    program, command = OURS[name]["command"]
    assert program == "paygate"

    asked = subprocess.run(
        [sys.executable, "-c", "from app.cli import main; main()", command, "--help"], capture_output=True, check=False
    )

    assert asked.returncode == 0, asked.stderr.decode()


@pytest.mark.parametrize("name", SERVICES)
def test_a_service_waits_only_for_services_that_can_say_they_are_healthy(name: str) -> None:
    for needed, how in SERVICES[name].get("depends_on", {}).items():
        assert how["condition"] == "service_healthy"
        assert SERVICES[needed]["healthcheck"]["test"][0] in {"CMD", "CMD-SHELL"}


def test_services_do_not_wait_for_each_other_in_a_circle() -> None:
    waiting = {name: set(service.get("depends_on", {})) for name, service in SERVICES.items()}
    while startable := {name for name, needed in waiting.items() if not needed}:
        waiting = {name: needed - startable for name, needed in waiting.items() if name not in startable}

    assert waiting == {}


@pytest.mark.parametrize("name", OURS)
def test_our_services_set_only_variables_that_the_settings_know(name: str) -> None:
    assert {variable for variable in OURS[name]["environment"] if variable.startswith("PAYGATE_")} <= VARIABLES


@pytest.mark.parametrize("name", OURS)
def test_our_services_take_the_settings_they_are_given(name: str) -> None:
    given = {
        variable.removeprefix("PAYGATE_").lower(): value
        for variable, value in OURS[name]["environment"].items()
        if value is not None and "${" not in str(value)
    }

    assert Settings(**given).eventstore_uri == "esdb://eventstore:2113?tls=false"


@pytest.mark.parametrize("name", OURS)
def test_the_secret_key_comes_from_outside_and_its_absence_is_said(name: str) -> None:
    assert str(OURS[name]["environment"]["PAYGATE_SECRET_KEY"]).startswith("${PAYGATE_SECRET_KEY:?")


@pytest.mark.parametrize("name", OURS)
def test_addresses_of_other_services_are_their_names(name: str) -> None:
    environment = OURS[name]["environment"]
    hosts = {
        match[1]
        for variable in ("PAYGATE_EVENTSTORE_URI", "PAYGATE_REDIS_URL", "PAYGATE_SANDBOX_URL")
        if (match := re.match(r"\w+://([^:/]+)", environment[variable]))
    }

    assert hosts == {"eventstore", "redis", "sandbox"}
    assert hosts <= set(SERVICES)


def test_every_volume_is_declared_and_used() -> None:
    used = {volume.split(":")[0] for service in SERVICES.values() for volume in service.get("volumes", [])}

    assert used == set(COMPOSE["volumes"])


@pytest.mark.parametrize("name", OURS)
def test_our_services_are_built_from_the_dockerfile_without_privileges(name: str) -> None:
    service = OURS[name]

    assert (ROOT / service["build"]["context"] / "Dockerfile").is_file()
    assert service["image"] == "paygate:latest"
    assert service["cap_drop"] == ["ALL"]
    assert "no-new-privileges:true" in service["security_opt"]


def test_the_event_store_runs_the_projections_that_write_category_streams() -> None:
    environment = SERVICES["eventstore"]["environment"]

    assert environment["EVENTSTORE_RUN_PROJECTIONS"] in {"System", "All"}
    assert environment["EVENTSTORE_START_STANDARD_PROJECTIONS"] == "true"


def test_redis_keeps_the_read_model_through_a_restart() -> None:
    command = SERVICES["redis"]["command"]

    assert command[command.index("--appendonly") + 1] == "yes"
    assert "redis-data:/data" in SERVICES["redis"]["volumes"]


def test_the_image_ends_as_a_numeric_user_who_is_not_root() -> None:
    users = [line.split()[1] for line in final_stage() if line.startswith("USER ")]

    assert re.fullmatch(r"[1-9]\d*:[1-9]\d*", users[-1])


def test_the_image_says_whether_it_is_well_and_serves_when_told_nothing_else() -> None:
    health = next(line for line in final_stage() if line.startswith("HEALTHCHECK "))
    check = json.loads(health[health.index("CMD ") + 4 :])

    assert check[:2] == ["python", "-c"]
    compile(check[2], "HEALTHCHECK", "exec")
    assert final_stage()[-1] == 'CMD ["paygate", "serve"]'


def test_the_image_installs_nothing_that_a_lock_does_not_pin_by_its_hash() -> None:
    commands = [command for line in instructions("RUN") for command in line.split(" && ")]
    installs = [command for command in commands if " install " in command]

    assert installs
    assert [command for command in installs if "--require-hashes" not in command and "--no-index" not in command] == []


def test_the_lock_holds_what_the_image_picks_out_of_it() -> None:
    pinned = re.findall(r"^([a-z-]+)==", (ROOT / "requirements-dev.lock").read_text("utf-8"), flags=re.MULTILINE)
    picked = re.findall(r"/\^\(?([a-z|-]+)\)?==/", "\n".join(instructions("RUN")))

    assert len(picked) == 2
    assert {package for pattern in picked for package in pattern.split("|")} <= set(pinned)


def test_what_the_image_copies_reaches_it_through_the_dockerignore() -> None:
    ignored = (ROOT / ".dockerignore").read_text("utf-8").splitlines()
    admitted = {line[1:] for line in ignored if line.startswith("!")}
    copied = {source for line in instructions("COPY") if not line.startswith("--from") for source in line.split()[:-1]}

    assert {source.split("/")[0] for source in copied} == admitted
    assert [source for source in copied if not (ROOT / source).exists()] == []
