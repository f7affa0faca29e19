"""A log of any size in which nothing is planted: it measures what a log costs, not what a model learns."""

from shopsight.generated_log.landing import land_generated_log
from shopsight.generated_log.rows import EVENTS_PER_SESSION, GeneratedLog

__all__ = ["EVENTS_PER_SESSION", "GeneratedLog", "land_generated_log"]
