"""Reads a mapping file: mistakes in it are named with their line."""

from pathlib import Path
from typing import Any

import yaml
from pydantic import ValidationError

from shopsight.errors import ShopsightError
from shopsight.ingestion.formats.mapping import Mapping


class MappingError(ShopsightError):
    """A mapping file cannot be used."""


def mapping_beside(path: Path) -> Path:
    """Return where the mapping of a file is looked for: beside it, under the same name."""
    return path.with_name(path.name.split(".")[0] + ".yml")


def read_mapping(path: Path) -> Mapping:
    """Read and check a mapping file.

    Raises:
        MappingError: it is missing, no YAML, or says something that no mapping says; with the line of the mistake.
    """
    try:
        text = path.read_text()
        root = yaml.compose(text, Loader=yaml.SafeLoader)
        _refuse_repeated_keys(root)
        return _with_files_beside(path, Mapping.model_validate(yaml.safe_load(text)))
    except OSError as error:
        raise _error(
            path, error.strerror or str(error), "write one with: shopsight map FILE --write OUT.yml"
        ) from error
    except yaml.YAMLError as error:
        raise _error(path, " ".join(str(error).split()), "mend the YAML there") from error
    except ValidationError as error:
        problems = "; ".join(_problem(root, problem["loc"], problem["msg"]) for problem in error.errors())
        raise _error(path, problems, "mend these lines; docs/events.md has the keys of a mapping") from error


def _with_files_beside(path: Path, mapping: Mapping) -> Mapping:
    """Return the mapping with the files it names as seen from its own folder."""
    if mapping.orders is None:
        return mapping
    orders = mapping.orders.model_copy(update={"file": path.absolute().parent / mapping.orders.file})
    return mapping.model_copy(update={"orders": orders})


def _error(path: Path, why: str, fix: str) -> MappingError:
    return MappingError(f"cannot use the mapping {path}", why=why, fix=fix)


def _problem(root: yaml.Node | None, location: tuple[int | str, ...], message: str) -> str:
    """Return a mistake with its line and its key, as far down as the file has the key."""
    node, keys = root, [str(step) for step in location if step != "function-before[<lambda>(), ColumnMapping]"]
    for key in keys:
        mistakes = [
            (k if v.start_mark.line == k.start_mark.line else v)
            for k, v in (node.value if isinstance(node, yaml.MappingNode) else [])
            if k.value == key
        ]
        if not mistakes:
            break
        node = next(v for k, v in node.value if k.value == key) if isinstance(node, yaml.MappingNode) else None
    line = node.start_mark.line + 1 if node is not None else 1
    return f"line {line}: {'.'.join(keys)}: {message}".replace(": : ", ": ").replace("Value error, ", "")


def _refuse_repeated_keys(node: Any) -> None:
    if isinstance(node, yaml.MappingNode):
        seen: set[str] = set()
        for key, value in node.value:
            if key.value in seen:
                raise yaml.MarkedYAMLError(problem=f"the key {key.value} is given twice", problem_mark=key.start_mark)
            seen.add(key.value)
            _refuse_repeated_keys(value)
    elif isinstance(node, yaml.SequenceNode):
        for item in node.value:
            _refuse_repeated_keys(item)
