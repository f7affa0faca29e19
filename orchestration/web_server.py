"""Dagster's web server behind the gateway, with the daemon and the code server that it shares.

``python -m orchestration.web_server`` is what ``make up`` starts. It is what ``dagster dev`` does, which is not meant
for production: it asks nobody who they are, and takes GraphQL mutations by GET.
"""

import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Final

import dagster as dg
import yaml

# Dagster has no public way to put its web UI behind middleware, or to share a code server with the daemon: its own
# `dagster dev` uses these names. pyproject.toml pins dagster below 1.14, and tests/end_to_end/test_web_ui.py fails
# where a newer one moves them.
from dagster._cli.proxy_server_manager import ProxyServerManager
from dagster._core.workspace.context import WorkspaceProcessContext, WorkspaceRequestContext
from dagster._core.workspace.load_target import ModuleTarget, WorkspaceFileTarget
from dagster._utils.interrupts import setup_interrupt_handlers
from dagster._utils.log import configure_loggers
from dagster_webserver.app import create_app_from_workspace_process_context
from dagster_webserver.cli import (
    DEFAULT_DB_STATEMENT_TIMEOUT,
    DEFAULT_POOL_MAX_OVERFLOW,
    DEFAULT_POOL_RECYCLE,
)
from starlette.types import ASGIApp

from orchestration.attribution import READ_ONLY_IN_SCOPE
from orchestration.gateway.gateway import Gateway
from orchestration.gateway.servers import listening, server_of
from orchestration.instance import prepare_dagster_home, require_database
from orchestration.web_ui import SERVER_INFO
from shopsight.settings import REPO_ROOT, Settings

LOCATION: Final = "shopsight"
"""Name of the code location in the web UI's addresses."""

DAEMON_STOP_SECONDS: Final = 10


def main() -> None:
    """Serve the web UI until it is interrupted, or until the daemon ends by itself."""
    setup_interrupt_handlers()
    configure_loggers(log_level="INFO")
    settings = Settings()
    require_database(settings)
    prepare_dagster_home(settings)
    with suppress(KeyboardInterrupt), ExitStack() as stack:
        # The port comes first: where it is taken, nothing is started.
        listener = stack.enter_context(listening(settings.host, settings.dagster_port))
        instance = stack.enter_context(dg.DagsterInstance.get())
        workspace = stack.enter_context(_code_server(instance))
        daemon = stack.enter_context(_daemon(workspace))
        context = stack.enter_context(_web_context(instance, WorkspaceFileTarget([str(workspace)])))
        server = server_of(guarded(context, settings), settings)

        def follow_the_daemon() -> None:
            daemon.wait()
            server.should_exit = True

        threading.Thread(target=follow_the_daemon, daemon=True).start()
        server.run(sockets=[listener])
        if daemon.poll() is not None:
            sys.exit(f"Dagster's daemon ended by itself with exit code {daemon.returncode}")


def guarded(context: WorkspaceProcessContext, settings: Settings) -> ASGIApp:
    """Return Dagster's web application behind the gateway."""
    return Gateway(create_app_from_workspace_process_context(context), settings, open_paths=[SERVER_INFO])


class ContextByRole(WorkspaceProcessContext):
    """What Dagster's web application is made around: to a viewer's requests it is that of ``--read-only``.

    Dagster asks each request's context what is permitted, and its ``--read-only`` is this same switch, for all of them.
    """

    def create_request_context(self, source: object | None = None) -> WorkspaceRequestContext:
        """Return the context of a request, read-only where the gateway says so."""
        return WorkspaceRequestContext(
            instance=self.instance,
            current_workspace=self.get_current_workspace(),
            process_context=self,
            version=self.version,
            source=source,
            # Without a source it is the server that asks; a request that no gateway saw may only look.
            read_only=source is not None and getattr(source, "scope", {}).get(READ_ONLY_IN_SCOPE, True),
        )


def _web_context(instance: dg.DagsterInstance, target: WorkspaceFileTarget) -> ContextByRole:
    instance.optimize_for_webserver(DEFAULT_DB_STATEMENT_TIMEOUT, DEFAULT_POOL_RECYCLE, DEFAULT_POOL_MAX_OVERFLOW)
    return ContextByRole(instance, workspace_load_target=target, version=dg.__version__)


@contextmanager
def _code_server(instance: dg.DagsterInstance) -> Iterator[Path]:
    """Start the process that loads the definitions, and yield the file that says where its Unix socket is."""
    definitions = ModuleTarget(
        module_name="orchestration.definitions",
        attribute=None,
        working_directory=str(REPO_ROOT),
        location_name=LOCATION,
    )
    with (
        ProxyServerManager(instance, definitions, code_server_log_level="warning") as servers,
        tempfile.TemporaryDirectory(prefix="shopsight-") as folder,
    ):
        workspace = Path(folder) / "workspace.yaml"
        workspace.write_text(yaml.safe_dump({"load_from": servers.get_code_server_specs()}))
        yield workspace


@contextmanager
def _daemon(workspace: Path) -> Iterator["subprocess.Popen[bytes]"]:
    """Run Dagster's daemon: schedules, sensors and the queue of runs."""
    command = [sys.executable, "-m", "shopsight.parent", "-m", "dagster._daemon", "run", "--workspace", str(workspace)]
    process = subprocess.Popen(command, stdin=subprocess.DEVNULL)
    try:
        yield process
    finally:
        process.terminate()
        try:
            process.wait(timeout=DAEMON_STOP_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


if __name__ == "__main__":
    main()
