"""Load and use the approved next best actions: needs LightGBM and NumPy alone.

Shapes: R shoppers, F features.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

import lightgbm as lgb

from models.evaluation.bootstrap import Estimate
from models.next_best_action.dataset import ACTIONS, FEATURES, NOTHING
from models.next_best_action.effects import Action, Part
from models.tabular.errors import BadArtefactError
from models.uplift.learners import Learners
from models.uplift.outcomes import OutcomeModels
from models.uplift.trial import Floats
from shopsight.whole_files import write_json

CONFIG_FILE: Final = "actions.json"


@dataclass(frozen=True, kw_only=True)
class Considered:
    """One action, for one shopper."""

    action: str
    part: Part | None
    """Shoppers of about the same expected effect; None where nothing is known of the action."""
    pays: bool
    """Whether its money surely lies above nothing's."""
    reason: str


@dataclass(frozen=True, kw_only=True)
class Decision:
    """What to do for a shopper."""

    action: str
    part: Part | None
    """None of nothing."""
    reason: str
    considered: tuple[Considered, ...]
    """Every action but nothing."""


@dataclass(frozen=True, kw_only=True)
class NextBestAction:
    """The actions that are known; a model cuts shoppers into parts, the baseline has one part for each action."""

    actions: Mapping[str, Action]
    untried: Mapping[str, str]
    """Why nothing is known of each of the others."""
    horizon_days: int

    def decide(self, features_RF: Floats) -> list[Decision]:
        """Return what to do for each shopper: of what surely pays, the action that adds most money; else nothing."""
        places = {name: action.places(features_RF) for name, action in self.actions.items()}
        return [
            self._decision(
                [
                    self._considered(name, self.actions[name].parts[places[name][row]] if name in places else None)
                    for name in ACTIONS
                ]
            )
            for row in range(len(features_RF))
        ]

    def _considered(self, action: str, part: Part | None) -> Considered:
        if part is None:
            return Considered(action=action, part=None, pays=False, reason=self.untried[action])
        within = f"within {self.horizon_days} days"
        added = (
            f"it added {_between(part.orders)} orders a shopper {within}, and {_between(part.money)} of money after "
            f"its cost, for {part.sent} shoppers like this one beside {part.held_out} held out"
        )
        if part.surely_pays:
            return Considered(action=action, part=part, pays=True, reason=added)
        what = "it costs more than it surely brings" if part.orders.low > 0 else "no effect is sure"
        return Considered(action=action, part=part, pays=False, reason=f"{what}: {added}")

    def _decision(self, considered: Sequence[Considered]) -> Decision:
        paying = [one for one in considered if one.pays and one.part is not None]
        every = tuple(considered)
        why = None
        if not self.actions:
            why = "no action was tried with a hold-out on enough shoppers, so nothing is known to add anything"
        elif not paying:
            why = "no action surely brings more than it costs for this shopper"
        if why is not None:
            return Decision(action=NOTHING, part=None, reason=why, considered=every)
        best = max(paying, key=lambda one: one.part.money.value if one.part else 0.0)
        return Decision(action=best.action, part=best.part, reason=best.reason, considered=every)

    def save(self, folder: Path) -> None:
        """Write the trees as LightGBM's text and everything else as JSON; nothing is pickled."""
        folder.mkdir(parents=True, exist_ok=True)
        described = {}
        for name, action in self.actions.items():
            described[name] = {
                "parts": [asdict(part) for part in action.parts],
                "edges": list(action.edges),
                "learner": action.learner,
                "campaigns": list(action.campaigns),
                "reason": action.reason,
                "learners": None if action.learners is None else _save_learners(action.learners, folder, name),
            }
        write_json(
            folder / CONFIG_FILE,
            {
                "features": list(FEATURES),
                "horizon_days": self.horizon_days,
                "actions": described,
                "untried": dict(self.untried),
            },
        )

    @classmethod
    def load(cls, folder: Path) -> "NextBestAction":
        """Load what :meth:`save` wrote.

        Raises:
            BadArtefactError: a file is missing, or the model was made for other features than this code computes.
        """
        if not (folder / CONFIG_FILE).is_file():
            raise BadArtefactError(
                f"{folder} holds no next best actions",
                why=f"{CONFIG_FILE} is missing: a run without campaigns writes a baseline alone",
                fix="load the folder of an approved version, or train again",
            )
        raw = json.loads((folder / CONFIG_FILE).read_text())
        if raw["features"] != list(FEATURES):
            raise BadArtefactError(
                f"{folder} was trained on other features",
                why="actions.json lists them, and this code computes others",
                fix="serve it with the code of its own Bento, or train again",
            )
        return cls(
            actions={name: _load_action(one, folder, name) for name, one in raw["actions"].items()},
            untried=raw["untried"],
            horizon_days=raw["horizon_days"],
        )


def _load_action(raw: Mapping[str, Any], folder: Path, name: str) -> Action:
    return Action(
        parts=tuple(
            Part(
                orders=Estimate(**part["orders"]),
                money=Estimate(**part["money"]),
                sent=part["sent"],
                held_out=part["held_out"],
            )
            for part in raw["parts"]
        ),
        edges=tuple(raw["edges"]),
        learner=raw["learner"],
        learners=None if raw["learners"] is None else _load_learners(raw["learners"], folder, name),
        campaigns=tuple(raw["campaigns"]),
        reason=raw["reason"],
    )


def _save_learners(learners: Learners, folder: Path, name: str) -> dict[str, Any]:
    for kind, boosters in _boosters(learners).items():
        for number, booster in enumerate(boosters):
            booster.save_model(str(folder / f"{name}_{kind}_{number}.txt"))
    return {
        "boosters": {kind: len(boosters) for kind, boosters in _boosters(learners).items()},
        "weights": list(learners.weights),
        "added_share": [float(share) for share in learners.added_share],
    }


def _load_learners(raw: Mapping[str, Any], folder: Path, name: str) -> Learners:
    boosters = {
        kind: tuple(lgb.Booster(model_file=str(folder / f"{name}_{kind}_{number}.txt")) for number in range(count))
        for kind, count in raw["boosters"].items()
    }
    return Learners(
        outcomes=OutcomeModels(boosters["outcome"]),
        pooled=boosters["pooled"][0],
        treated_effects=boosters["treated"],
        control_effects=boosters["control"],
        weights=tuple(raw["weights"]),
        score_effects=boosters["score"],
        added_share=tuple(raw["added_share"]),
    )


def _boosters(learners: Learners) -> dict[str, tuple[lgb.Booster, ...]]:
    return {
        "outcome": learners.outcomes.boosters,
        "pooled": (learners.pooled,),
        "treated": learners.treated_effects,
        "control": learners.control_effects,
        "score": learners.score_effects,
    }


def _between(estimate: Estimate) -> str:
    return f"{estimate.value:+.2f} [{estimate.low:+.2f}, {estimate.high:+.2f}]"
