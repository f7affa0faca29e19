"""What validation decides: blend, epochs, and the weights from which the transformer begins."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import pyarrow as pa

from models.progress import Progress, ReportProgress
from models.recommender.blend import ChosenBlend, choose_blend
from models.recommender.dataset import Case, Interactions, Window, attribute_names, item_attributes
from models.recommender.evaluate import PRIMARY_METRIC
from models.recommender.linear.item_knn import cooccurrence
from models.recommender.scoring import Scorer
from models.recommender.transformer.beginning import Beginning, shape_of
from models.recommender.transformer.ensemble import TrainedEnsemble
from models.recommender.views import VIEWS, Run, Start, Views, fit_sequence, fit_views

FROM_SCRATCH: Final = "from scratch"
FROM_THE_CHAMPION: Final = "from the champion"


@dataclass(frozen=True, kw_only=True)
class Choice:
    """What validation decided."""

    blend: ChosenBlend
    scorers: Mapping[str, Scorer]
    """All views, fitted on what precedes the validation window."""
    transformer: TrainedEnsemble
    """Fitted on what precedes the validation window, each member for as many epochs as were best there."""
    start: Start | None
    """What the transformer begins with; None: from scratch."""
    begun: Mapping[str, Any]
    """For the card: from which weights, and how each of the two ways did on the validation window."""
    beginning: Beginning
    """What the next training may begin with."""


def fit(
    data: Interactions,
    items: pa.Table,
    run: Run,
    *,
    phase: str,
    epochs: int | Sequence[int],
    stop_on: Sequence[Case] = (),
    names: Sequence[str] = VIEWS,
    report: ReportProgress,
    start: Start | None = None,
) -> Views:
    """Fit the views on ``data``, whose items have the attributes that the ``items`` mart names."""
    attributes_NA = item_attributes(items, data.item_ids)
    return fit_views(
        data,
        attributes_NA,
        run,
        phase=phase,
        epochs=epochs,
        stop_on=stop_on,
        names=names,
        report=report,
        start=start,
    )


def choose(
    validation: Window, items: pa.Table, run: Run, *, cutoff: float, champion: Path | None, report: ReportProgress
) -> Choice:
    """Fit everything before the validation window, from scratch and from the champion, and choose the blend on it.

    Args:
        validation: the window, and what precedes it.
        items: the ``items`` mart.
        run: settings and processes.
        cutoff: when the window begins, in seconds since 1970.
        champion: folder of the model that serves; None where nothing does.
        report: told of every epoch.
    """
    data = validation.train
    views = fit(
        data,
        items,
        run,
        phase="validation",
        epochs=run.config.transformer.epochs,
        stop_on=validation.cases,
        report=report,
    )
    assert views.transformer is not None, "all views were asked for"
    scratch = choose_blend(views.scorers, validation.cases)
    choice = Choice(
        blend=scratch,
        scorers=views.scorers,
        transformer=views.transformer,
        start=None,
        begun={"chosen": FROM_SCRATCH, PRIMARY_METRIC: {FROM_SCRATCH: scratch.ndcg}},
        beginning=_beginning(views.transformer, data, items, cutoff, run),
    )
    start, why_none = start_of(champion, items, cutoff, run)
    if start is None:
        choice = replace(choice, begun={**choice.begun, "why not from the champion": why_none})
    else:
        choice = better_of(choice, _continued(choice, start, validation, items, cutoff, run, report))
    chosen = choice.blend
    report(Progress(message=f"validation chose {chosen.name}", fraction=1.0, metrics={PRIMARY_METRIC: chosen.ndcg}))
    return choice


def start_of(champion: Path | None, items: pa.Table, cutoff: float, run: Run) -> tuple[Start | None, str]:
    """Return what the champion's weights begin with, or why there is nothing to begin with."""
    if champion is None:
        return None, "nothing serves yet"
    beginning = Beginning.read(champion)
    if beginning is None:
        return None, f"{champion.name} kept no weights for it"
    if beginning.shape != shape_of(run.config.transformer):
        return None, f"{champion.name} has another shape: {beginning.shape}"
    if beginning.until > cutoff:
        return None, f"the weights of {champion.name} have seen a part of the validation window"
    return Start(beginning=beginning, version=champion.name, items=items), ""


def _continued(
    scratch: Choice, start: Start, validation: Window, items: pa.Table, cutoff: float, run: Run, report: ReportProgress
) -> Choice:
    """Return the choice among the same views, with a transformer that begins with the champion's weights."""
    data = validation.train
    transformer = fit_sequence(
        data,
        item_attributes(items, data.item_ids),
        cooccurrence(data, run.config.item_knn),
        run,
        phase="validation-continued",
        epochs=run.config.transformer.epochs,
        stop_on=validation.cases,
        report=report,
        start=start,
    )
    scorers = {**scratch.scorers, "transformer": transformer.scorer}
    return Choice(
        blend=choose_blend(scorers, validation.cases),
        scorers=scorers,
        transformer=transformer,
        start=start,
        begun={},
        beginning=_beginning(transformer, data, items, cutoff, run),
    )


def better_of(scratch: Choice, continued: Choice) -> Choice:
    """Return the one whose blend ranks the validation targets better; of equals, the one from scratch."""
    assert continued.start is not None
    better = continued if continued.blend.ndcg > scratch.blend.ndcg else scratch
    until = datetime.fromtimestamp(continued.start.beginning.until, UTC).isoformat()
    return replace(
        better,
        begun={
            "chosen": FROM_SCRATCH if better is scratch else FROM_THE_CHAMPION,
            PRIMARY_METRIC: {FROM_SCRATCH: scratch.blend.ndcg, FROM_THE_CHAMPION: continued.blend.ndcg},
            "measured on": "the validation window",
            "champion": continued.start.version,
            "its weights have seen": f"what happened before {until}",
        },
    )


def _beginning(transformer: TrainedEnsemble, data: Interactions, items: pa.Table, cutoff: float, run: Run) -> Beginning:
    return Beginning.of(
        transformer.scorer.members,
        item_ids=data.item_ids.tolist(),
        attributes=attribute_names(items, data.item_ids),
        until=cutoff,
        config=run.config.transformer,
    )
