"""What the UI draws of a candidate: curves of its probabilities, and a text model's learning and confusions."""

from collections.abc import Mapping, Sequence

import dagster as dg

from models.evaluation.curves import Curves
from orchestration.drawing import picture
from shopsight.drawing import Axis, Points, cell_chart, line_chart

Confusion = Mapping[str, Mapping[str, int]]


def curves_metadata(curves: Curves | None) -> dict[str, dg.MarkdownMetadataValue]:
    """Return reliability, gain, lift and net benefit as pictures, numbers below; nothing where there are no curves."""
    if curves is None:
        return {}
    pictures = {"reliability": _reliability(curves), "gain and lift": _gain_and_lift(curves)}
    if curves.benefit:
        pictures["net benefit"] = _net_benefit(curves)
    return pictures


def _reliability(curves: Curves) -> dg.MarkdownMetadataValue:
    points = [(one.forecast, one.observed) for one in curves.reliability]
    top = max(max(point) for point in points)
    return picture(
        f"Reliability: {curves.outcome}",
        [
            line_chart(
                points, x=_from_zero("forecast", top), y=_from_zero("observed", top), reference=[(0, 0), (top, top)]
            )
        ],
        ("forecast", "observed", "share of rows"),
        _cells([(one.forecast, one.observed, one.share) for one in curves.reliability]),
    )


def _gain_and_lift(curves: Curves) -> dg.MarkdownMetadataValue:
    share = _from_zero("share of rows, likeliest first", 1.0)
    gains: Points = [(0.0, 0.0), *((one.share, one.gain) for one in curves.gain)]
    lifts: Points = [(one.share, one.lift) for one in curves.gain]
    return picture(
        f"Gain and lift: {curves.outcome}",
        [
            line_chart(gains, x=share, y=_from_zero("share of all outcomes", 1.0), reference=[(0, 0), (1, 1)]),
            line_chart(
                lifts, x=share, y=_from_zero("lift", max(lift for _, lift in lifts)), reference=[(0, 1), (1, 1)]
            ),
        ],
        ("share of rows", "gain", "lift"),
        _cells([(one.share, one.gain, one.lift) for one in curves.gain]),
    )


def _net_benefit(curves: Curves) -> dg.MarkdownMetadataValue:
    return picture(
        f"Net benefit of acting where acting pays: {curves.outcome}",
        [
            line_chart(
                [(one.ratio, one.net) for one in curves.benefit],
                x=_from_zero("cost of an action / benefit = threshold", 1.0),
                y=_from_zero("net benefit per row", max(*(one.net for one in curves.benefit), 1e-9)),
                # The better of what needs no model: acting on every row, and on none.
                reference=[(one.ratio, max(one.net_of_all, 0.0)) for one in curves.benefit],
            )
        ],
        ("cost / benefit", "share of rows acted on", "net benefit", "of acting on all"),
        _cells([(one.ratio, one.share, one.net, one.net_of_all) for one in curves.benefit]),
    )


def intent_pictures(confusion: Confusion) -> dict[str, dg.MarkdownMetadataValue]:
    """Return the picture of ``confusion[truth][prediction]``, counts on the test split, with its numbers below.

    None where the test split was too small to judge.
    """
    if not confusion:
        return {}
    labels = list(confusion)
    counts = [[confusion[truth][guess] for guess in labels] for truth in labels]
    table = [[truth, *map(str, row)] for truth, row in zip(labels, counts, strict=True)]
    header = ("truth \\ prediction", *labels)
    return {"confusion": picture("Confusions", [cell_chart(labels, counts)], header, table)}


def _from_zero(label: str, top: float) -> Axis:
    return Axis(label=label, low=0.0, high=top, ticks=(0.0, top / 2, top))


def _cells(rows: Sequence[Sequence[float]]) -> list[list[str]]:
    return [[f"{value:.3f}" for value in row] for row in rows]
