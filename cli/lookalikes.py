"""``shopsight lookalikes``: whom else to write to, by what the approved recommender sees in their history."""

from collections.abc import Sequence

from rich.table import Table

from cli.console import out, print_json
from shopsight.errors import ShopsightError
from shopsight.marts import export_path
from shopsight.privacy import Pseudonymiser
from shopsight.refusals import without_refusals
from shopsight.settings import Settings


def show_look_alikes(users: Sequence[str], *, count: int, as_json: bool) -> None:
    """Print the shoppers most like ``users``, most alike first.

    Raises:
        ShopsightError: there are no embeddings, or none of the users has one.
    """
    import pyarrow.parquet as pq

    from models.recommender.vectors.embeddings import look_alikes

    settings = Settings()
    path = export_path(settings, "user_embeddings")
    if not path.exists():
        raise ShopsightError(
            f"there are no embeddings of shoppers: {path} is missing",
            why="they are written once a recommender with vectors is approved",
            fix="run `shopsight run`, approve the recommender, then materialise the asset `recommender_embeddings`",
        )
    # The file is as old as the recommender's last round: whoever refused since is passed over.
    table = without_refusals(pq.read_table(path), settings)
    pseudonyms = Pseudonymiser.from_settings(settings)
    seeds = [key for user in users for key in (pseudonyms.user(user), pseudonyms.anonymous(user), user)]
    users_placed = set(table["user_id"].to_pylist())
    look_alike_users = look_alikes(table, [seed for seed in seeds if seed in users_placed], count=count)
    if not look_alike_users:
        raise ShopsightError(
            f"nobody is known to be like {', '.join(users)}",
            why="none of them has a history that the approved recommender can read, or all forbid personal use",
            fix="name shoppers with views, carts or purchases, or run the chain after their events were imported",
        )
    groups = dict(zip(table["user_id"].to_pylist(), table["taste_group"].to_pylist(), strict=True))
    rows = [
        {"user_id": name, "cosine": round(cosine, 4), "taste_group": groups[name]} for name, cosine in look_alike_users
    ]
    if as_json:
        print_json(rows)
        return
    result = Table("shopper", "cosine", "taste group", title=f"Most like {', '.join(users)}")
    for row in rows:
        result.add_row(row["user_id"], f"{row['cosine']:.3f}", str(row["taste_group"]))
    out.print(result)
