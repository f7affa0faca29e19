"""deploy/compose/compose.yaml fits the Compose Specification, and what it starts is what shopsight has."""

import json
import os
import re
import shutil
import socket
import subprocess
import time
from pathlib import Path
from typing import Any, Final

import pytest
import redis
import yaml
from deployment import DEPLOY, PORTS, SETTINGS, STORES, is_pinned, secrets_into
from jsonschema import Draft7Validator
from pydantic_settings import SettingsConfigDict
from running import free_port

from serving.http.draining import IDLE_SECONDS
from serving.running.launcher import STOP_SECONDS
from shopsight import __version__
from shopsight.ingestion.collecting.stream import EventStream
from shopsight.settings import REPO_ROOT, Settings, without_password

FOLDER: Final = DEPLOY / "compose"
TEXT: Final = (FOLDER / "compose.yaml").read_text()
COMPOSE: Final[dict[str, Any]] = yaml.safe_load(TEXT)
SERVICES: Final[dict[str, dict[str, Any]]] = COMPOSE["services"]
OURS: Final = {name: service for name, service in SERVICES.items() if service.get("image", "").startswith("${SHOPSI")}


def faults(compose: dict[str, Any]) -> list[str]:
    """Return where a file is none of the Compose Specification, by its own schema."""
    schema = json.loads((REPO_ROOT / "tests" / "data" / "schemas" / "compose-spec.json").read_text())
    return [f"{list(error.path)}: {error.message}" for error in Draft7Validator(schema).iter_errors(compose)]


def in_a_container(secrets: Path) -> Settings:
    """Return the settings of a container that has these secrets."""

    class InAContainer(Settings):
        model_config = SettingsConfigDict(secrets_dir=secrets, env_file=None)

    with pytest.MonkeyPatch.context() as patch:
        for name in [name for name in os.environ if name.startswith("SHOPSIGHT_")]:
            patch.delenv(name)  # a test before this one may have pointed tools of this process at its home
        return InAContainer()


def test_the_file_fits_the_specification() -> None:
    assert faults(COMPOSE) == []
    misspelt = COMPOSE | {"services": {"redis": {"image": "redis:7.4.2", "helthcheck": {}}}}
    assert len(faults(misspelt)) == 1


def test_compose_itself_reads_the_file(tmp_path: Path) -> None:
    command = ["docker", "compose"]
    if (
        shutil.which("docker") is None
        or subprocess.run([*command, "version"], capture_output=True, check=False).returncode
    ):
        pytest.skip("no `docker compose` here; the schema was looked at all the same")
    shutil.copytree(FOLDER, tmp_path / "compose")
    secrets_into(tmp_path / "compose" / "secrets")
    environment = os.environ | {"SHOPSIGHT_USER": "Ada", "SHOPSIGHT_ALLOWED_HOSTS": "dagster.shop.example"}
    done = subprocess.run(
        [*command, "-f", str(tmp_path / "compose" / "compose.yaml"), "config", "--quiet"],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr


def test_each_part_of_up_has_a_container_whose_health_is_asked_at_its_own_port() -> None:
    assert {tuple(service["command"]): name for name, service in OURS.items()} == {
        ("up", "--logs", "--only", part): part for part in PORTS
    }
    for part, port in PORTS.items():
        asked = " ".join(SERVICES[part]["healthcheck"]["test"])
        page = "/server_info" if part == "dagster" else "/readyz"
        assert f"http://127.0.0.1:{port}{page}" in asked


def test_every_container_is_watched_restarted_and_bound_in_memory_and_none_may_become_root_again() -> None:
    for name, service in SERVICES.items():
        assert service["restart"] == "unless-stopped", name
        assert "no-new-privileges:true" in service["security_opt"], name
        if name not in ("network", "nginx"):
            assert service["deploy"]["resources"]["limits"]["memory"], name
        if name != "network":
            assert service["healthcheck"]["test"], name
    for name, service in OURS.items():
        assert (service["read_only"], service["cap_drop"]) == (True, ["ALL"]), name
        assert int(service["stop_grace_period"].removesuffix("s")) > IDLE_SECONDS + STOP_SECONDS, name


def test_images_are_pinned_and_nothing_but_nginx_listens_to_the_world() -> None:
    images = {name: service["image"] for name, service in SERVICES.items() if name not in OURS}
    assert [name for name, image in images.items() if not is_pinned(image)] == []
    assert {service["image"] for service in OURS.values()} == {f"${{SHOPSIGHT_IMAGE:-shopsight:{__version__}}}"}
    assert {name for name, service in SERVICES.items() if "ports" in service} == {"network"}
    assert SERVICES["network"]["ports"] == ["80:80", "443:443"]
    sharing = {name for name, service in SERVICES.items() if service.get("network_mode") == "service:network"}
    assert sharing == {*OURS, "nginx"}
    assert f"http://127.0.0.1:{PORTS['collector']};" in (DEPLOY / "nginx" / "shopsight.conf").read_text()


def test_every_variable_is_a_setting_and_those_that_have_no_default_are_in_the_example() -> None:
    for name, service in OURS.items():
        assert set(service["environment"]) - SETTINGS == set(), name
        assert set(service["secrets"]) - SETTINGS == set(), name
    asked = set(re.findall(r"\$\{([A-Z_]+)", TEXT))
    example = set(re.findall(r"^#?([A-Z_]+)=", (FOLDER / "example.env").read_text(), flags=re.MULTILINE))
    assert asked - example <= {"SHOPSIGHT_IMAGE"}
    assert example - asked == set()


def test_no_password_stands_in_the_file_and_every_secret_is_one_that_the_script_makes(tmp_path: Path) -> None:
    made = secrets_into(tmp_path / "secrets")
    assert {name: secret["file"] for name, secret in COMPOSE["secrets"].items()} == {
        name: f"./secrets/{name}" for name in COMPOSE["secrets"]
    }
    assert set(COMPOSE["secrets"]) <= set(made)
    used = {name for service in SERVICES.values() for name in service.get("secrets", ())}
    assert used == set(COMPOSE["secrets"])
    values = [value for service in SERVICES.values() for value in service.get("environment", {}).items()]
    assert [name for name, value in values if "PASSWORD" in name and not value.startswith("/run/secrets/")] == []


def test_the_stores_start_with_what_the_script_made_and_open_to_its_passwords_alone(tmp_path: Path) -> None:
    for binary in ("redis-server", "nats-server"):
        if shutil.which(binary) is None:
            pytest.skip(f"no {binary} here")
    made = secrets_into(tmp_path / "secrets")
    ports = {"redis": free_port(), "nats": free_port(), "health": free_port()}
    for name in ("redis.conf", "nats.conf"):
        text = made[name].replace("/data", str(tmp_path)).replace("127.0.0.1:8222", f"127.0.0.1:{ports['health']}")
        (tmp_path / name).write_text(text)
    commands = [
        ["redis-server", str(tmp_path / "redis.conf"), "--port", str(ports["redis"])],
        ["nats-server", "--config", str(tmp_path / "nats.conf"), "--addr", "127.0.0.1", "--port", str(ports["nats"])],
    ]
    with (tmp_path / "servers.log").open("w") as log:
        servers = [subprocess.Popen(command, cwd=tmp_path, stdout=log, stderr=log) for command in commands]
    try:
        settings = in_a_container(tmp_path / "secrets")
        url = settings.online_store.replace("redis:6379", f"127.0.0.1:{ports['redis']}")
        stream = settings.event_stream.replace("nats:4222", f"127.0.0.1:{ports['nats']}")
        for port in ports.values():
            wait_for(port)
        assert redis.Redis.from_url(url).ping()
        with pytest.raises(redis.AuthenticationError):
            redis.Redis.from_url(without_password(url)).ping()
        with EventStream(stream) as opened:
            opened.publish(b"an event", message_id="1")
            assert opened.state().messages == 1
        with socket.create_connection(("127.0.0.1", ports["nats"]), timeout=10) as stranger:
            stranger.sendall(b"CONNECT {}\r\nPING\r\n")
            assert b"Authorization Violation" in b"".join(iter(lambda: stranger.recv(4096), b""))
    finally:
        for server in servers:
            server.terminate()
            server.wait(20)


def wait_for(port: int) -> None:
    """Return once something listens."""
    deadline = time.monotonic() + 20
    while True:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
        except OSError:
            assert time.monotonic() < deadline, f"nothing listens on {port}"
            time.sleep(0.05)
        else:
            return


def test_the_script_makes_passwords_once_and_the_settings_read_what_it_made(tmp_path: Path) -> None:
    first = secrets_into(tmp_path / "secrets")
    assert secrets_into(tmp_path / "secrets") == first
    other = secrets_into(tmp_path / "other")
    passwords = [made[f"{store}_password"] for made in (first, other) for store in STORES]
    assert len({*passwords}) == 6
    assert {len(password) for password in passwords} == {48}
    settings = in_a_container(tmp_path / "secrets")
    assert settings.dagster_postgres_url is not None
    assert first["postgres_password"] in settings.dagster_postgres_url.get_secret_value()
    assert settings.online_store == f"redis://:{first['redis_password']}@redis:6379/0"
    assert settings.event_stream == f"nats://shopsight:{first['nats_password']}@nats:4222"
    assert f"requirepass {first['redis_password']}\n" in first["redis.conf"]
    assert f'password: "{first["nats_password"]}"' in first["nats.conf"]
    assert (tmp_path / "secrets").stat().st_mode & 0o777 == 0o700
