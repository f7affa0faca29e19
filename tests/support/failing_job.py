"""A job that succeeds, or fails where the run is tagged so: what sensors look back at."""

import dagster as dg


@dg.op
def may_fail(context: dg.OpExecutionContext) -> None:
    if context.run.tags.get("fails"):
        raise dg.Failure("a test")


@dg.job
def work() -> None:
    may_fail()
