"""From words to a :class:`~models.asking.question.Question`, or to the reason why it cannot be asked.

A question is read in clauses. A clause of the past, or of what is the case, is a condition on the population; one of
the present or future is part of the target. Every word must have been read, or be one that says nothing: what was not
understood is refused, never passed over.
"""

import re
from dataclasses import replace

from models.asking.catalogue import Catalogue
from models.asking.clauses import Clause, read_clause, span_of
from models.asking.lexicon import (
    AMONG,
    FUTURE_PERFECT,
    IDIOMS,
    NUMBERS,
    PAST_WINDOW,
    PEEKING,
    PROTECTED,
    SESSIONS,
    STANDING,
    STOP_WORDS,
    SUBJECTS,
    TIMES,
)
from models.asking.question import DEFAULT_HORIZON_DAYS, Action, Question, RefusedQuestionError, Subject

EXAMPLES = (
    "customers who order again within 28 days; shoppers who return an item within 14 days; "
    "customers who have ordered twice and who spend more than 50 in 60 days"
)
_BREAKS = re.compile(r"\b(?:who|whom|which|that|and|but|where)\b|[,;:]")


def parse(text: str, catalogue: Catalogue) -> Question:
    """Return what a question means.

    Args:
        text: English words; see docs/ask.md for the grammar.
        catalogue: the categories, brands and items that may be named.

    Raises:
        RefusedQuestionError: it is not understood, or cannot be asked: it names an unknown thing or a protected
            attribute, asks for what is known at the cut-off, or chooses people by what comes later.
    """
    plain = _plain(text)
    rest, filters = catalogue.take(plain)
    _refuse_words(rest)
    if SESSIONS.match(rest):
        return _of_sessions(text, rest)
    subject: Subject = "customers" if re.search(rf"\b(?:{SUBJECTS['customers']})\b", rest) else "shoppers"
    rest = re.sub(rf"\b(?:{SUBJECTS['customers']}|{SUBJECTS['shoppers']})\b", " who ", rest)
    if re.match(r"\s*(?:will|would|do|does|how likely)\b", rest):
        # "Will shoppers who viewed … in the last 7 days buy?": the verb follows the condition without a word between.
        rest = PAST_WINDOW.sub(lambda span: f"{span[0]} , ", rest, count=1)
    pieces = [piece for piece in _BREAKS.split(rest) if piece.strip(" .?!")]
    clauses: list[Clause] = []
    leftovers: list[str] = []
    span: int | None = None
    for piece in pieces:
        clause, leftover = read_clause(piece, filters)
        leftovers += [word for word in re.findall(r"[\w'€$%-]+", leftover) if word not in STOP_WORDS]
        clauses += [clause] if clause else []
        if clause is None and (named := span_of(piece)) != ("open", None):
            # "In the next 30 days, who …": a span by itself is the target's.
            span = named[1] if named[0] != "past" else -1
    if span is not None and span < 0:
        leftovers.append("a span of the past without an event")
    clauses = [
        replace(clause, action=replace(clause.action, days=span))
        if span is not None and not clause.past and clause.action.days is None
        else clause
        for clause in clauses
    ]
    if leftovers:
        if {"return", "returns"} & set(leftovers):
            leftovers.append("('return an item' gives it back, 'come back' visits again: say which)")
        raise RefusedQuestionError(
            f"the question is not understood: {text!r}",
            why=f"these words are in no rule of the grammar: {', '.join(dict.fromkeys(leftovers))}",
            fix=f"leave them out, or ask for an event of the log; such as: {EXAMPLES}",
        )
    return _assembled(text, subject, clauses, future_population=_chooses_by_future(rest, clauses))


def parse_population(text: str, catalogue: Catalogue) -> Question:
    """Return the population that words choose, as a question whose target means nothing.

    Args:
        text: such as "customers who have ordered twice and who have not visited in the last 30 days".
        catalogue: the categories, brands and items that may be named.

    Raises:
        RefusedQuestionError: it is not understood, or says what shoppers will do.
    """
    question = parse(f"{text} and who make a visit in the next 1 days", catalogue)
    if len(question.target) > 1:
        raise RefusedQuestionError(
            f"the segment speaks of what is to come: {text!r}",
            why="a segment holds whoever did something, by today",
            fix="say it in the past: 'who have ordered', 'who have not visited in the last 30 days'",
        )
    return question


def _plain(text: str) -> str:
    plain = re.sub(r"\s+", " ", text.strip().lower().replace("’", "'").replace("-day", " day").replace("per cent", "%"))
    plain = re.sub(r"(\d)[,](\d{3})\b", r"\1\2", plain)
    plain = re.sub(rf"\b({'|'.join(TIMES)})\b(?! more)", lambda word: TIMES[word[1]], plain)
    plain = re.sub(rf"\b({'|'.join(NUMBERS)})\b", lambda word: str(NUMBERS[word[1]]), plain)
    for pattern, meaning in IDIOMS:
        plain = pattern.sub(meaning, plain)
    return re.sub(r"\bone (?=day|week|month|year|time|order|star|or more)", "1 ", plain)


def _refuse_words(rest: str) -> None:
    """Refuse what no question may hold, wherever it stands."""
    if match := PROTECTED.search(rest):
        raise RefusedQuestionError(
            f"the question names a protected attribute: {match[0]}",
            why="nobody is chosen, and nothing is forecast of anybody, by gender, age or the like",
            fix="ask by what shoppers did: orders, views, categories, brands, visits",
        )
    if match := PEEKING.search(rest):
        raise RefusedQuestionError(
            f"the question reads what comes after the cut-off: {match[0]!r}",
            why="a feature or condition that lies in the future holds the outcome: the model would copy it",
            fix="name conditions of the past only: 'customers who have … in the last 30 days and who …'",
        )
    if FUTURE_PERFECT.search(rest):
        raise RefusedQuestionError(
            "the question counts the past into its target: 'will have …'",
            why="what shoppers will have done holds what they have done already, which is known at the cut-off",
            fix="ask for what they will do: 'who order within 28 days'",
        )
    if match := STANDING.search(rest):
        raise RefusedQuestionError(
            f"the question chooses by {match[0]!r}, which is known of today only",
            why="segments and scores are made of the whole log: at an earlier cut-off they would hold the outcome",
            fix="say what makes the segment: 'customers who have ordered 3 times and not ordered in the last 60 days'",
        )


def _chooses_by_future(rest: str, clauses: list[Clause]) -> bool:
    """Return whether the population's part of the question, before the target's, speaks of the future."""
    return bool(AMONG.match(rest)) and sum(not clause.past for clause in clauses) > 1


def _assembled(text: str, subject: Subject, clauses: list[Clause], *, future_population: bool) -> Question:
    conditions = [clause.action for clause in clauses if clause.past]
    targets = [clause for clause in clauses if not clause.past]
    if not targets:
        raise RefusedQuestionError(
            "the question asks for nothing that is still to come" if clauses else f"nothing is asked in {text!r}",
            why="all of it is of the past, and so known at the cut-off" if clauses else "no event of the log is named",
            fix=f"say what shoppers will do and within how many days; such as: {EXAMPLES}",
        )
    _refuse_leaks(clauses, future_population=future_population)
    for clause in targets:
        if clause.again and not (subject == "customers" and clause.action.kind == "order"):
            conditions.append(replace(clause.action, negated=False, days=None, min_times=1, min_money=None))
        if clause.first:
            conditions.append(replace(clause.action, negated=True, days=None, min_times=1, min_money=None))
    horizons = [clause.action.days for clause in targets if clause.action.days is not None]
    horizon = max(horizons, default=DEFAULT_HORIZON_DAYS)
    if horizon < 1:
        raise _leaks(targets[0], "the horizon has no day: the outcome is known at the cut-off")
    if len(set(horizons)) > 1:
        raise RefusedQuestionError(
            f"the question names several horizons: {', '.join(f'{days} days' for days in horizons)}",
            why="one label has one horizon",
            fix="ask for one of them, or ask twice",
        )
    question = Question(
        text=text,
        subject=subject,
        conditions=tuple(dict.fromkeys(conditions)),
        target=tuple(dict.fromkeys(replace(clause.action, days=horizon) for clause in targets)),
        horizon_days=horizon,
        horizon_is_default=not horizons,
    )
    _refuse_contradictions(question)
    return question


def _refuse_leaks(clauses: list[Clause], *, future_population: bool) -> None:
    """Refuse a population that lies in the future, and a target that lies in the past."""
    targets = [clause for clause in clauses if not clause.past]
    for clause in clauses:
        if clause.past and clause.window == "future":
            raise _leaks(clause, "the condition on the population lies after the cut-off")
        if not clause.past and clause.window == "past":
            raise _leaks(clause, "what was done before the cut-off is known: there is nothing to forecast")
    if future_population:
        raise _leaks(targets[0], "the population is chosen by what it does after the cut-off")


def _leaks(clause: Clause, why: str) -> RefusedQuestionError:
    return RefusedQuestionError(
        f"the question gives its answer away: {clause.text.strip()!r}",
        why=why,
        fix="put what is known into the past ('who have ordered twice'), the target after it ('who … within 28 days')",
    )


def _refuse_contradictions(question: Question) -> None:
    """Refuse a population that is empty by its definition, and a target that is decided by it."""
    never = [action for action in question.conditions if action.negated and action.days is None]
    ordered = question.subject == "customers" or any(
        action.kind in ("order", "refund") and not action.negated for action in question.conditions
    )
    if ordered and any(
        action.kind == "order" and replace(action, negated=False, days=None).is_plain for action in never
    ):
        raise RefusedQuestionError(
            "nobody is in the population: who has ordered has not never ordered",
            why="customers are shoppers who have ordered",
            fix="ask of shoppers: 'shoppers who have never ordered and who order within 28 days'",
        )
    opposites = {(action.kind, action.items, action.min_times, action.min_money): action for action in question.target}
    if len(opposites) < len(question.target):
        raise RefusedQuestionError(
            "the target contradicts itself: " + question.outcome,
            why="the same thing is to be done and not done",
            fix="ask for one of the two",
        )


def _of_sessions(text: str, rest: str) -> Question:
    """Return the one question there is about visits that are under way: whether they end in an order."""
    if not re.search(r"\b(?:purchases?|orders?|buy(?:ing)?|convert\w*|checkouts?)\b", rest):
        raise RefusedQuestionError(
            f"the question about visits is not understood: {text!r}",
            why="of a visit under way it can be asked whether an order follows in it",
            fix="ask 'visits that end in an order', or ask about shoppers: 'shoppers who visit within 7 days'",
        )
    return Question(
        text=text,
        subject="sessions",
        conditions=(),
        target=(Action(kind="order", negated=bool(re.search(r"\b(?:not|without|never)\b", rest))),),
        horizon_days=1,
    )
