from pathlib import Path

import pytest

from shopsight.whole_files import replaced, write_json


def test_a_reader_sees_the_old_file_until_the_new_one_is_whole(tmp_path: Path) -> None:
    target = tmp_path / "folder" / "file.csv"
    with replaced(target) as staging:
        staging.write_text("first")
        assert not target.exists()
    with replaced(target) as staging:
        staging.write_text("second")
        assert target.read_text() == "first"
    assert target.read_text() == "second"


def test_a_write_that_fails_leaves_the_old_file_and_nothing_beside_it(tmp_path: Path) -> None:
    target = tmp_path / "file.csv"
    target.write_text("first")

    def write_half() -> None:
        with replaced(target) as staging:
            staging.write_text("half")
            raise OSError("the disk is full")

    with pytest.raises(OSError, match="disk"):
        write_half()
    assert target.read_text() == "first"
    assert list(tmp_path.iterdir()) == [target]


def test_a_document_is_written_as_json_that_people_can_read(tmp_path: Path) -> None:
    write_json(tmp_path / "cards" / "card.json", {"b": "Schön", "a": [1, 2]})
    assert (tmp_path / "cards" / "card.json").read_text() == '{\n  "b": "Schön",\n  "a": [\n    1,\n    2\n  ]\n}\n'
    write_json(tmp_path / "sorted.json", {"b": 1, "a": 2}, sort_keys=True)
    assert (tmp_path / "sorted.json").read_text() == '{\n  "a": 2,\n  "b": 1\n}\n'


def test_a_document_that_json_cannot_say_leaves_the_old_file(tmp_path: Path) -> None:
    path = tmp_path / "card.json"
    write_json(path, {"a": 1})
    with pytest.raises(TypeError, match="not JSON serializable"):
        write_json(path, {"a": object()})
    assert path.read_text() == '{\n  "a": 1\n}\n'
    assert list(tmp_path.iterdir()) == [path]
