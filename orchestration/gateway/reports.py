"""The report folder over HTTP: browsers open no ``file:`` link from the web UI's pages."""

import os
from pathlib import Path
from typing import Final

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles
from starlette.types import Scope

from orchestration.gateway import pages
from orchestration.gateway.report_index import reports_of

POLICY: Final = (
    "sandbox allow-scripts allow-downloads; default-src 'none'; script-src 'unsafe-inline' 'unsafe-eval'; "
    "style-src 'unsafe-inline'; img-src data: blob: 'self'; font-src data:; base-uri 'none'; form-action 'none'"
)
"""What a report may do: run the scripts it carries, and ask nobody for anything.

Reports hold texts of shoppers. In the sandbox a report has an origin of its own, so that a text that became a script
could neither use the login nor call a server; it could still lead the person to another page, as any link can.
"""


class Reports(StaticFiles):
    """The files of a folder, without dot files and without what a link finds elsewhere."""

    def lookup_path(self, path: str) -> tuple[str, os.stat_result | None]:
        """Find a file: Starlette looks where its name leads after every link, and refuses what lies outside."""
        if any(part.startswith(".") for part in path.split(os.sep)):
            return "", None
        return super().lookup_path(path)

    async def get_response(self, path: str, scope: Scope) -> Response:
        """Answer with a file, under the policy for reports."""
        answer = await super().get_response(path, scope)
        answer.headers["content-security-policy"] = POLICY
        answer.headers["cache-control"] = "no-cache"  # a report of the same name is written anew
        return answer


def reports_app(folder: Path) -> Starlette:
    """Return the application that lists and serves the reports of a folder."""
    reports = Reports(directory=folder, check_dir=False)

    def listed(_request: Request) -> Response:
        return HTMLResponse(pages.reports_page(reports_of(folder)), headers={"content-security-policy": pages.POLICY})

    async def report(scope: Scope, receive: object, send: object) -> None:
        await reports(scope, receive, send)  # type: ignore[arg-type]

    return Starlette(routes=[Route("/", listed), Mount("/", report)])
