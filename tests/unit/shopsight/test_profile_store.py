"""The file of all profiles: one is looked up by its key, a new state takes its place whole, and who leaves is gone."""

from collections.abc import Iterable

import pytest

from shopsight.profile_store import ProfileStore, take_out_of_profiles, write_profiles
from shopsight.refusals import Refusals, take_out_of_exports
from shopsight.settings import Settings

ALIKE = [("u_ann", 1, "u_ben", 0.9), ("u_ann", 2, "u_eve", 0.8), ("u_ben", 1, "u_ann", 0.9)]


def write(
    home: Settings, users: Iterable[str], *, said: str = "likes tents", refused: frozenset[str] = frozenset()
) -> int:
    documents = ({"user_id": user, "lines": [{"value": said}]} for user in users)
    return write_profiles(home, documents, ALIKE, about={"made_at": "today"}, refused=lambda: refused)


def test_a_profile_is_looked_up_by_its_key_with_look_alikes_the_most_alike_first(home: Settings) -> None:
    assert write(home, ["u_ann", "u_ben", "u_eve"]) == 3
    store = ProfileStore.of(home)
    assert store.read("u_ann") == {
        "user_id": "u_ann",
        "lines": [{"value": "likes tents"}],
        "look_alikes": [("u_ben", 0.9), ("u_eve", 0.8)],
    }
    assert store.about == {"made_at": "today"}


def test_nobody_is_found_who_is_not_there(home: Settings) -> None:
    store = ProfileStore.of(home)
    assert store.read("u_ann") is None
    assert not store.look()
    write(home, ["u_ann"])
    assert store.read("u_ben") is None


def test_an_open_store_takes_up_the_next_state(home: Settings) -> None:
    write(home, ["u_ann"])
    store = ProfileStore.of(home)
    store.read("u_ann")
    write(home, ["u_ann"], said="likes boats")
    assert (store.read("u_ann") or {})["lines"] == [{"value": "likes boats"}]


def test_a_state_that_fails_half_way_leaves_the_one_before(home: Settings) -> None:
    write(home, ["u_ann"])

    def users() -> Iterable[str]:
        yield "u_ben"
        raise OSError("the disk is full")

    with pytest.raises(OSError, match="disk"):
        write(home, users())
    assert ProfileStore.of(home).read("u_ann") is not None
    assert [path.name for path in home.profiles_path.parent.glob("profiles*")].count("profiles.staging") == 0


def test_who_leaves_is_gone_from_the_look_alikes_of_others_and_from_the_bytes_of_the_file(home: Settings) -> None:
    write(home, ["u_ann", "u_ben", "u_eve"])
    store = ProfileStore.of(home)
    assert take_out_of_exports(home, Refusals(users=frozenset({"u_ben"}), sessions=frozenset())) == 1
    assert store.read("u_ben") is None
    assert (store.read("u_ann") or {})["look_alikes"] == [("u_eve", 0.8)]
    assert b"u_ben" not in home.profiles_path.read_bytes()


def test_a_file_without_those_who_leave_stays_as_it_is(home: Settings) -> None:
    write(home, ["u_ann"])
    before = home.profiles_path.stat()
    assert take_out_of_profiles(home, frozenset({"u_zoe"})) == 0
    assert home.profiles_path.stat() == before


def test_who_refused_while_the_profiles_were_made_is_not_among_them(home: Settings) -> None:
    assert write(home, ["u_ann", "u_ben"], refused=frozenset({"u_ann"})) == 1
    assert ProfileStore.of(home).read("u_ann") is None
