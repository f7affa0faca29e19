"""A fault costs the family that it hits, is named, and is over once its cause is: with real processes on real ports.

Only what BentoML would serve is small here: a process that answers ``/readyz``, or ends at once, as the Bento says.
"""

import os
import signal
import socket
import sys
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path

import psutil
import pytest
from approved_toys import crown_toy

from models.registry.registry import ModelRegistry
from serving.packaging.manifest import write_manifest
from serving.running import keeper as keeping
from serving.running import launcher
from serving.running.keeper import ServiceKeeper
from serving.running.launcher import ServiceProcess
from serving.running.states import AlreadyUpError, ServiceState, read_states, the_only_up, write_states
from shopsight.families import FAMILIES
from shopsight.locking import ResourceBusyError
from shopsight.settings import Settings

NOON = datetime(2026, 5, 1, 12, tzinfo=UTC)
FAMILY = FAMILIES["churn"]
ANSWERING = """
import http.server, os, select, socket, sys
class Ready(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200); self.end_headers(); self.wfile.write(b"%d" % os.getpid())
server = http.server.HTTPServer(("127.0.0.1", 0), Ready, bind_and_activate=False)
server.socket = socket.socket(fileno=int(sys.argv[1]))
server.socket.setblocking(False)  # another process may have been quicker
server.socket.listen()
line = socket.socket(fileno=int(os.environ["SHOPSIGHT_HANDOVER_LINE"]))
line.send(b"1")
listens = True
while True:
    for readable in select.select([line, server] if listens else [line], [], [])[0]:
        if readable is server:
            server.handle_request()
            continue
        listens = line.recv(1) == b"l"
        if listens:
            line.send(b"1")
"""
BEFORE_HANDOVERS = """
import http.server, os, signal, socket, sys
class Ready(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200); self.end_headers()
server = http.server.HTTPServer(("127.0.0.1", 0), Ready, bind_and_activate=False)
server.socket = socket.socket(fileno=int(sys.argv[1]))
server.socket.listen()
def stop(*_):
    server.socket.shutdown(socket.SHUT_RDWR)
    os._exit(0)
signal.signal(signal.SIGTERM, stop)
server.serve_forever()
"""
ENDING = "raise SystemExit('no such model')  # it would have used SHOPSIGHT_HANDOVER_LINE"


class TinyService(ServiceProcess):
    """Runs the one file of its Bento."""

    @property
    def hands_over(self) -> bool:
        return "SHOPSIGHT_HANDOVER_LINE" in (self.bento.path / "service.py").read_text()

    def command(self, descriptor: int) -> list[str]:
        return [sys.executable, "-m", "shopsight.parent", str(self.bento.path / "service.py"), str(descriptor)]


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return Settings(home=tmp_path, churn_port=probe.getsockname()[1])


@pytest.fixture
def crown(settings: Settings) -> Callable[[str], Path]:
    """Approve another version whose Bento runs a program; return the Bento's folder."""

    def crown(program: str) -> Path:
        candidate = settings.training_dir / "candidate"
        candidate.mkdir(parents=True, exist_ok=True)
        (candidate / "model.json").write_text("{}")
        version = crown_toy(settings, "churn", candidate).version
        bento = settings.bentoml_dir / "bentos" / FAMILY.bento / f"{version}-0123456789"
        model = settings.bentoml_dir / "models" / "churn" / f"{version}-0123456789"
        for folder, name, content in ((bento, "service.py", program), (model, "model.json", "{}")):
            folder.mkdir(parents=True)
            (folder / name).write_text(content)
        tag = f"{FAMILY.bento}:{bento.name}"
        ModelRegistry.of(settings).package("churn", version, tag=tag, manifest=write_manifest(bento, model), at=NOON)
        return bento

    return crown


@pytest.fixture
def keeper(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Iterator[ServiceKeeper]:
    for name in ("FIRST_RETRY_SECONDS", "REGISTRY_SECONDS"):
        monkeypatch.setattr(keeping, name, 0.05)
    keeper = ServiceKeeper(settings, "churn", process=TinyService)
    yield keeper
    keeper.stop()


def until(keeper: ServiceKeeper, state: str, *, note: str | None = "", bento: Path | None = None) -> None:
    """Look until the service is in a state with a note of these words, or none; for ten seconds at most."""
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline:
        keeper.look()
        present = keeper.state()
        right_bento = bento is None or present.bento == f"{FAMILY.bento}:{bento.name}"
        right_note = note is None or (note in present.note if note else not present.note)
        if present.state == state and right_note and right_bento:
            return
        time.sleep(0.02)
    raise AssertionError(keeper.state())


def asked(settings: Settings) -> int:
    """Return which process answered."""
    with urllib.request.urlopen(f"http://127.0.0.1:{settings.churn_port}/readyz", timeout=10) as answer:
        return int(answer.read())


def until_answered_by(process: int, settings: Settings) -> None:
    """Ask until a process answers: the one before it rests as soon as it hears that it is to."""
    deadline = time.monotonic() + 10
    while asked(settings) != process:
        assert time.monotonic() < deadline


def process_of(keeper: ServiceKeeper) -> int:
    assert keeper._process is not None  # noqa: SLF001 - what a killer would look up
    assert keeper._process._process is not None  # noqa: SLF001
    return keeper._process._process.pid  # noqa: SLF001


def test_a_family_without_a_model_waits_and_says_for_what(keeper: ServiceKeeper) -> None:
    keeper.look()
    assert keeper.state() == ServiceState("waiting", "no model yet: `shopsight run`, or materialise all")


def test_the_champion_is_served_and_a_killed_service_is_back_at_once(
    keeper: ServiceKeeper, crown: Callable[[str], Path]
) -> None:
    bento = crown(ANSWERING)
    until(keeper, "running", bento=bento)
    killed = process_of(keeper)
    os.kill(killed, signal.SIGKILL)
    until(keeper, "starting", note=None)
    until(keeper, "running", bento=bento)
    assert process_of(keeper) != killed


def test_a_changed_registry_is_named_and_what_serves_goes_on(
    keeper: ServiceKeeper, crown: Callable[[str], Path], settings: Settings
) -> None:
    crown(ANSWERING)
    until(keeper, "running")
    process = process_of(keeper)
    model = settings.registry_dir / "churn" / "v0001" / "model.json"
    whole = model.read_bytes()
    for path, damaged in ((model, b"["), (settings.registry_dir / "journal.jsonl", b"{}\n")):
        whole = path.read_bytes()
        path.write_bytes(damaged)
        until(keeper, "running", note=path.name)
        path.write_bytes(whole)
        until(keeper, "running")
    assert process_of(keeper) == process


def test_a_damaged_journal_does_not_keep_a_killed_service_down(
    keeper: ServiceKeeper, crown: Callable[[str], Path], settings: Settings
) -> None:
    bento = crown(ANSWERING)
    until(keeper, "running")
    journal = settings.registry_dir / "journal.jsonl"
    whole = journal.read_bytes()
    journal.write_bytes(whole.replace(b"fit to serve", b"fit to swerv"))
    os.kill(process_of(keeper), signal.SIGKILL)
    until(keeper, "starting", note=None)
    until(keeper, "running", note="journal.jsonl", bento=bento)
    journal.write_bytes(whole)
    until(keeper, "running", bento=bento)


@pytest.mark.parametrize("damage", ["changed", "added", "link", "model", "manifest", "compiled"])
def test_a_bento_that_is_not_what_was_built_does_not_serve(
    keeper: ServiceKeeper, crown: Callable[[str], Path], settings: Settings, damage: str
) -> None:
    bento = crown(ANSWERING)
    model = settings.bentoml_dir / "models" / "churn" / bento.name / "model.json"
    whole = {path: path.read_bytes() for path in (bento / "service.py", bento / "files.json", model)}
    match damage:
        case "changed":
            (bento / "service.py").write_text(ANSWERING + "\n# more\n")
        case "added":
            (bento / "http.py").write_text("")
        case "link":
            (bento / "service.py").unlink()
            (bento / "service.py").symlink_to(settings.home / "elsewhere.py")
        case "model":
            model.write_text("[]")
        case "manifest":
            (bento / "files.json").write_bytes(whole[bento / "files.json"].replace(b"service.py", b"service.txt"))
        case "compiled":
            (bento / "__pycache__").mkdir()
            (bento / "__pycache__" / "http.cpython-311.pyc").write_bytes(b"anything")
            until(keeper, "running", bento=bento)
            assert not (bento / "__pycache__").exists()
            return
    named = {"added": "http.py", "model": "model.json", "manifest": "files.json"}.get(damage, "service.py")
    until(keeper, "failed", note=named)
    for path, content in whole.items():
        path.unlink()
        path.write_bytes(content)
    (bento / "http.py").unlink(missing_ok=True)
    until(keeper, "running", bento=bento)


def test_where_a_new_champion_does_not_start_the_one_before_serves_on(
    keeper: ServiceKeeper, crown: Callable[[str], Path]
) -> None:
    first = crown(ANSWERING)
    until(keeper, "running", bento=first)
    process = process_of(keeper)
    crown(ENDING)
    until(keeper, "running", note="no such model", bento=first)
    assert process_of(keeper) == process
    third = crown(ANSWERING)
    until(keeper, "running", bento=third)


def test_a_new_champion_takes_over_while_requests_run_and_none_of_them_fails(
    keeper: ServiceKeeper, crown: Callable[[str], Path], settings: Settings
) -> None:
    until(keeper, "running", bento=crown(ANSWERING))
    answered: list[int] = []
    over = threading.Event()

    def ask() -> None:
        while not over.is_set():
            answered.append(asked(settings))

    with ThreadPoolExecutor(2) as clients:
        asking = [clients.submit(ask) for _ in range(2)]
        processes = [process_of(keeper)]
        try:
            for program, note in ((ANSWERING, ""), (ENDING, "no such model"), (ANSWERING, "")):
                bento = crown(program)
                until(keeper, "running", note=note, bento=None if note else bento)
                processes.append(process_of(keeper))
                until_answered_by(processes[-1], settings)
        finally:
            over.set()
        for one in asking:
            one.result()  # raises what a client met
    assert processes[1] == processes[2], "what ends while it starts takes nothing over"
    assert set(answered) == {processes[0], processes[1], processes[3]}


def test_a_rollback_has_the_process_back_that_served_before(
    keeper: ServiceKeeper, crown: Callable[[str], Path], settings: Settings
) -> None:
    first = crown(ANSWERING)
    until(keeper, "running", bento=first)
    process = process_of(keeper)
    until(keeper, "running", bento=crown(ANSWERING))
    assert process_of(keeper) != process
    ModelRegistry.of(settings).rollback("churn", to=None, approver="Ana", reason="it errs", at=NOON)
    until(keeper, "running", bento=first)
    assert process_of(keeper) == process
    until_answered_by(process, settings)


def test_a_model_that_rests_is_given_up_after_a_while_and_started_anew_by_a_rollback(
    keeper: ServiceKeeper, crown: Callable[[str], Path], settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = crown(ANSWERING)
    until(keeper, "running", bento=first)
    process = process_of(keeper)
    monkeypatch.setattr(keeping, "RESERVE_SECONDS", 0.1)
    until(keeper, "running", bento=crown(ANSWERING))
    while psutil.pid_exists(process):
        keeper.look()
    ModelRegistry.of(settings).rollback("churn", to=None, approver="Ana", reason="it errs", at=NOON)
    until(keeper, "running", bento=first)
    assert process_of(keeper) != process
    until_answered_by(process_of(keeper), settings)


def test_a_killed_service_keeps_its_clients_waiting_and_one_that_cannot_start_refuses_them(
    keeper: ServiceKeeper, crown: Callable[[str], Path], settings: Settings
) -> None:
    bento = crown(ANSWERING)
    until(keeper, "running")
    os.kill(process_of(keeper), signal.SIGKILL)
    with ThreadPoolExecutor(1) as client:
        waiting = client.submit(asked, settings)
        until(keeper, "starting", note=None)
        until(keeper, "running")
        assert waiting.result() == process_of(keeper)
    (bento / "service.py").write_text(ENDING)
    os.kill(process_of(keeper), signal.SIGKILL)
    until(keeper, "failed", note="service.py")
    with pytest.raises(urllib.error.URLError, match="refused"):
        asked(settings)


def test_a_bento_from_before_handovers_is_stopped_before_the_next_starts(
    keeper: ServiceKeeper, crown: Callable[[str], Path], settings: Settings
) -> None:
    until(keeper, "running", bento=crown(BEFORE_HANDOVERS))
    second = crown(ANSWERING)
    until(keeper, "running", bento=second)
    assert asked(settings) == process_of(keeper)
    ModelRegistry.of(settings).rollback("churn", to=None, approver="Ana", reason="it errs", at=NOON)
    until(keeper, "starting", note=None)
    until(keeper, "running")


def test_a_damaged_new_bento_does_not_even_interrupt_the_one_before(
    keeper: ServiceKeeper, crown: Callable[[str], Path]
) -> None:
    first = crown(ANSWERING)
    until(keeper, "running", bento=first)
    process = process_of(keeper)
    second = crown(ANSWERING)
    (second / "service.py").write_text(ENDING)
    until(keeper, "running", note="service.py", bento=first)
    assert process_of(keeper) == process


def test_a_taken_port_is_named_and_served_on_once_it_is_free(
    keeper: ServiceKeeper, crown: Callable[[str], Path], settings: Settings
) -> None:
    crown(ANSWERING)
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", settings.churn_port))
        taken.listen()
        until(keeper, "failed", note="SHOPSIGHT_CHURN_PORT")
    until(keeper, "running")


def test_a_service_that_stops_answering_is_started_anew(
    keeper: ServiceKeeper, crown: Callable[[str], Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(keeping, "SILENT_LOOKS", 1)
    monkeypatch.setattr(keeping, "HUNG_SECONDS", 0.1)
    monkeypatch.setattr(launcher, "READY_SECONDS", 0.2)
    crown(ANSWERING)
    until(keeper, "running")
    stopped = process_of(keeper)
    os.kill(stopped, signal.SIGSTOP)
    until(keeper, "starting", note="did not answer")
    until(keeper, "running")
    assert process_of(keeper) != stopped


def test_a_decision_cut_off_the_journal_is_missed_by_the_bento_that_saw_it(
    keeper: ServiceKeeper, crown: Callable[[str], Path], settings: Settings
) -> None:
    bento = crown(ANSWERING)
    registry = ModelRegistry.of(settings)
    (settings.bentoml_dir / "models" / "churn" / bento.name / "model.json").parent.joinpath("served.json").write_text(
        f'{{"journal": "{registry.head()}"}}'
    )
    (bento / "files.json").unlink()
    manifest = write_manifest(bento, settings.bentoml_dir / "models" / "churn" / bento.name)
    journal = settings.registry_dir / "journal.jsonl"
    before = journal.read_bytes().splitlines(keepends=True)[:-1]
    journal.write_bytes(b"".join(before))
    (settings.keys_dir / "registry.head").unlink()
    registry.package("churn", "v0001", tag=f"{FAMILY.bento}:{bento.name}", manifest=manifest, at=NOON)
    until(keeper, "failed", note="another one now")


def test_one_home_has_one_up_and_the_second_says_who_runs_it(settings: Settings) -> None:
    states = {"churn": ServiceState("running", "", "shopsight_churn:v0001-0123456789")}
    assert read_states(settings)["churn"].state == "stopped"
    with the_only_up(settings):
        write_states(settings, states)
        assert read_states(settings)["churn"] == states["churn"]
        assert read_states(settings)["intent"].state == "starting"
        with pytest.raises(AlreadyUpError, match=f"process {os.getpid()} runs"), the_only_up(settings):
            pass
    assert read_states(settings)["churn"].state == "stopped"


def test_something_else_that_is_busy_while_up_runs_is_not_another_up(settings: Settings) -> None:
    def run_up_beside_a_build() -> None:
        with the_only_up(settings):
            write_states(settings, {})
            raise ResourceBusyError("Cannot write the Bento store", why="a build runs", fix="wait")

    with pytest.raises(ResourceBusyError, match="the Bento store"):
        run_up_beside_a_build()
    assert [path.name for path in settings.run_dir.iterdir()] == ["up.lock"]
