"""Small semantic changes of a dbt model, by its words: comments and what Jinja asks of dbt stay as they are."""

import re
from collections.abc import Callable, Iterator

from mutants.mutation import Mutation, mutation_at

SWAPS: list[tuple[str, str, str | Callable[[re.Match[str]], str]]] = [
    ("edge", r" <= ", " < "),
    ("edge", r" < ", " <= "),
    ("edge", r" >= ", " > "),
    ("edge", r" > ", " >= "),
    ("comparison", r" != ", " = "),
    ("operator", r" \+ ", " - "),
    ("operator", r" - ", " + "),
    ("operator", r"(?<!select) \* (?!from)", " / "),
    ("operator", r" / ", " * "),
    ("and/or", r"(?<=\s)and (?!current)", "or "),
    ("and/or", r"(?<=\s)or ", "and "),
    ("not dropped", r"\bnot (?=\w+(\.\w+)?\b)(?!in |exists|null)", ""),
    ("null", r"\bis not null\b", "is null"),
    ("null", r"\bis null\b", "is not null"),
    ("opposite", r"\bmin\(", "max("),
    ("opposite", r"\bmax\(", "min("),
    ("opposite", r"\bleast\(", "greatest("),
    ("opposite", r"\bgreatest\(", "least("),
    ("opposite", r"\blag\(", "lead("),
    ("opposite", r"\blead\(", "lag("),
    ("opposite", r"\bbool_or\(", "bool_and("),
    ("opposite", r"\bmin_by\(", "max_by("),
    ("opposite", r"\bmax_by\(", "min_by("),
    ("opposite", r"\bfirst_known\(", "last_known("),
    ("opposite", r"\blast_known\(", "first_known("),
    ("opposite", r"\bfirst_value\(", "last_value("),
    ("distinct", r"\bcount\(distinct ", "count("),
    ("order", r" desc\b", ""),
    ("order", r"(?<=order by )([a-z_.]+)(?=\)|$)", r"\1 desc"),
    ("join", r"\bleft join\b", "inner join"),
    ("join", r"\bfull outer join\b", "left join"),
    ("frame", r"\bunbounded preceding and current row\b", "1 preceding and current row"),
    ("word", r"'purchase'", "'refund'"),
    ("word", r"'refund'", "'purchase'"),
    ("word", r"'view_item'", "'view_item_list'"),
    ("word", r"'add_to_cart'", "'add_to_wishlist'"),
    ("word", r"'rate_item'", "'ask_question'"),
    ("word", r"'none'", "'granted'"),
    ("number", r"(?<![\w.'\]-])\d+(?![\w.'])", lambda match: str(int(match.group()) + 1)),
    ("variable", r"var\('[a-z_]*(days|minutes|minute|day|hours|basket|together|length)'\)", r"(\g<0> + 1)"),
    ("filter dropped", r" filter \(where [^()]*(\([^()]*\))?[^()]*\)", ""),
    ("condition dropped", r"(?m)^\s+and (?!\{\{ in_chunk)[^\n]*(?=\n)", ""),
    ("condition dropped", r"(?<=where )(?!\{\{|not exists|nth|event_name = '\{\{)[^\n]+?(?= and )", "true"),
]
"""Kind, the words that are looked for, and what stands there instead."""
LEFT_ALONE = r"\{%.*?%\}|\{#.*?#\}|--[^\n]*|\{\{\s*config\(.*?\)\s*\}\}"
"""Comments, loops and configurations."""


def sql_mutations(path: str, text: str) -> Iterator[Mutation]:
    """Yield every mutation of a model."""
    silent = [match.span() for match in re.finditer(LEFT_ALONE, text, flags=re.DOTALL)]

    def is_silent(start: int) -> bool:
        is_range = "between" in text[text.rfind("\n", 0, start) : start]  # its `and` joins no conditions
        return is_range or any(begin <= start < end for begin, end in silent)

    for kind, pattern, replacement in SWAPS:
        for match in re.finditer(pattern, text):
            if not is_silent(match.start()):
                changed = replacement(match) if callable(replacement) else match.expand(replacement)
                yield mutation_at(path, text, kind, match.start(), match.end(), changed)
    for match in re.finditer(r"\bcoalesce\(", text):
        arguments = _arguments(text, match.end())
        if not is_silent(match.start()) and len(arguments) >= 2:
            start, end = arguments[0][0], arguments[1][1]
            first, second = (text[begin:stop].strip() for begin, stop in arguments[:2])
            yield mutation_at(path, text, "coalesce", start, end, f"{second}, {first}")


def _arguments(text: str, start: int) -> list[tuple[int, int]]:
    """Return where each argument of a call begins and ends; ``start`` is behind its bracket."""
    spans, depth, begin = [], 0, start
    for place in range(start, len(text)):
        sign = text[place]
        if sign in ",)" and depth == 0:
            spans.append((begin, place))
            begin = place + 1
            if sign == ")":
                break
        depth += (sign in "([{") - (sign in ")]}")
    return spans
