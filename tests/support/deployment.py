"""What the tests of deploy/ share: its folder, and what a setting or a service is called there."""

from pathlib import Path
from typing import Final

from shopsight.families import SERVICES
from shopsight.settings import REPO_ROOT, Settings

DEPLOY: Final = REPO_ROOT / "deploy"
DAGSTER: Final = "dagster"
PORTS: Final[dict[str, int]] = {
    DAGSTER: Settings.model_fields["dagster_port"].default,
    **{name: Settings.model_fields[service.port_setting].default for name, service in SERVICES.items()},
}
"""The port of each part of ``shopsight up``, unless a setting moves it."""
SETTINGS: Final = frozenset(f"SHOPSIGHT_{name.upper()}" for name in Settings.model_fields)
"""Every variable that is a setting."""
STORES: Final = frozenset({"postgres", "redis", "nats"})


def is_pinned(image: str) -> bool:
    """Return whether an image is named with a version of at least two numbers."""
    _, _, tag = image.rpartition(":")
    return tag.replace("-", ".").split(".")[0].isdigit() and tag.count(".") >= 1


def secrets_into(folder: Path) -> dict[str, str]:
    """Have ``deploy/secrets.sh`` fill a folder; return the content of each file."""
    import subprocess

    subprocess.run(["sh", str(DEPLOY / "secrets.sh"), str(folder)], check=True)
    return {path.name: path.read_text() for path in folder.iterdir()}
