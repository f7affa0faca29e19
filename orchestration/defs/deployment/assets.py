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

        champion = ModelRegistry.of(settings).champion(family)
        if champion is None:
            raise dg.Failure(
                f"{family} has no champion, and a Bento is built from nothing else; approve a candidate first"
            )
        packaged = find_bento(settings, champion)
        if packaged is not None:
            context.log.info("the champion %s is packaged already", champion.version)
        tag = packaged.tag if packaged is not None else build_bento(settings, family, champion)
        return dg.MaterializeResult(metadata={"tag": tag, "version": champion.version})

    return bento


bentos = [bento_asset(family) for family in FAMILIES]
