"""Questions to a whole file, a module per subject: what no rule about a single row can see."""

from typing import Final

from shopsight.ingestion.checks.events import EVENT_QUESTIONS
from shopsight.ingestion.checks.money import MONEY_QUESTIONS
from shopsight.ingestion.checks.orders import ORDER_QUESTIONS
from shopsight.ingestion.checks.people import PEOPLE_QUESTIONS
from shopsight.ingestion.checks.questions import Question
from shopsight.ingestion.checks.sessions import SESSION_QUESTIONS
from shopsight.ingestion.checks.times import TIME_QUESTIONS

QUESTIONS: Final[tuple[Question, ...]] = (
    *EVENT_QUESTIONS,
    *ORDER_QUESTIONS,
    *MONEY_QUESTIONS,
    *PEOPLE_QUESTIONS,
    *SESSION_QUESTIONS,
    *TIME_QUESTIONS,
)
"""Everything that is asked of a file of events, in the order of the answers."""
