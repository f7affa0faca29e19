"""``shopsight rules``: a shop's own rules for its lists, checked and tried before they are in force."""

import shutil
from datetime import UTC, datetime, timedelta
from pathlib import Path

from rich.progress import Progress
from rich.table import Table

from cli.console import err, out, print_json
from shopsight.errors import ShopsightError
from shopsight.marts import export_path
from shopsight.settings import Settings
from shopsight.whole_files import replaced

SHOWN_ITEMS = 5


def check_rules(file: Path, *, as_json: bool) -> None:
    """Say whether a rules file is valid, what each rule is about, and what it names that the champion does not know.

    Raises:
        UnusableRulesError: it is not; every wrong line is named.
    """
    from models.catalogue import Catalogue
    from models.registry.registry import ModelRegistry
    from serving.items.live_catalogue import LiveCatalogue
    from serving.items.rules import KINDS, RuleBook, RulesInForce

    book = RuleBook.read(file)
    kinds = {rule.name: next(kind for kind in KINDS if getattr(rule, kind) is not None) for rule in book.rules}
    settings = Settings()
    champion = ModelRegistry.of(settings).champion("recommender")
    # Before the first approval there is no catalogue that the rules could be about.
    warnings: list[str] = []
    if champion:
        trained = Catalogue.read(champion.path / "catalogue.parquet")
        catalogue = LiveCatalogue(trained, export_path(settings, "items"), settings.live_items_path)
        warnings = RulesInForce(book, catalogue()).warnings
    if as_json:
        print_json({"valid": True, "less_popular": book.less_popular, "rules": kinds, "warnings": warnings})
        return
    table = Table(title=f"{file}: valid", title_justify="left")
    for heading in ("rule", "does", "placements", "starts", "ends"):
        table.add_column(heading)
    for rule in book.rules:
        days = [str(day) if day else "" for day in (rule.starts, rule.ends)]
        table.add_row(rule.name, kinds[rule.name], ", ".join(rule.placements), *days)
    out.print(table)
    out.print(f"less_popular: {book.less_popular:g}")
    for warning in warnings:
        err.print(f"[yellow]warning[/] {warning}", highlight=False)


def replay_rules(file: Path, *, days: int, as_json: bool) -> None:
    """Ask the requests of the last days again under the rules in force and under the file's, and say what differs.

    Raises:
        UnusableRulesError: the file, or the one in force, is not valid.
        ShopsightError: there is no recommender, no request, or no online store.
    """
    from cli.recommend import champion_desk
    from serving.features import OnlineStoreGoneError
    from serving.items.rules import RuleBook
    from serving.prediction_log import read_log, was_shown
    from serving.recommender.rules_replay import replay

    settings = Settings()
    after = RuleBook.read(file)
    before = RuleBook.read(settings.rules_path) if settings.rules_path.exists() else RuleBook()
    opened = champion_desk(settings)
    today = datetime.now(UTC).date()
    folders = [settings.predictions_dir / "recommender" / str(today - timedelta(days=back)) for back in range(days + 1)]
    rows = [row for folder in folders if folder.exists() for row in read_log(folder).rows if was_shown(row)]
    if not rows:
        raise ShopsightError(
            f"no list was asked for in the last {days} days",
            why=f"the prediction log {settings.predictions_dir / 'recommender'} has no rows of them",
            fix="name more days with --days, or start the services with `make up` and ask for lists",
        )
    with Progress(console=err, transient=True) as progress:
        task = progress.add_task("asking again", total=len(rows))
        try:
            report = replay(
                rows,
                desk=opened.desk,
                features=opened.features,
                before=before,
                after=after,
                report=lambda done: progress.update(task, completed=done),
            )
        except OnlineStoreGoneError as gone:
            fix = "run `shopsight doctor`, then `shopsight run`"
            raise ShopsightError("the shoppers' features cannot be read", why=str(gone), fix=fix) from gone
    if as_json:
        # vars, not asdict: it makes pairs the keys of a Counter.
        print_json(vars(report) | {"days": days})
        return
    out.print(
        f"{report.asked:,} lists of the last {days} days asked for again ({report.not_asked:,} rows were no lists)"
    )
    out.print(f"  {report.changed:,} change, {report.shorter:,} get shorter; {report.kept:.1%} of a list's items stay")
    table = Table()
    for heading in ("rule", "lists that would differ without it"):
        table.add_column(heading)
    for name, lists in report.by_rule.items():
        table.add_row(name, f"{lists:,}" + ("" if lists else "  does nothing here"))
    out.print(table)
    for heading, items in (("come onto lists", report.enter), ("go from lists", report.leave)):
        named = ", ".join(f"{item_id} ({count:,})" for item_id, count in items.most_common(SHOWN_ITEMS))
        out.print(f"{heading}: {named or 'none'}")


def apply_rules(file: Path) -> None:
    """Put a valid rules file in force: running services take it up within seconds.

    Raises:
        UnusableRulesError: it is not valid; the rules in force stay.
    """
    from serving.items.rules import RuleBook

    book = RuleBook.read(file)
    target = Settings().rules_path
    with replaced(target) as staging:
        shutil.copyfile(file, staging)
    out.print(f"{len(book.rules)} rules are in force: {target}")


def show_rules(*, as_json: bool) -> None:
    """Print the rules in force.

    Raises:
        UnusableRulesError: the file in force is not valid.
    """
    path = Settings().rules_path
    if path.exists():
        check_rules(path, as_json=as_json)
        return

    if as_json:
        print_json({"valid": True, "less_popular": 0.0, "rules": {}, "warnings": []})
        return
    out.print(f"no rules: {path} does not exist; `shopsight rules apply FILE` puts them there")
