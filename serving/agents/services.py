"""Asks the other services over HTTP, as any client does."""

from collections.abc import Mapping
from typing import Any, Final

import httpx

from shopsight.families import COLLECTOR
from shopsight.settings import Settings

SECONDS: Final = 8.0
"""Longest wait for a service."""


class RefusedError(Exception):
    """What an agent is told instead of an answer."""

    def __init__(self, code: str, words: str) -> None:
        super().__init__(words)
        self.code = code
        self.words = words


class Services:
    """The search service, the recommender and the collector."""

    def __init__(self, settings: Settings, client: httpx.AsyncClient) -> None:
        """Make one.

        Args:
            settings: where the services are, and the API key that they are shown where they want one.
            client: asks them.
        """
        self._settings, self._client = settings, client
        key = settings.agents_key
        self._headers = {"x-api-key": key.get_secret_value()} if key else {}

    async def search(self, body: Mapping[str, Any]) -> dict[str, Any]:
        """Return the answer of ``POST /v1/search``.

        Raises:
            RefusedError: no search service is running, or it refuses the request.
        """
        missing = "No search service is running. It starts once a search model is approved: `shopsight status`."
        return await self._post("search", self._settings.search_port, "/v1/search", body, missing=missing)

    async def recommend(self, body: Mapping[str, Any]) -> dict[str, Any]:
        """Return the answer of ``POST /v1/recommendations``.

        Raises:
            RefusedError: no recommender is running, or it refuses the request.
        """
        missing = "No recommender is running. It starts once a recommender is approved: `shopsight status`."
        return await self._post(
            "recommender", self._settings.recommendation_port, "/v1/recommendations", body, missing=missing
        )

    async def collect(self, events: list[dict[str, Any]]) -> dict[str, Any]:
        """Return what the collector says of events.

        Raises:
            RefusedError: no collector is running, or it refuses the request.
        """
        missing = "No collector is running."
        return await self._post(
            COLLECTOR, self._settings.collector_port, "/v1/events", {"events": events}, missing=missing
        )

    async def _post(
        self, service: str, port: int, path: str, body: Mapping[str, Any], *, missing: str
    ) -> dict[str, Any]:
        template = self._settings.agents_services_url or f"http://{self._settings.host}:{{port}}"
        base = template.replace("{service}", service).replace("{port}", str(port))
        try:
            answer = await self._client.post(base + path, json=body, headers=self._headers, timeout=SECONDS)
            content: dict[str, Any] = answer.json()
        except (httpx.TransportError, ValueError) as error:
            raise RefusedError("service_unavailable", missing) from error
        if answer.status_code < 300:
            return content
        detail = str(content.get("detail") or f"It answered {answer.status_code}.")
        if answer.status_code in (401, 403):
            fix = "Set SHOPSIGHT_AGENTS_KEY to a key with the scopes read and write."
            raise RefusedError("service_refused", f"{path} wants an API key from the agents' service: {detail} {fix}")
        if answer.status_code == 422:
            wrong = "; ".join(
                f"{'.'.join(map(str, one['loc']))}: {one['msg']}" for one in content.get("errors", [])[:3]
            )
            raise RefusedError("invalid_request", wrong or detail)
        raise RefusedError("service_unavailable", f"{path} does not answer: {detail}")
