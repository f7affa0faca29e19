"""Small semantic changes of a Python module: each is code that runs and means something else."""

import ast
from collections.abc import Iterator

from mutants.mutation import Mutation, mutation_at

COMPARISONS: dict[type[ast.cmpop], type[ast.cmpop]] = {
    ast.Lt: ast.LtE,
    ast.LtE: ast.Lt,
    ast.Gt: ast.GtE,
    ast.GtE: ast.Gt,
    ast.Eq: ast.NotEq,
    ast.NotEq: ast.Eq,
    ast.In: ast.NotIn,
    ast.NotIn: ast.In,
    ast.Is: ast.IsNot,
    ast.IsNot: ast.Is,
}
OPERATORS: dict[type[ast.operator], type[ast.operator]] = {
    ast.Add: ast.Sub,
    ast.Sub: ast.Add,
    ast.Mult: ast.Div,
    ast.Div: ast.Mult,
    ast.BitAnd: ast.BitOr,
    ast.BitOr: ast.BitAnd,
}
OPPOSITES = {
    "min": "max",
    "max": "min",
    "any": "all",
    "all": "any",
    "minimum": "maximum",
    "maximum": "minimum",
    "argmin": "argmax",
    "argmax": "argmin",
    "first": "last",
    "last": "first",
    "floor": "ceil",
    "ceil": "floor",
    "cumsum": "cumprod",
    "min_horizontal": "max_horizontal",
    "max_horizontal": "min_horizontal",
}
COMMUTATIVE = ("min", "max", "minimum", "maximum", "clip", "logaddexp", "isclose", "allclose", "array_equal")
"""Calls whose first two arguments may change places."""
WITHOUT_MEANING = (ast.Raise, ast.Assert, ast.JoinedStr, ast.Import, ast.ImportFrom)
"""Whatever stands in these is not mutated: a word of a message is no value."""
ARGUMENTS_WITHOUT_MEANING = ("strict", "exist_ok", "parents", "ignore_errors")
"""Arguments that change what happens only where something else is wrong already."""


def python_mutations(path: str, text: str) -> Iterator[Mutation]:
    """Yield every mutation of a module."""
    starts = [0]
    for line in text.splitlines(keepends=True):
        starts.append(starts[-1] + len(line))
    lines = text.splitlines()

    def offset(line: int, byte: int) -> int:
        return starts[line - 1] + len(lines[line - 1].encode()[:byte].decode())

    for node in _nodes(ast.parse(text)):
        for kind, replacement in _changes(node):
            start, end = (
                offset(node.lineno, node.col_offset),
                offset(node.end_lineno or node.lineno, node.end_col_offset or node.col_offset),
            )
            yield mutation_at(path, text, kind, start, end, replacement)


def _nodes(node: ast.AST) -> Iterator[ast.expr]:
    """Yield the expressions that have an effect on a value, in order."""
    is_silent_argument = isinstance(node, ast.keyword) and node.arg in ARGUMENTS_WITHOUT_MEANING
    if isinstance(node, WITHOUT_MEANING) or is_silent_argument:
        return
    if isinstance(node, ast.expr):
        yield node
    for field, value in ast.iter_fields(node):
        if field in ("annotation", "returns", "decorator_list", "bases"):
            continue
        for child in value if isinstance(value, list) else [value]:
            is_docstring = isinstance(child, ast.Expr) and isinstance(child.value, ast.Constant)
            if isinstance(child, ast.AST) and not is_docstring:
                yield from _nodes(child)


def _changes(node: ast.expr) -> Iterator[tuple[str, str]]:
    """Yield the kind of each change of an expression, and the source that stands there instead."""
    match node:
        case ast.Compare(left=left, ops=[operator], comparators=comparators):
            yield "comparison", _source(ast.Compare(left, [COMPARISONS[type(operator)]()], comparators))
        case ast.BinOp(left=left, op=operator, right=right) if type(operator) in OPERATORS:
            yield "operator", _source(ast.BinOp(left, OPERATORS[type(operator)](), right))
        case ast.BoolOp(op=operator, values=values):
            yield "and/or", _source(ast.BoolOp(ast.Or() if isinstance(operator, ast.And) else ast.And(), values))
        case ast.UnaryOp(op=ast.Not() | ast.Invert() | ast.USub(), operand=operand):
            yield "not or minus dropped", _source(operand)
        case ast.IfExp(test=test, body=body, orelse=orelse):
            yield "branches swapped", _source(ast.IfExp(test, orelse, body))
        case ast.Constant():
            yield from _changes_of_constant(node.value)
        case ast.ListComp() | ast.SetComp() | ast.GeneratorExp() | ast.DictComp() if node.generators[-1].ifs:
            *others, final = node.generators
            without = ast.comprehension(final.target, final.iter, final.ifs[1:], final.is_async)
            changed = type(node)(**{**vars(node), "generators": [*others, without]})
            yield "filter dropped", ast.unparse(changed)
        case ast.Call():
            yield from _changes_of_call(node)


def _changes_of_constant(value: object) -> Iterator[tuple[str, str]]:
    match value:
        case bool():
            yield "truth", repr(not value)
        case int():
            yield "number", repr(value + 1)
        case float():
            yield "number", repr(value * 2 if value else 1.0)


def _changes_of_call(node: ast.Call) -> Iterator[tuple[str, str]]:
    function, arguments, keywords = node.func, node.args, node.keywords
    if isinstance(function, ast.Name) and function.id in OPPOSITES:
        yield "opposite", _source(ast.Call(ast.Name(OPPOSITES[function.id]), arguments, keywords), bare=True)
    if isinstance(function, ast.Attribute) and function.attr in OPPOSITES:
        opposite = ast.Attribute(function.value, OPPOSITES[function.attr])
        yield "opposite", _source(ast.Call(opposite, arguments, keywords), bare=True)
    is_plain = not any(isinstance(argument, ast.Starred) for argument in arguments)
    name = function.attr if isinstance(function, ast.Attribute) else getattr(function, "id", "")
    is_plain = is_plain and name not in COMMUTATIVE
    if len(arguments) >= 2 and is_plain and ast.dump(arguments[0]) != ast.dump(arguments[1]):
        first, second, *rest = arguments
        yield "arguments swapped", _source(ast.Call(function, [second, first, *rest], keywords), bare=True)
    if isinstance(function, ast.Name) and function.id == "sorted" and not any(k.arg == "reverse" for k in keywords):
        backwards = ast.keyword("reverse", ast.Constant(True))
        yield "order", _source(ast.Call(function, arguments, [*keywords, backwards]), bare=True)


def _source(node: ast.expr, *, bare: bool = False) -> str:
    """Return the source of an expression, in brackets where what stands around it might bind more tightly."""
    source = ast.unparse(ast.fix_missing_locations(node))
    return source if bare or isinstance(node, ast.Name | ast.Constant) else f"({source})"
