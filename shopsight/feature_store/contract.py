"""What each model family reads of its feature service: the reader's side of the contract that ``feature_repo`` offers.

Training and serving name the service and never a view. A family's record says which views and columns it reads, so that
a view of another version, or a column of another name, is refused by name wherever the service is opened: when the
definitions are applied, when a training set is joined and when a service reads online. Without it, a reader would get
``None`` for a column that is gone, and a model would take it for "not known".
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from shopsight.families import FAMILIES
from shopsight.feature_store.connection import UnusableFeaturesError

if TYPE_CHECKING:
    from feast import FeatureService


@dataclass(frozen=True, kw_only=True)
class FeatureContract:
    """A family's feature service and all that the family reads of it."""

    family: str
    """Name of the family."""
    service: str
    """Name of the feature service, such as ``churn_v1``."""
    views: Mapping[str, tuple[str, ...]]
    """Names of the columns that are read, by view."""

    @property
    def columns(self) -> tuple[str, ...]:
        """Names of all columns that are read, view by view."""
        return tuple(column for columns in self.views.values() for column in columns)


def contract_of(family: str) -> FeatureContract:
    """Return what a family reads, as its record says."""
    record = FAMILIES[family]
    return FeatureContract(family=family, service=record.feature_service, views=record.features)


def contracts() -> list[FeatureContract]:
    """Return the contract of every family."""
    return [contract_of(family) for family in FAMILIES]


def refuse_broken_contract(service: "FeatureService", *, exactly: bool = False) -> None:
    """Check that a service holds all that the families that name it read.

    Args:
        service: the service, as defined or as the registry has it.
        exactly: refuse what nobody reads too, as is done when definitions are applied; a reader does not mind it.

    Raises:
        UnusableFeaturesError: a view or a column is missing or is not read; the message names the service and the view.
    """
    offered = {view.name: {field.name for field in view.features} for view in service.feature_view_projections}
    for contract in contracts():
        if contract.service != service.name:
            continue
        for view in sorted({*contract.views, *offered}):
            missing = sorted(set(contract.views.get(view, ())) - offered.get(view, set()))
            unread = sorted(offered.get(view, set()) - set(contract.views.get(view, ()))) if exactly else []
            if missing or unread:
                faults = [f"lacks {', '.join(missing)}"] * bool(missing)
                faults += [f"holds what {contract.family!r} does not read: {', '.join(unread)}"] * bool(unread)
                raise UnusableFeaturesError(
                    f"The feature service {service.name!r} breaks its contract with {contract.family!r} in the view "
                    f"{view!r}.",
                    why=f"the view {view!r} of the service {'; it '.join(faults)}",
                    fix="publish the change as a new version of the service in feature_repo/feature_services.py, and "
                    "name the new service and its columns in the family's record (shopsight/families.py)",
                )
