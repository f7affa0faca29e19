"""The routes of the picture search, for a service to mount: a picture in, items out."""

from collections.abc import Callable
from functools import partial
from typing import Annotated, Any, Final

import anyio
import anyio.to_thread
from fastapi import FastAPI, Query
from starlette.exceptions import HTTPException
from starlette.requests import Request as HttpRequest
from starlette.responses import Response

from models.pictures.reading import MAX_BYTES
from serving.app import JsonAnswer
from serving.http.problems import ProblemError
from serving.pictures.schemas import ImageOptions, LooksRequest, PictureAnswer
from serving.pictures.shelf import PictureShelf

UPLOADS: Final = {"/v1/search/image": MAX_BYTES + 10_000}
"""Addresses that take a picture as it is, and the most bytes that the guard lets in: a multipart body has some more."""
PICTURE_TYPES: Final = ("image/jpeg", "image/png", "image/webp", "application/octet-stream")
MULTIPART: Final = "multipart/form-data"
_AT_ONCE: Final = 1
"""Pictures that are decoded at once: each may take 200 MB while it is."""
BODY: Final[dict[str, Any]] = {
    "requestBody": {
        "required": True,
        "description": "The picture itself, of up to 8 MB; or a form with the picture in the field `image`.",
        "content": {
            **{kind: {"schema": {"type": "string", "format": "binary"}} for kind in PICTURE_TYPES},
            MULTIPART: {
                "schema": {
                    "type": "object",
                    "properties": {"image": {"type": "string", "format": "binary"}},
                    "required": ["image"],
                }
            },
        },
    }
}


def add_picture_routes(app: FastAPI, shelf: Callable[[], PictureShelf]) -> None:
    """Add ``POST /search/image`` and ``POST /search/looks`` to the app of a service.

    Args:
        app: is mounted at ``/v1``, and answers problems.
        shelf: returns what answers, once the service has started.
    """
    limiter = anyio.CapacityLimiter(_AT_ONCE)

    @app.post("/search/image", response_model=PictureAnswer, tags=["Pictures"], openapi_extra=BODY)
    async def search_image(request: HttpRequest, options: Annotated[ImageOptions, Query()]) -> Response:
        """Find the items that look like a picture."""
        data = await _picture_in(request)
        work = partial(shelf().by_picture, data, num_results=options.num_results)
        return JsonAnswer(await anyio.to_thread.run_sync(work, limiter=limiter))

    @app.post("/search/looks", response_model=PictureAnswer, tags=["Pictures"])
    async def search_looks(request: LooksRequest) -> Response:
        """Find the items that look like items of the catalogue, or like what a text says."""
        if request.text is not None:
            work = partial(shelf().by_text, request.text, num_results=request.num_results)
        else:
            work = partial(shelf().like_items, request.item_ids or [], num_results=request.num_results)
        return JsonAnswer(await anyio.to_thread.run_sync(work, limiter=limiter))


async def _picture_in(request: HttpRequest) -> bytes:
    """Return the bytes of the picture in a request.

    Raises:
        ProblemError: there is no picture where one is expected (415, 422).
    """
    media_type = request.headers.get("content-type", "").split(";")[0].strip().lower()
    if media_type in PICTURE_TYPES:
        return await request.body()
    if media_type != MULTIPART:
        kinds = ", ".join((*PICTURE_TYPES, MULTIPART))
        raise ProblemError(415, f"Send the picture as one of {kinds}; this is {media_type or 'of no type'}.")
    try:
        async with request.form(max_files=1, max_fields=4) as form:
            image = form.get("image")
            if image is None or isinstance(image, str):
                raise ProblemError(422, "The form has no file in its field `image`.", code="picture_missing")
            return await image.read()
    except HTTPException as error:
        raise ProblemError(400, f"The form cannot be read: {error.detail}") from error
