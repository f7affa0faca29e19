from pathlib import Path

import pytest

from shopsight.whole_files import replaced


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
