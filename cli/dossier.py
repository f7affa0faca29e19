"""``shopsight dossier``: the document about a model, written or checked."""

from pathlib import Path
from typing import TYPE_CHECKING

import typer
from rich.table import Table

from cli.console import CHECKS_FAILED, out, print_json
from shopsight.errors import ShopsightError
from shopsight.families import FAMILIES
from shopsight.settings import Settings
from shopsight.whole_files import replaced

if TYPE_CHECKING:
    from models.registry.registry import ModelRegistry

MAX_SHOWN = 20
"""Differences that are printed; ``--json`` prints all."""


def write_dossier(family: str, version: str, *, language: str, output: Path | None, as_json: bool) -> None:
    """Write the dossier of a version.

    Raises:
        ShopsightError: there is no such family, version or language, or a file of the version was changed.
    """
    from models.registry.registry import ModelRegistry
    from serving.audit.dossier.content import dossier
    from serving.audit.dossier.page import page

    if family not in FAMILIES:
        raise ShopsightError(
            f"there is no family {family!r}" if family else "a dossier is about a family of models",
            why=f"there are {', '.join(FAMILIES)}",
            fix="name one of them, or a file with --check",
        )
    settings = Settings()
    registry = ModelRegistry.of(settings)
    version = version or _default(registry, family)
    content = page(dossier(settings, family, version, language=language, head=registry.head()))
    target = (output or settings.reports_dir / "dossiers") / f"{family}-{version}-{language}.html"
    with replaced(target) as staging:
        staging.write_text(content, encoding="utf-8")
    if as_json:
        print_json({"family": family, "version": version, "language": language, "file": str(target)})
        return
    out.print(f"wrote {target}", soft_wrap=True)
    out.print(f"`shopsight dossier --check {target}` recomputes its figures", soft_wrap=True)


def check(file: Path, *, as_json: bool) -> None:
    """Recompute every figure of a dossier.

    Raises:
        ShopsightError: the file is no dossier, or this home has not what it is about.
        typer.Exit: a figure or a word is not what is recomputed, or cannot be.
    """
    from serving.audit.dossier.check import check_dossier

    result = check_dossier(Settings(), file)
    if as_json:
        print_json(vars(result) | {"proofs": [vars(proof) for proof in result.proofs], "holds": result.holds})
    else:
        for heading, entries in (("differs", result.differing), ("cannot be recomputed", result.moved_on)):
            if entries:
                table = Table("section", "evidence", "document", "recomputed", title=heading, title_justify="left")
                for entry in entries[:MAX_SHOWN]:
                    table.add_row(*(entry[name] for name in ("section", "evidence", "document", "recomputed")))
                out.print(table)
                out.print(f"{heading}: {len(entries)}")
        proofs = Table("computed again from the artefacts", "outcome", "detail")
        for proof in result.proofs:
            proofs.add_row(proof.what, proof.outcome, proof.detail)
        out.print(proofs)
        if result.moved_on:
            out.print("The shop's tables or rules moved on since this dossier was written: write it again.")
        outcome = "holds" if result.holds else "does not hold"
        out.print(f"{result.family} {result.version}: {result.figures:,} figures looked at; the dossier {outcome}")
    if not result.holds:
        raise typer.Exit(CHECKS_FAILED)


def _default(registry: "ModelRegistry", family: str) -> str:
    """Return the version that serves, or else the newest one."""
    champion = registry.champion(family, verified=False)
    versions = registry.versions(family)
    if champion is None and not versions:
        raise ShopsightError(
            f"there is no version of {family} to write about",
            why="none was registered in this home",
            fix="run `make demo`, or `shopsight run`",
        )
    return champion.version if champion else versions[-1].version
