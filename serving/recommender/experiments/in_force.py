"""Keeps the experiments in force that the shop's file has now, and the last good ones where the file is broken."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Literal

from serving.items.rules import RuleBook, RulesInForce
from serving.items.shop_file import ShopFile
from serving.recommender.experiments.assignment import NOT_ASSIGNED, Assignment, assigned
from serving.recommender.experiments.book import Arm, ExperimentBook, HoldOut
from serving.recommender.placements import PERSONAL


@dataclass(frozen=True, kw_only=True)
class Treatment:
    """What an arm asks of a list, beside the rules; nothing by default."""

    rules: RulesInForce
    model: Literal["popularity"] | None = None
    diversity: float | None = None
    max_per_category: int | None = None
    max_per_brand: int | None = None

    @property
    def settings(self) -> dict[str, Any]:
        """What it asks beside the rules, as the prediction log has it."""
        named = {name: getattr(self, name) for name in ("model", "diversity", "max_per_category", "max_per_brand")}
        return {name: value for name, value in named.items() if value is not None}


class ExperimentsFile:
    """Says what a shopper is in; a shop without a file has no experiments, which is no failure."""

    def __init__(self, path: Path, *, seconds_now: Callable[[], float] = time.monotonic) -> None:
        self._file = ShopFile(
            path, ExperimentBook.read, what="experiments", absent=ExperimentBook(), seconds_now=seconds_now
        )
        self._rules: dict[tuple[str, str], tuple[Arm, RulesInForce, RulesInForce]] = {}
        """By name of the experiment and of the arm: the arm, the shop's rules, and what it makes of them."""
        self._warnings: tuple[ExperimentBook, RulesInForce, list[str]] | None = None

    def __call__(self) -> ExperimentBook:
        """Return the experiments in force; the file is looked at once a second."""
        return self._file()

    @property
    def failure(self) -> str | None:
        """Why the file as it is now is not in force, or None while it is."""
        return self._file.failure

    def assigned(self, pseudonym: str | None, placement: str, now: datetime) -> Assignment:
        """Return what a shopper is in; nothing where nobody is named."""
        book = self()
        return NOT_ASSIGNED if pseudonym is None else assigned(book, pseudonym, placement, now)

    def treatment(self, assignment: Assignment, placement: str, rules: RulesInForce) -> Treatment:
        """Return what a list is made by.

        Args:
            assignment: of the shopper.
            placement: of the list.
            rules: the shop's, in force now.
        """
        arm, experiment = assignment.arm, assignment.experiment
        if assignment.hold_out:
            return Treatment(rules=rules, model=_hold_out_model(self().hold_out, placement))
        if arm is None or experiment is None:
            return Treatment(rules=rules)
        return Treatment(
            rules=self._rules_of(experiment.name, arm, rules),
            model=arm.model,
            diversity=arm.diversity,
            max_per_category=arm.max_per_category,
            max_per_brand=arm.max_per_brand,
        )

    def warnings(self, rules: RulesInForce) -> list[str]:
        """Say what the experiments in force name that there is not, a sentence each.

        Args:
            rules: the shop's, in force now.
        """
        book, before = self(), self._warnings
        if before is None or before[0] is not book or before[1] is not rules:
            before = self._warnings = (book, rules, warnings_of(book, rules))
        return before[2]

    def _rules_of(self, experiment: str, arm: Arm, rules: RulesInForce) -> RulesInForce:
        if arm.rules is None and not arm.without_rules:
            return rules
        last = self._rules.get((experiment, arm.name))
        if last is None or last[0] is not arm or last[1] is not rules:
            # Of two requests that make the same rules, either's will do.
            last = (arm, rules, RulesInForce(rules_of_arm(rules.book, arm), rules.catalogue))
            self._rules[experiment, arm.name] = last
        return last[2]


def rules_of_arm(book: RuleBook, arm: Arm) -> RuleBook:
    """Return a shop's rules as an arm has them: its lines in place of the shop's, its rules beside the others."""
    own = arm.rules
    lines = {name: getattr(own, name) for name in own.model_fields_set} if own else {}
    replaced = {rule.name for rule in own.rules} if own else set()
    rules = [rule for rule in book.rules if rule.name not in replaced and rule.name not in arm.without_rules]
    return book.model_copy(update={**lines, "rules": [*rules, *(own.rules if own else [])]})


def warnings_of(book: ExperimentBook, rules: RulesInForce) -> list[str]:
    """Say which rules, items, categories and brands the arms name that there are not, and which arms change nothing."""
    names = {rule.name for rule in rules.book.rules}
    warnings = []
    for experiment in book.experiments:
        for arm in experiment.arms:
            who = f"experiment {experiment.name!r}, arm {arm.name!r}"
            if not arm.changes and arm.name != "control":
                warnings.append(f"{who} changes nothing: it is compared with the control as an A/A test")
            warnings += [
                f"{who} is without the unknown rule {name!r}" for name in arm.without_rules if name not in names
            ]
            if arm.rules is not None:
                own = RulesInForce(arm.rules, rules.catalogue)
                warnings += [f"{who}: {warning}" for warning in own.warnings]
    return warnings


def _hold_out_model(hold_out: HoldOut | None, placement: str) -> Literal["popularity"] | None:
    return hold_out.model if hold_out is not None and placement in PERSONAL else None
