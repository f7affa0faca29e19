"""The pictures of the shop's pages: thumbnails of items, and the search by a picture that somebody uploads."""

from collections.abc import Callable, Mapping
from typing import Any, Final
from urllib.parse import quote

import httpx
import pyarrow as pa
import pyarrow.parquet as pq
from starlette.requests import Request
from starlette.responses import FileResponse, JSONResponse, Response

from serving.http.body_reading import BodyReader
from serving.pictures.home_pictures import EMBEDDINGS
from shopsight.marts import export_path
from shopsight.settings import Settings
from shopsight.whole_files import FileVersion, version_of

MAX_UPLOAD: Final = 2_000_000
"""The page makes a photo smaller before it sends it."""
NUM_FOUND: Final = 24
SECONDS: Final = 10.0
Headers = Mapping[str, str]


class ShopPictures:
    """Shows pictures of items, and passes uploads on to the search."""

    def __init__(self, settings: Settings, client: httpx.AsyncClient, *, key: Headers, headers: Headers) -> None:
        """Make one.

        Args:
            settings: where the search is, and where the pictures lie.
            client: asks the search.
            key: the header with the shop's API key; empty where it has none.
            headers: of every answer.
        """
        self._export = export_path(settings, EMBEDDINGS)
        self._thumbnails = settings.thumbnails_dir
        self._search = f"http://{settings.host}:{settings.search_port}/v1/search/image"
        self._client, self._key, self._headers = client, key, headers
        self._bodies = BodyReader(max_bytes=MAX_UPLOAD, seconds=SECONDS, max_senders=4)
        self._seen: FileVersion | None = None
        self._digests: dict[str, str] = {}

    def address(self, item_id: str) -> str | None:
        """Return where a page finds the picture of an item; None where it has none."""
        return f"/api/pictures/{quote(item_id, safe='')}" if item_id in self._digest_of() else None

    async def thumbnail(self, request: Request) -> Response:
        """Return the picture of an item, made anew from its pixels."""
        digest = self._digest_of().get(request.path_params["item_id"])
        path = self._thumbnails / f"{digest}.webp"
        if digest is None or not path.is_file():
            return JSONResponse({"detail": "There is no picture of it."}, status_code=404, headers=self._headers)
        return FileResponse(path, media_type="image/webp", headers={**self._headers, "cache-control": "max-age=300"})

    async def search(self, request: Request, with_goods: Callable[[Mapping[str, Any], str], Response]) -> Response:
        """Return the items that look like an uploaded picture.

        Args:
            request: its body is the picture.
            with_goods: adds what the shop knows of the items.
        """
        body = await self._bodies.read(request.receive)
        if not isinstance(body, bytes):
            status, detail = (400, "") if body is None else (body.status, body.detail)
            return JSONResponse({"detail": detail}, status, {**self._headers, "connection": "close"})
        headers = {**self._key, "content-type": request.headers.get("content-type", "application/octet-stream")}
        try:
            answer = await self._client.post(
                self._search, params={"num_results": NUM_FOUND}, content=body, headers=headers
            )
        except httpx.TransportError:
            problem = "The search does not answer. `make up` starts it once a model is approved (`make demo`)."
            return JSONResponse({"detail": problem}, status_code=503, headers=self._headers)
        document = answer.json()
        if answer.status_code != 200:
            return JSONResponse(document, answer.status_code, self._headers)
        return with_goods(document | {"items": [item | {"reasons": []} for item in document["items"]]}, "items")

    def _digest_of(self) -> Mapping[str, str]:
        """Return the digest of each item's picture, read anew where the export changed."""
        seen = version_of(self._export)
        if seen != self._seen:
            self._seen = seen
            try:
                table = pq.read_table(self._export, columns=["item_id", "digest"]) if seen else None
            except (OSError, ValueError, pa.ArrowException):  # the pages draw their own where there is none
                table = None
            columns = [] if table is None else [table[name].to_pylist() for name in ("item_id", "digest")]
            self._digests = dict(zip(*columns, strict=True)) if columns else {}
        return self._digests
