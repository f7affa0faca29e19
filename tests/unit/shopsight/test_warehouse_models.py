"""A warehouse that other models built is told from one that today's built."""

from shopsight.settings import Settings
from shopsight.warehouse import built_by_other_models, note_models


def test_only_a_warehouse_that_todays_models_built_whole_is_kept_up(home: Settings) -> None:
    assert not built_by_other_models(home)  # there is none: nothing to build anew
    home.warehouse_path.parent.mkdir(parents=True)
    home.warehouse_path.touch()
    assert built_by_other_models(home)  # built before this was noted
    note_models(home)
    assert not built_by_other_models(home)
    note = home.warehouse_path.with_name("models.sha256")
    note.write_text("0" * 64)
    assert built_by_other_models(home)
