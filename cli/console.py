"""How the command line talks: results to standard output, everything else to standard error."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import typer
from rich.console import Console
from rich.markup import escape

from shopsight.errors import ShopsightError

OK, FAILED, USAGE, CHECKS_FAILED = 0, 1, 2, 3
"""Exit codes: done, failed, wrong call, and ran but a check says no."""

out = Console(highlight=False)
err = Console(stderr=True, highlight=False)


def print_json(value: Any) -> None:
    """Print one JSON document, unwrapped, for programs."""
    typer.echo(json.dumps(value, indent=2, sort_keys=True, default=str))


@contextmanager
def explained() -> Iterator[None]:
    """Turn a known failure into its three lines, a bad setting into one, and exit code 1; others stay."""
    try:
        yield
    except ShopsightError as error:
        err.print(f"[bold red]error[/] {error.what}", soft_wrap=True)
        err.print(f"  [dim]why[/] {error.why}", soft_wrap=True)
        err.print(f"  [dim]fix[/] {error.fix}", soft_wrap=True)
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
