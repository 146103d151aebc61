"""GraphiQL at the GraphQL address, and the files that the built pages load.

    Route("/graphql", GraphiQL(graphql_api)),           # a browser gets the page, everybody else the API
    WebSocketRoute("/graphql", graphql_api),
    static_assets(),                                    # /static/assets/…

The pages are built by `make pages` into `app/web/static`; until then a browser is told so.
"""

import os
from pathlib import Path

from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import Mount
from starlette.staticfiles import StaticFiles
from starlette.types import ASGIApp, Receive, Scope, Send

STATIC = Path(__file__).parent / "static"

# Everything from our own origin. Two things are laxer, both for GraphiQL's editor: it places text with style
# attributes, and its style sheets carry fonts and small pictures as data: addresses.
CONTENT_SECURITY_POLICY = (
    "default-src 'self'; style-src 'self' 'unsafe-inline'; font-src 'self' data:; img-src 'self' data:; "
    "object-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)

# Workers obey the policy that their own script came with, so the assets carry these too.
SECURITY_HEADERS = {
    "content-security-policy": CONTENT_SECURITY_POLICY,
    "referrer-policy": "no-referrer",
    "x-content-type-options": "nosniff",
}

API_MEDIA_TYPES = frozenset(
    {"application/graphql-response+json", "application/json", "multipart/mixed", "text/event-stream"}
)

NOT_BUILT = """<!doctype html>
<html lang="en">
  <head><meta charset="utf-8"><title>paygate · pages not built</title></head>
  <body>
    <h1>The web pages have not been built</h1>
    <p>Run <code>make pages</code> in the project's folder, then load this page again.
    The API works without them: <code>POST /graphql</code>.</p>
  </body>
</html>
"""


class GraphiQL:
    """Shows GraphiQL to a browser that opens the address; any other request goes to the API behind it."""

    def __init__(self, api: ASGIApp, static: Path = STATIC) -> None:
        self._api = api
        self._static = static

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] == "http" and wants_page(Request(scope)):
            await built_page("graphiql", self._static)(scope, receive, send)
        else:
            await self._api(scope, receive, send)


def wants_page(request: Request) -> bool:
    """Whether a person is looking: HTML is asked for by name, and nothing that the API itself answers."""
    accepted = {part.partition(";")[0].strip().lower() for part in request.headers.get("accept", "").split(",")}
    return request.method in {"GET", "HEAD"} and "text/html" in accepted and accepted.isdisjoint(API_MEDIA_TYPES)


def built_page(name: str, static: Path = STATIC) -> HTMLResponse:
    """Give the page of that name, or a note on how to build it."""
    # The page names its assets by hash: a stale copy of it would ask for files that a new build has removed.
    headers = SECURITY_HEADERS | {"cache-control": "no-cache", "vary": "accept"}
    try:
        return HTMLResponse((static / name / "index.html").read_text("utf-8"), headers=headers)
    except FileNotFoundError:
        return HTMLResponse(NOT_BUILT, status_code=503, headers=headers)


def static_assets(static: Path = STATIC) -> Mount:
    """Route what the pages load; their addresses begin with /static/assets."""
    return Mount("/static/assets", app=HashedAssets(static / "assets"), name="static_assets")


class HashedAssets(StaticFiles):
    """Files whose names change with their content: a browser never needs to ask for one twice."""

    def __init__(self, directory: Path) -> None:
        super().__init__(directory=directory, check_dir=False)
        # A folder that is not there yet is 404 for each file, not a fault of the server.
        self.config_checked = True

    def file_response(
        self,
        full_path: str | os.PathLike[str],
        stat_result: os.stat_result,
        scope: Scope,
        status_code: int = 200,
    ) -> Response:
        """Serve one file that was found."""
        response = super().file_response(full_path, stat_result, scope, status_code)
        response.headers["cache-control"] = "public, max-age=31536000, immutable"
        response.headers.update(SECURITY_HEADERS)
        return response
