"""``shopsight skew``: what answers were made from, beside what training would read of the same second."""

import typer
from rich.table import Table

from cli.console import CHECKS_FAILED, err, out, print_json
from shopsight.errors import ShopsightError
from shopsight.settings import Settings


def run_skew(answers: int, *, as_json: bool) -> None:
    """Compare the newest answers, and say which features differ.

    Raises:
        ShopsightError: there is no answer, or the warehouse or the feature definitions are not there.
        typer.Exit: a feature differs, or a row of the log is damaged.
    """
    from serving.audit.logged_rows import newest_rows
    from serving.audit.skew import FAMILIES_COMPARED, train_serve_skew

    settings = Settings()
    newest = newest_rows(settings, FAMILIES_COMPARED, answers)
    if not newest.rows and not newest.damaged:
        raise ShopsightError(
            "there is no answer to compare",
            why=f"the prediction log {settings.predictions_dir} has no rows of {', '.join(FAMILIES_COMPARED)}",
            fix="start the services with `shopsight up` and ask for something",
        )
    with err.status("reading the warehouse as of each answer"):
        skew = train_serve_skew(newest.rows, settings)
    if as_json:
        print_json(vars(skew) | {"damaged": list(newest.damaged)})
    else:
        out.print(f"{skew.asked:,} cases: {skew.compared:,} compared, of which {skew.different:,} differ")
        for reason, count in skew.not_compared.most_common():
            out.print(f"  {count:,} not compared: {reason}")
        table = Table("family", "feature", "compared", "different")
        for family, features in skew.features.items():
            for name, counts in features.items():
                table.add_row(family, name, f"{counts['compared']:,}", f"{counts['different']:,}")
        if skew.features:
            out.print(table)
        for one in skew.differences:
            what = f"served {one['served']!r}, training would read {one['trained']!r}"
            out.print(f"different: {one['id']} {one['feature']}: {what}", soft_wrap=True)
        for place in newest.damaged:
            out.print(f"damaged: {place}")
    if skew.different or newest.damaged:
        raise typer.Exit(CHECKS_FAILED)
