"""How the command line talks: results to standard output, everything else to standard error."""

import errno
import json
import shlex
import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any, Final

import typer
from rich.console import Console
from rich.markup import escape

from shopsight.errors import ShopsightError

OK, FAILED, USAGE, CHECKS_FAILED = 0, 1, 2, 3
"""Exit codes: done, failed, wrong call, and ran but a check says no."""

AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON document instead of tables.")]
"""The option of every command that can answer programs."""

_HOME_OF_YOURS: Final = "set SHOPSIGHT_HOME to a folder of yours, or make this one writable for you"
_FIXES: Final = {
    errno.EROFS: _HOME_OF_YOURS,
    errno.EACCES: _HOME_OF_YOURS,
    errno.EPERM: _HOME_OF_YOURS,
    errno.ENOSPC: "make room on that disk, then start again; what was finished stands",
    errno.EDQUOT: "make room on that disk, then start again; what was finished stands",
    errno.ENOENT: "look whether the name is right",
    errno.EISDIR: "name a file, not a folder",
    errno.ENOTDIR: "one of the folders on the way is a file: name another place",
}
"""What mends the failures of files and folders."""

out = Console(highlight=False)
err = Console(stderr=True, highlight=False)


def print_json(value: Any) -> None:
    """Print one JSON document, unwrapped, for programs."""
    typer.echo(json.dumps(value, indent=2, sort_keys=True, default=str))


def pasteable(text: str) -> str:
    """Return ``text`` with each command in it as it was called here: it may lie in no folder of the ``PATH``."""
    return text.replace("`shopsight ", f"`{program()} ")


def program() -> str:
    """Return what to type for ``shopsight`` in this folder."""
    called = Path(sys.argv[0])
    if called.name != "shopsight" or shutil.which("shopsight") == str(called.absolute()):
        return "shopsight"
    inside = called.absolute().is_relative_to(Path.cwd())
    return shlex.quote(str(called.absolute().relative_to(Path.cwd()) if inside else called.absolute()))


def _print_error(what: str, *, why: str, fix: str) -> None:
    for label, text in (("[bold red]error[/]", what), ("  [dim]why[/]", why), ("  [dim]fix[/]", fix)):
        err.print(f"{label} {escape(pasteable(text))}", soft_wrap=True)


@contextmanager
def explained() -> Iterator[None]:
    """Turn a known failure into its three lines, a bad setting into one, and exit code 1; others stay."""
    try:
        yield
    except ShopsightError as error:
        _print_error(error.what, why=error.why, fix=error.fix)
        raise typer.Exit(FAILED) from error
    except OSError as error:
        if error.errno not in _FIXES or error.filename is None:
            raise
        _print_error(f"cannot use {error.filename}", why=error.strerror or str(error), fix=_FIXES[error.errno])
        raise typer.Exit(FAILED) from error
    except ValueError as error:
        from pydantic import ValidationError

        if not isinstance(error, ValidationError) or error.title != "Settings":
            raise
        for fault in error.errors():
            name = "_".join(str(part) for part in fault["loc"]).upper()
            why = escape(fault["msg"].removeprefix("Value error, "))
            err.print(f"[bold red]error[/] SHOPSIGHT_{name}: {why}", soft_wrap=True)
        raise typer.Exit(FAILED) from error
    except KeyboardInterrupt:
        err.print("stopped; the next run goes on from here")
        raise typer.Exit(130) from None
