"""``shopsight profile``: what the shop knows of a shopper, with the evidence of each line."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from rich.markup import escape
from rich.table import Table

from cli.console import out, print_json
from models.profiling.lines import look_up
from models.profiling.sources import GROUPS, MARTS, SCORES
from shopsight.clock import utc_now
from shopsight.errors import ShopsightError
from shopsight.marts import export_path, mart_at, mart_exists, mart_names, require_marts
from shopsight.privacy import Pseudonymiser
from shopsight.profile_store import ProfileStore
from shopsight.refusals import open_personal_marts, without_refusals
from shopsight.settings import Settings


def show_profile(user: str, *, as_json: bool) -> None:
    """Print the profile of a shopper.

    Args:
        user: the shop's own id of a user or device, or a pseudonym.
        as_json: print one JSON document.

    Raises:
        ShopsightError: there are no marts, or nobody of this id is in them.
    """
    settings = Settings()
    pseudonyms = Pseudonymiser.from_settings(settings)
    keys = (pseudonyms.user(user), pseudonyms.anonymous(user), user)
    store = ProfileStore.of(settings)
    document = look_up(store, keys) if _is_newest(settings, store) else None
    document = document or _made_now(settings, keys)
    if document is None:
        raise ShopsightError(
            f"no shopper is called {user}",
            why="neither a user nor a device of this id is in the marts",
            fix="name an id of the shop, or a pseudonym of the mart `users`; `shopsight run` after an import",
        )
    if as_json:
        print_json(document)
    else:
        _show(document)


def _is_newest(settings: Settings, store: ProfileStore) -> bool:
    """Return whether the profiles of the file were begun after everything that they are made of was written."""
    if not store.look():
        return False
    made_us = datetime.fromisoformat(store.about["made_at"]).timestamp() * 1e6
    sources = [export_path(settings, name) for name in (*MARTS, SCORES, GROUPS, "user_embeddings")]
    return all(mart_at(path).written_us() <= made_us for path in sources if mart_exists(path))


def _made_now(settings: Settings, keys: Sequence[str]) -> dict[str, Any] | None:
    """Return the profile of the first of some keys that the marts know.

    Raises:
        ShopsightError: there are no marts.
    """
    from models.asking.rows import log_span
    from models.profiling.forecasts import forecast_customers
    from models.profiling.profile import profile

    require_marts(settings, MARTS)
    there = mart_names(settings)
    beside = [name for name in (SCORES, GROUPS) if name in there]
    with open_personal_marts(settings, (*MARTS, *beside)) as connection:
        forecasts = forecast_customers(connection, log_span(connection)[1], seed=settings.seed)
        alike = _look_alikes(settings) if "user_embeddings" in there else None
        made = (
            profile(
                connection,
                key,
                forecasts=forecasts,
                has_scores=SCORES in beside,
                has_groups=GROUPS in beside,
                alike=alike,
            )
            for key in keys
        )
        document = next((one for one in made if one is not None), None)
    return None if document is None else document | {"made_at": utc_now().isoformat()}


def _look_alikes(settings: Settings) -> Any:
    import pyarrow.parquet as pq

    from models.recommender.vectors.embeddings import look_alikes

    table = without_refusals(pq.read_table(export_path(settings, "user_embeddings")), settings)
    return lambda user: look_alikes(table, [user], count=5)


def _show(document: dict[str, Any]) -> None:
    table = Table(
        "what", "value", "interval", "as of", "evidence", title=f"{document['user_id']} ({document['consent']})"
    )
    for line in document["lines"]:
        interval = "" if line["interval"] is None else " to ".join(map(str, line["interval"]))
        evidence = f"{line['evidence']['mart']} {', '.join(line['evidence']['rows'][:2])}"
        value = line["value"]
        shown_value = f"{value:.3g}" if isinstance(value, float) else str(value)
        table.add_row(line["field"], escape(shown_value), interval, (line["as_of"] or "")[:10], escape(evidence))
    out.print(table)
    for field, why in document["not_known"].items():
        out.print(f"{field}: {why}", soft_wrap=True)
