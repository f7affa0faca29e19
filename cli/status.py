"""``shopsight status``: what the home holds."""

from dataclasses import asdict
from typing import TYPE_CHECKING, Any, Final

from rich.markup import escape
from rich.table import Table

from cli.console import out, print_json
from cli.waiting import waiting_lines
from shopsight.errors import ShopsightError
from shopsight.families import FAMILIES, SERVICES
from shopsight.settings import Settings

if TYPE_CHECKING:
    from models.registry.version import ModelVersion

_MODEL_FIELDS: Final = ("champion", "version", "is_baseline", "primary_metric", "newest", "stands_in")
BASELINE_NOTE: Final = "\n[yellow]approved as a baseline[/]"


def show_status(*, as_json: bool) -> None:
    """Print the event counts, the champions beside their baselines, and the Bentos."""
    status = collect_status(Settings())
    if as_json:
        print_json(status)
        return
    events = status["events"]
    out.print(f"home      {escape(status['home'])}", soft_wrap=True)
    out.print("events    " + "  ".join(f"{name} {events[name]:,}" for name in events))
    for one in status["waiting"]:
        newest = status["models"][one["family"]]["newest"]
        if newest is not None and newest["version"] == one["version"]:
            newest["status"] = one["state"]  # a verdict that ended is no wait for an approval
    show_models(status["models"])
    for one in status["waiting"]:
        people = "whoever is let in" if one["people"] is None else ", ".join(one["people"]) or "nobody"
        line = f"{one['family']} {one['version']}  {one['state']}, since {one['age']}, for {people}"
        out.print(f"waiting   {escape(line)}", soft_wrap=True)
    if status["waiting_error"]:
        out.print(f"waiting   [red]{escape(status['waiting_error'])}[/]", soft_wrap=True)
    for bento in status["bentos"]:
        out.print(f"bento     {bento['tag']}")
    for name, service in status["services"].items():
        colour = {"running": "green", "failed": "red"}.get(service["state"], "yellow")
        note = f"  [dim]{escape(service['note'])}[/]" if service["note"] else ""
        out.print(f"service   {SERVICES[name].title}  [{colour}]{service['state']}[/]{note}", soft_wrap=True)


def collect_status(settings: Settings) -> dict[str, Any]:
    """Return the home's state; looking creates no home."""
    from models.registry.registry import ModelRegistry
    from serving.running.states import read_states

    registry = ModelRegistry.of(settings)
    return {
        "home": str(settings.home),
        "events": _event_counts(settings),
        "models": {family: _readable_status(registry, family) for family in FAMILIES},
        **waiting_lines(settings),
        "bentos": _bentos(settings),
        "services": {family: asdict(state) for family, state in read_states(settings).items()},
    }


def _event_counts(settings: Settings) -> dict[str, int]:
    names = ("received", "accepted", "duplicates", "corrected", "quarantined")
    if not settings.event_log_dir.exists():
        return dict.fromkeys(names, 0)
    from shopsight.ingestion.log.event_log import EventLog

    totals = EventLog.open(settings).totals()
    return {name: getattr(totals, name) for name in names}


def show_models(models: dict[str, Any]) -> None:
    """Print champions and their primary figure beside their baselines', then what became of the newest candidates."""
    out.print(_champions_table(models))
    for family, model in models.items():
        if model["error"]:
            out.print(f"{family}: [red]{escape(model['error'])}[/]", soft_wrap=True)
        for version in (model["newest"], model["stands_in"]):
            if version is None or version["version"] == model["version"]:
                continue
            verdicts = {True: "waits for an approval", False: "refused by its gate", None: "not judged yet"}
            state = verdicts[version["eligible"]] if version["status"] == "candidate" else version["status"]
            out.print(f"{family} {version['version']} ({version['model']}): [yellow]{state}[/]")
            for reason in version["reasons"]:
                out.print(f"  [dim]{reason}[/]")


def _champions_table(models: dict[str, Any]) -> Table:
    table = Table(title="models", title_justify="left")
    for column in ("family", "champion", "version", "figure", "baselines"):
        table.add_column(column)
    for family, model in models.items():
        metric = model["primary_metric"]
        baselines = sorted(
            ((values[metric], name) for name, values in model["baselines"].items() if metric in values), reverse=True
        )
        figure = "–"
        if metric in model["metrics"]:
            low, high = model["intervals"][metric]
            figure = f"{model['metrics'][metric]:.4f} {metric}\n[dim]{low:.4f} to {high:.4f}[/]"
        table.add_row(
            family,
            f"{model['champion'] or '–'}{BASELINE_NOTE if model['is_baseline'] else ''}",
            model["version"] or "–",
            figure,
            "\n".join(f"{value:.4f} {name}" for value, name in baselines) or "–",
        )
    return table


def _readable_status(registry: Any, family: str) -> dict[str, Any]:
    """Return a family's models; where the registry cannot tell, ``error`` says why, and the other families stand."""
    try:
        return _model_status(registry, family) | {"error": None}
    except ShopsightError as error:
        return {**dict.fromkeys(_MODEL_FIELDS), "metrics": {}, "intervals": {}, "baselines": {}, "error": str(error)}


def _model_status(registry: Any, family: str) -> dict[str, Any]:
    champion = registry.champion(family)
    versions = list(reversed(registry.versions(family)))
    newest = next((version for version in versions if not version.evaluation.is_baseline), None)
    evaluation = champion.evaluation if champion else None
    metrics = evaluation.metrics if evaluation else {}
    baselines = evaluation.baselines if evaluation else {}
    return {
        "champion": evaluation.candidate if evaluation else None,
        "version": champion.version if champion else None,
        "is_baseline": evaluation.is_baseline if evaluation else False,
        "primary_metric": evaluation.primary_metric if evaluation else None,
        "metrics": {name: estimate.value for name, estimate in metrics.items()},
        "intervals": {name: [estimate.low, estimate.high] for name, estimate in metrics.items()},
        "baselines": {
            name: {metric: estimate.value for metric, estimate in figures.items()}
            for name, figures in baselines.items()
        },
        "newest": _version(newest) if newest else None,
        "stands_in": _version(versions[0]) if versions and versions[0].evaluation.is_baseline else None,
    }


def _version(version: "ModelVersion") -> dict[str, Any]:
    return {
        "version": version.version,
        "model": version.evaluation.candidate,
        "status": version.status,
        "eligible": version.eligible,
        "reasons": list(version.reasons),
    }


def _bentos(settings: Settings) -> list[dict[str, str]]:
    from serving.packaging.bento import list_bentos

    return [
        {"tag": bento.tag, "family": bento.family, "version": bento.model_version, "path": str(bento.path)}
        for bento in list_bentos(settings)
    ]
