"""Exports lose the rows of whoever refuses: those of the person, and those of a session where no person was named."""

import pyarrow as pa
import pyarrow.parquet as pq

from shopsight.marts import export_path, read_mart
from shopsight.refusals import Refusals, take_out_of_exports
from shopsight.settings import Settings


def test_a_list_that_was_shown_to_a_session_goes_with_the_person_behind_it(home: Settings) -> None:
    table = pa.table(
        {
            "recommendation_id": ["of_ben", "of_bens_session", "of_nobody", "of_ann", "of_ann_in_bens_session"],
            "user_id": pa.array(["u_ben", None, None, "u_ann", "u_ann"]),
            "session_id": pa.array(["s_ben", "s_ben", None, None, "s_ben"]),
        }
    )
    home.exports_dir.mkdir(parents=True)
    pq.write_table(table, export_path(home, "shown_lists"))
    gone = take_out_of_exports(home, Refusals(users=frozenset({"u_ben"}), sessions=frozenset({"s_ben"})))
    assert gone == 2
    rest = read_mart(home, "shown_lists")["recommendation_id"].to_pylist()
    assert rest == ["of_nobody", "of_ann", "of_ann_in_bens_session"]
