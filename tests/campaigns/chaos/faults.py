"""The faults: each does its damage and returns what mends it again."""

import os
import random
import shutil
import signal
import subprocess
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import psutil

from shopsight.families import FAMILIES
from shopsight.settings import Settings

Mend = Callable[[], None]


def nothing() -> None:
    """Mend a fault that has to mend itself."""


def flip_a_bit_of_the_registry(settings: Settings, rng: random.Random) -> Mend:
    """Change one bit of a registered model, or of the journal."""
    return _flip(rng.choice([path for path in sorted(settings.registry_dir.rglob("*")) if _is_data(path)]), rng)


def flip_a_bit_of_a_bento(settings: Settings, rng: random.Random) -> Mend:
    """Change one bit of a Bento's code or model, and kill its service, which has to be started from it again."""
    family = FAMILIES[rng.choice(list(FAMILIES))]
    folders = (settings.bentoml_dir / "bentos" / family.bento, settings.bentoml_dir / "models" / family.name)
    mend = _flip(rng.choice([path for folder in folders for path in sorted(folder.rglob("*")) if _is_data(path)]), rng)
    _kill(_listener(settings, family.name))
    return mend


def kill_a_service(settings: Settings, rng: random.Random) -> Mend:
    """Kill a service."""
    _kill(_listener(settings, rng.choice(list(FAMILIES))))
    return nothing


def end_a_service(settings: Settings, rng: random.Random) -> Mend:
    """Ask a service to end."""
    process = _listener(settings, rng.choice(list(FAMILIES)))
    if process is not None:
        process.terminate()
    return nothing


def kill_the_web_ui(settings: Settings, rng: random.Random) -> Mend:
    """Kill the web server of Dagster, its daemon, or its code server."""
    parts = [process for process in of_home(settings) if "dagster" in " ".join(_command(process))]
    if parts:
        _kill(rng.choice(parts))
    return nothing


def damage_the_store(settings: Settings, rng: random.Random) -> Mend:
    """Write garbage over the online store, empty it or delete it; the file that mends it is another one."""
    store = settings.feature_store_dir / "online.db"
    copy = store.with_suffix(".copy")
    shutil.copyfile(store, copy)
    match rng.randrange(3):
        case 0:
            store.write_bytes(rng.randbytes(200_000))
        case 1:
            store.write_bytes(b"")
        case 2:
            store.unlink()
    return lambda: _put_back(copy, store)


def replace_the_store(settings: Settings, _: random.Random) -> Mend:
    """Put another file with the same rows in the place of the online store, as a restored backup is."""
    store = settings.feature_store_dir / "online.db"
    copy = store.with_suffix(".copy")
    shutil.copyfile(store, copy)
    _put_back(copy, store)
    return nothing


def move_a_bento_away(settings: Settings, rng: random.Random) -> Mend:
    """Take a champion's Bento out of the store and kill its service."""
    family = FAMILIES[rng.choice(list(FAMILIES))]
    folder = settings.bentoml_dir / "bentos" / family.bento
    away = settings.bentoml_dir / f"away-{family.name}"
    folder.rename(away)
    _kill(_listener(settings, family.name))

    def mend() -> None:
        shutil.rmtree(folder, ignore_errors=True)  # what was built meanwhile
        away.rename(folder)

    return mend


def fill_the_disk(settings: Settings, _: random.Random) -> Mend:
    """Leave no byte on the home's disk."""
    ballast = settings.home / "ballast"
    with suppress(OSError), ballast.open("wb", buffering=0) as file:
        while True:
            file.write(b"\0" * 1_000_000)
    with suppress(OSError), ballast.open("ab", buffering=0) as file:
        while True:
            file.write(b"\0" * 512)
    return lambda: ballast.unlink(missing_ok=True)


FAULTS: dict[str, Callable[[Settings, random.Random], Mend]] = {
    fault.__name__: fault
    for fault in (
        flip_a_bit_of_the_registry,
        flip_a_bit_of_a_bento,
        kill_a_service,
        end_a_service,
        kill_the_web_ui,
        damage_the_store,
        replace_the_store,
        move_a_bento_away,
        fill_the_disk,
    )
}


def of_home(settings: Settings) -> Iterator[psutil.Process]:
    """Yield the processes that serve a home, whoever started them; not this one."""
    for process in psutil.process_iter():
        with suppress(psutil.Error):
            if process.pid != os.getpid() and process.environ().get("SHOPSIGHT_HOME") == str(settings.home):
                yield process


def _listener(settings: Settings, family: str) -> psutil.Process | None:
    """Return a process of a service: the one that serves, or one that rests."""
    bento = FAMILIES[family].bento
    return next((process for process in of_home(settings) if f"/{bento}/" in " ".join(_command(process))), None)


def _command(process: psutil.Process) -> list[str]:
    with suppress(psutil.Error):
        return list(process.cmdline())
    return []


def _kill(process: psutil.Process | None) -> None:
    if process is not None:
        with suppress(psutil.Error):
            process.send_signal(signal.SIGKILL)


def _is_data(path: Path) -> bool:
    plain = path.is_file() and not path.is_symlink()
    return plain and path.stat().st_size > 0 and "__pycache__" not in path.parts and path.name != ".lock"


def _flip(path: Path, rng: random.Random) -> Mend:
    whole = path.read_bytes()
    place = rng.randrange(len(whole))
    with path.open("r+b") as file:
        file.seek(place)
        file.write(bytes([whole[place] ^ (1 << rng.randrange(8))]))

    def mend() -> None:
        with path.open("r+b") as file:
            file.seek(place)
            file.write(whole[place : place + 1])

    return mend


def _put_back(copy: Path, store: Path) -> None:
    for side in ("-wal", "-shm"):
        store.with_name(store.name + side).unlink(missing_ok=True)
    copy.replace(store)


def mounted_small(folder: Path, megabytes: int) -> bool:
    """Mount a disk of a few megabytes on a folder, where this user may."""
    mount = ["mount", "-t", "tmpfs", "-o", f"size={megabytes}m", "tmpfs", str(folder)]
    return subprocess.run(mount, capture_output=True, check=False).returncode == 0
