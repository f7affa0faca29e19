"""Bentos: an approved model with its code and requirements, ready to serve anywhere."""

import dagster as dg

from orchestration.metadata import OWNER
from shopsight.families import FAMILIES
from shopsight.settings import Settings


def bento_asset(family: str) -> dg.AssetsDefinition:
    """Return the asset that packages the champion of one model family."""

    @dg.asset(
        name=f"{family}_bento",
        group_name="models/deployment",
        kinds={"python", "docker"},
        owners=[OWNER],
        deps=[f"{family}_champion"],
        pool="bento_store",
        description=(
            f"The Bento {FAMILIES[family].bento} with the approved {family} model; `make up` serves the newest one."
        ),
    )
    def bento(context: dg.AssetExecutionContext, settings: dg.ResourceParam[Settings]) -> dg.MaterializeResult[None]:
        from models.registry.registry import ModelRegistry
        from serving.packaging.bento import build_bento, find_bento

        registry = ModelRegistry.of(settings)
        champion, released = registry.champion(family), registry.released(family)
        if champion is None:
            raise dg.Failure(
                f"{family} has no champion, and a Bento is built from nothing else; approve a candidate first"
            )
        packaged = find_bento(settings, champion)
        if packaged is not None:
            context.log.info("the champion %s is packaged already", champion.version)
        tag = packaged.tag if packaged is not None else build_bento(settings, family, champion)
        metadata = {"tag": tag, "version": champion.version}
        if released is not None and released.status == "releasing":
            beside = find_bento(settings, released)
            metadata["under release"] = beside.tag if beside else build_bento(settings, family, released)
        return dg.MaterializeResult(metadata=metadata)

    return bento


bentos = [bento_asset(family) for family in FAMILIES]
