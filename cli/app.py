"""Every command of ``shopsight``, with what it promises; the work is one import away, so that ``--help`` is quick."""

import sys
from pathlib import Path
from typing import Annotated

import typer

from cli.access_app import keys_app, people_app
from cli.agents_app import mcp
from cli.answers_app import answers_app
from cli.approval_app import judge, waiting
from cli.audit_app import doctor, dossier, replay, skew, trace
from cli.campaign_app import campaign_app
from cli.console import AsJson, explained
from cli.experiments import experiment_app
from cli.releases import release_app
from cli.shoppers_app import ask, groups, profile
from cli.synonyms_app import synonyms_app
from cli.triggers_app import triggers_app
from cli.watch_app import brief, drift, feedback, stock
from shopsight.families import FAMILIES, SERVICES

app = typer.Typer(
    name="shopsight",
    help="Turn a shop's behaviour into approved, served models.",
    no_args_is_help=True,
    pretty_exceptions_show_locals=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
predict_app = typer.Typer(help="Answer from a champion, for a file of rows.", no_args_is_help=True)
app.add_typer(predict_app, name="predict")
quarantine_app = typer.Typer(help="Rows that were not accepted: see them, import them again.", no_args_is_help=True)
app.add_typer(quarantine_app, name="quarantine")
label_app = typer.Typer(help="Texts with their intent: which to label next, what was labelled.", no_args_is_help=True)
app.add_typer(label_app, name="label")
rules_app = typer.Typer(help="The shop's own rules for its lists: check, try, put in force.", no_args_is_help=True)
app.add_typer(rules_app, name="rules")
for name, group in {
    "experiment": experiment_app,
    "campaign": campaign_app,
    "triggers": triggers_app,
    "release": release_app,
    "people": people_app,
    "keys": keys_app,
    "answers": answers_app,
    "synonyms": synonyms_app,
}.items():
    app.add_typer(group, name=name)
for command in (
    *(doctor, judge, waiting, trace, replay, skew, feedback, drift, brief),
    *(stock, dossier, mcp, ask, groups, profile),
):
    app.command()(command)

Family = Annotated[str, typer.Argument(help=", ".join(FAMILIES))]
Version = Annotated[
    str,
    typer.Option(help="The candidate's version, such as v0002; default: the newest eligible (to reject: the newest)."),
]
Approver = Annotated[
    str, typer.Option("--by", help="Who decides; default: you, by SHOPSIGHT_USER or the system's name of who you are.")
]
Reason = Annotated[str, typer.Option("--reason", help="Why, in a sentence; kept for good.")]


@app.command()
def demo(
    source: Annotated[str, typer.Option(help="sample, generated, retailrocket or completejourney.")] = "sample",
    data: Annotated[Path | None, typer.Option(help="The source's file or folder; completejourney needs none.")] = None,
    size: Annotated[str, typer.Option(help="Size of the sample shop: tiny, small, medium or large.")] = "small",
    events: Annotated[int | None, typer.Option(help="Of generated: how many; a million unless told.")] = None,
    services: Annotated[bool, typer.Option(help="Start the services at the end and call each one.")] = True,
) -> None:
    """Run the whole chain, from raw events to called services, approving by policy what beats its baselines."""
    with explained():
        from cli.demo import run_demo

        run_demo(source=source, data=data, size=size, events=events, call_services=services)


@app.command(name="import")
def import_(
    format_name: Annotated[
        str,
        typer.Argument(
            metavar="FORMAT",
            help="canonical_csv, shopify, woocommerce, magento, ga4, segment, posthog, mapped, sample, collected, …",
        ),
    ],
    path: Annotated[Path | None, typer.Argument(help="The file or folder to read.")] = None,
    mapping: Annotated[Path | None, typer.Option(help="For mapped: the YAML file that says what is what.")] = None,
    as_json: AsJson = False,
) -> None:
    """Land a file's rows in the event log: validated, deduplicated, quarantined with a reason; nothing else runs."""
    with explained():
        from cli.importing import run_import

        run_import(format_name, path, mapping=mapping, as_json=as_json)


@app.command()
def validate(
    format_name: Annotated[str, typer.Argument(metavar="FORMAT", help="canonical_csv, shopify, ga4, mapped, …")],
    path: Annotated[Path | None, typer.Argument(help="The file or folder to read.")] = None,
    mapping: Annotated[Path | None, typer.Option(help="For mapped: the YAML file that says what is what.")] = None,
    as_json: AsJson = False,
) -> None:
    """Say what an import of a file would accept and refuse, check by check, and write nothing; exit 3 on a FAIL."""
    with explained():
        from cli.importing import run_validate

        run_validate(format_name, path, mapping=mapping, as_json=as_json)


@app.command(name="map")
def map_(
    file: Annotated[Path, typer.Argument(help="CSV, Parquet or JSON Lines in a shop's own columns.")],
    write: Annotated[Path | None, typer.Option(help="Write the mapping there, to be read over and mended.")] = None,
    source: Annotated[str, typer.Option(help="Name of the shop.")] = "shop",
    zone: Annotated[
        str,
        typer.Option(help="Zone of times that name none, such as Europe/Berlin.", show_default="the shop's"),
    ] = "",
    as_json: AsJson = False,
) -> None:
    """Guess which column of a file is what, and say how sure that is and why; `import mapped` reads the result."""
    with explained():
        from cli.mapping import run_map

        run_map(file, write=write, source=source, zone=zone, as_json=as_json)


@quarantine_app.command(name="list")
def quarantine_list(
    reason: Annotated[str, typer.Option(help="Only rows with this reason.")] = "",
    batch: Annotated[str, typer.Option(help="Only rows of this batch.")] = "",
    limit: Annotated[int, typer.Option(min=0, help="How many rows to show.")] = 20,
    as_json: AsJson = False,
) -> None:
    """Count the rows in quarantine by reason, and show some with their file, line and bytes (raw ids included)."""
    with explained():
        from cli.quarantine import list_quarantine

        list_quarantine(reason=reason, batch=batch, limit=limit, as_json=as_json)


@quarantine_app.command(name="replay")
def quarantine_replay(
    mapping: Annotated[Path | None, typer.Option(help="The mended mapping, for rows that were mapped.")] = None,
    batch: Annotated[str, typer.Option(help="Only rows of this batch.")] = "",
    as_json: AsJson = False,
) -> None:
    """Import the rows in quarantine again from their bytes; what is good now lands once, the rest stays."""
    with explained():
        from cli.quarantine import replay

        replay(mapping=mapping, batch=batch, as_json=as_json)


@label_app.command(name="import")
def label_import(
    file: Annotated[Path, typer.Argument(help="A CSV file with the columns `text` and `label`.")],
    as_json: AsJson = False,
) -> None:
    """Add labelled texts, all or none; the next training of the intent model learns from them."""
    with explained():
        from cli.labels import import_label_file

        import_label_file(file, as_json=as_json)


@label_app.command(name="suggest")
def label_suggest(
    count: Annotated[int, typer.Option("-n", "--count", min=1, help="How many texts.")] = 100,
    output: Annotated[Path, typer.Option(help="The CSV file to write.")] = Path("label_suggestions.csv"),
    as_json: AsJson = False,
) -> None:
    """Write the texts that the approved model is least sure of, for a person to label."""
    with explained():
        from cli.labels import suggest

        suggest(count=count, output=output, as_json=as_json)


@rules_app.command(name="check")
def rules_check(
    file: Annotated[Path, typer.Argument(help="A YAML file of rules.")],
    as_json: AsJson = False,
) -> None:
    """Say whether a rules file is valid; every wrong line is named."""
    with explained():
        from cli.rules import check_rules

        check_rules(file, as_json=as_json)


@rules_app.command(name="replay")
def rules_replay(
    file: Annotated[Path, typer.Argument(help="A YAML file of rules.")],
    days: Annotated[int, typer.Option(min=0, help="How many days of requests to ask again.")] = 7,
    as_json: AsJson = False,
) -> None:
    """Ask the last days' requests again under these rules, and say which lists change and which rule did it."""
    with explained():
        from cli.rules import replay_rules

        replay_rules(file, days=days, as_json=as_json)


@rules_app.command(name="apply")
def rules_apply(file: Annotated[Path, typer.Argument(help="A YAML file of rules.")]) -> None:
    """Put a valid rules file in force; running services take it up within seconds."""
    with explained():
        from cli.rules import apply_rules

        apply_rules(file)


@rules_app.command(name="show")
def rules_show(as_json: AsJson = False) -> None:
    """Show the rules in force."""
    with explained():
        from cli.rules import show_rules

        show_rules(as_json=as_json)


@app.command()
def run(
    as_json: AsJson = False,
    auto_approve: Annotated[
        bool, typer.Option("--auto-approve", help="Let the policy approve what passed its gates, as the demo does.")
    ] = False,
) -> None:
    """Run everything after the event log: warehouse, features, models, evaluation, promotion and Bentos."""
    with explained():
        from cli.chain import run_whole_chain

        run_whole_chain(as_json=as_json, auto_approve=auto_approve)


@app.command()
def status(as_json: AsJson = False) -> None:
    """Show event counts, each model's champion and figures beside its baselines, and the Bentos."""
    with explained():
        from cli.status import show_status

        show_status(as_json=as_json)


@app.command()
def recommend(
    user: Annotated[str, typer.Argument(help="The shopper's id, as the shop knows it.")],
    num_results: Annotated[int, typer.Option("-n", "--num-results", min=1, max=500)] = 10,
    explain: Annotated[bool, typer.Option("--explain", help="Say which history items moved each score.")] = False,
    as_json: AsJson = False,
) -> None:
    """Recommend items to one shopper, beside the history they follow from."""
    with explained():
        from cli.recommend import show_recommendations

        show_recommendations(user, num_results=num_results, explain=explain, as_json=as_json)


@app.command()
def lookalikes(
    users: Annotated[list[str], typer.Argument(help="Shoppers' ids, as the shop knows them.")],
    count: Annotated[int, typer.Option("-n", "--count", min=1, max=100_000)] = 20,
    as_json: AsJson = False,
) -> None:
    """List the shoppers who are most like some others, by their pseudonyms: whom else to write to."""
    with explained():
        from cli.lookalikes import show_look_alikes

        show_look_alikes(users, count=count, as_json=as_json)


@app.command()
def consent(
    user: Annotated[str, typer.Argument(help="The person's id, as the shop knows it, or a pseudonym.")],
    value: Annotated[str, typer.Argument(metavar="CONSENT", help="granted, analytics_only or none.")],
    as_json: AsJson = False,
) -> None:
    """Write down what a person permits; what forbids personal use empties the online store and the lists at once."""
    with explained():
        from cli.consent import show_stated_consent

        show_stated_consent(user, value, as_json=as_json)


@predict_app.command(name="intent")
def predict_intent(
    file: Annotated[Path, typer.Argument(help="A CSV file with a column `text`.")],
    explain: Annotated[
        bool, typer.Option("--explain", help="Add what each word contributed; some 0.1 s a text.")
    ] = False,
) -> None:
    """Label each text of a CSV file; CSV to standard output, a row per input row, in order."""
    with explained():
        from cli.predict import predict_intent_file

        predict_intent_file(file, sys.stdout, explain=explain)


@app.command()
def approve(family: Family, reason: Reason, by: Approver = "", version: Version = "", as_json: AsJson = False) -> None:
    """Make an eligible candidate the champion, in your name, at once or by a release, and build its Bento."""
    with explained():
        from cli.decide import decide

        decide("approve", family, version or None, by=by, reason=reason, as_json=as_json)


@app.command()
def reject(family: Family, reason: Reason, by: Approver = "", version: Version = "", as_json: AsJson = False) -> None:
    """Turn a candidate down, in your name."""
    with explained():
        from cli.decide import decide

        decide("reject", family, version or None, by=by, reason=reason, as_json=as_json)


@app.command()
def rollback(
    family: Family,
    reason: Reason,
    by: Approver = "",
    to: Annotated[str, typer.Option(help="A former champion, such as v0002; default: the one before.")] = "",
    as_json: AsJson = False,
) -> None:
    """Withdraw what is under release, or else the champion, in your name; a former champion serves again."""
    with explained():
        from cli.decide import decide

        decide("rollback", family, to or None, by=by, reason=reason, as_json=as_json)


@app.command()
def query(
    sql: Annotated[str, typer.Argument(help="SQL; each mart is a table. Without it they are listed.")] = "",
    as_json: AsJson = False,
    as_csv: Annotated[bool, typer.Option("--csv", help="Print the answer as CSV.")] = False,
    views: Annotated[bool, typer.Option("--views", help="Print the marts as views for a DuckDB of yours.")] = False,
) -> None:
    """Ask the marts a question in SQL."""
    with explained():
        from cli.query import answer_query, list_marts, print_views

        if views:
            print_views()
        elif sql:
            answer_query(sql, as_json=as_json, as_csv=as_csv)
        else:
            list_marts(as_json=as_json)


@app.command()
def up(
    only: Annotated[
        list[str] | None,
        typer.Option(help=f"Start this part alone; may be given again. {', '.join(('dagster', *SERVICES))}."),
    ] = None,
    logs: Annotated[bool, typer.Option("--logs", help="Print what the parts log, too.")] = False,
) -> None:
    """Start Studio, the Dagster web UI, the collector and every approved service; Ctrl-C stops them all."""
    with explained():
        from cli.up import run_up

        run_up(only or (), logs=logs)


@app.command()
def shop() -> None:
    """Serve a small shop over the items, to click through beside `shopsight up`: its lists and clicks are real."""
    with explained():
        from cli.shop import run_shop

        run_shop()


@app.command()
def visitors(
    count: Annotated[int, typer.Option(min=1, help="How many come.")] = 600,
    minutes: Annotated[float, typer.Option(min=0.01, help="Within what time.")] = 4.0,
    seed: Annotated[int, typer.Option(help="Of what they like and do.")] = 7,
) -> None:
    """Have made-up visitors come to the shop that `shopsight shop` serves, to try experiments and releases with."""
    with explained():
        from cli.visitors import send_visitors

        send_visitors(count, minutes=minutes, seed=seed)


def main() -> None:
    """Entry point of the ``shopsight`` command."""
    app()
