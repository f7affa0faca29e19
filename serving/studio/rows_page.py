"""Where a figure opens: what it means, its SQL, and its rows, paged or as CSV."""

from datetime import date
from typing import Any

from serving.studio.page_request import PageError, PageRequest, rows_address
from serving.studio.questions import DAYS, QUESTIONS, Question
from serving.studio.reader import PAGE_ROWS
from serving.studio.shop_pages import DIMENSIONS


def rows_page(asked: PageRequest) -> dict[str, Any]:
    """Return what the page of a question shows."""
    question, parameters = asked_question(asked)
    try:
        page = max(1, int(asked.query.get("page", "1")))
    except ValueError:
        raise PageError(400, "error.form") from None
    with asked.reader.opened(question) as answers:
        count = answers.count(question, parameters)
        pages = max(1, -(-count // PAGE_ROWS))
        page = min(page, pages)
        part = answers.rows(question, parameters, limit=PAGE_ROWS, offset=(page - 1) * PAGE_ROWS)
        value = asked.words.value(answers.total(question, parameters), question.form)
        missing = answers.missing(question)
    address = rows_address(question.name, parameters)
    return {
        "question": question,
        "value": value,
        "columns": part.columns,
        "rows": part.rows,
        "count": count,
        "page": page,
        "pages": pages,
        "address": address,
        "csv": address.replace("/rows?", "/rows.csv?"),
        "sql": written_sql(question, parameters),
        "missing": missing,
    }


def rows_csv(asked: PageRequest) -> tuple[str, bytes]:
    """Return the name and the content of a question's CSV."""
    question, parameters = asked_question(asked)
    with asked.reader.opened(question) as answers:
        if missing := answers.missing(question):
            raise PageError(409, "error.no_mart", name=", ".join(missing))
        return f"{question.name}.csv", answers.as_csv(question, parameters)


def asked_question(asked: PageRequest) -> tuple[Question, dict[str, Any]]:
    """Return the question of an address with its parameters.

    Raises:
        PageError: there is no such question, or a parameter is missing or wrong.
    """
    question = QUESTIONS.get(asked.query.get("q", ""))
    if question is None:
        raise PageError(404, "error.no_question", name=asked.query.get("q", ""))
    parameters: dict[str, Any] = {}
    for name in question.takes:
        text = asked.query.get(name, "")
        try:
            parameters[name] = date.fromisoformat(text) if name in DAYS else text
        except ValueError:
            raise PageError(400, "error.days") from None
        if not text or (name == "dimension" and text not in DIMENSIONS):
            raise PageError(400, "error.form")
    return question, parameters


def written_sql(question: Question, parameters: dict[str, Any]) -> str:
    """Return the SQL of a figure as ``shopsight query`` takes it: with its parameters in it."""
    sql = question.sql.strip()
    for name in sorted(parameters, key=len, reverse=True):
        literal = str(parameters[name]).replace("'", "''")
        sql = sql.replace(f"${name}", f"date '{literal}'" if name in DAYS else f"'{literal}'")
    return sql
