"""Status, history, metrics and the newest report over HTTP, for `logoflow up`; alone with `python -m logoflow.server`.

It only reads. On this machine's own addresses it asks for nothing, unless LOGOFLOW_PASSWORD is set; on others it does
not start without. It speaks plain HTTP: beyond a network that you trust, put it behind a proxy with TLS.
"""

import base64
import os
import secrets
from typing import Annotated

import typer
import uvicorn
from pydantic import TypeAdapter
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import FileResponse, PlainTextResponse, RedirectResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send

from logoflow.access import LOOPBACK, PASSWORD_VARIABLE, check_reach, is_loopback
from logoflow.errors import UserError
from logoflow.monitor.gather import Observer
from logoflow.monitor.model import PastRun
from logoflow.monitor.page import POLICY, status_page
from logoflow.monitor.prometheus import CONTENT_TYPE, prometheus_text
from logoflow.resolve import Place
from logoflow.run import default_store

PORT = 4280
OPEN = "/healthz"
RUNS = TypeAdapter(list[PastRun])
MOST_RUNS = 10_000


def serve(space_root: Place, host: str = LOOPBACK, port: int = PORT, password: str | None = None) -> None:
    """Serve until a signal ends it.

    Args:
        space_root: folder or s3:// address of the store; it need not be there yet.
        host: address to listen on.
        port: port to listen on; 0 takes a free one.
        password: asked of everyone, by HTTP basic authentication; any user name goes.

    Raises:
        UserError: the address can be reached from other machines, and there is no password.
    """
    check_reach(host, password)
    uvicorn.run(make_app(space_root, password), host=host, port=port, log_level="warning", server_header=False)


def make_app(space_root: Place, password: str | None = None) -> Starlette:
    """The pages of one store."""
    observer = Observer(space_root)

    def page(request: Request) -> Response:
        text = status_page(observer.status(), has_report=observer.report() is not None)
        return Response(text, media_type="text/html", headers={"Content-Security-Policy": POLICY})

    def status(request: Request) -> Response:
        return Response(observer.status().model_dump_json(), media_type="application/json")

    def runs(request: Request) -> Response:
        limit = request.query_params.get("limit", "100")
        if not limit.isascii() or not limit.isdigit() or not 1 <= int(limit) <= MOST_RUNS:
            return PlainTextResponse(f"limit is a number from 1 to {MOST_RUNS}.\n", 400)
        return Response(RUNS.dump_json(observer.runs(int(limit))), media_type="application/json")

    def metrics(request: Request) -> Response:
        return Response(prometheus_text(observer.status()), headers={"Content-Type": CONTENT_TYPE})

    def health(request: Request) -> Response:
        return PlainTextResponse("ok\n")

    def report(request: Request) -> Response:
        newest = observer.report()
        name = request.path_params["name"] or "index.html"
        if newest is None or name not in newest.manifest.files:  # what the manifest names lies inside: no way out
            return PlainTextResponse("There is no such page in the newest report.\n", 404)
        return FileResponse(newest.file(name))

    routes = [
        Route("/", page),
        Route("/status.json", status),
        Route("/runs.json", runs),
        Route("/metrics", metrics),
        Route(OPEN, health),
        Route("/report", lambda request: RedirectResponse("/report/")),
        Route("/report/{name:path}", report),
    ]
    return Starlette(routes=routes, middleware=[Middleware(Guard, password=password)])


class Guard:
    """Lets in who knows the password; without one, who asked for this machine by a name of its own.

    The second keeps out pages of other hosts that had their own name resolved to 127.0.0.1 (DNS rebinding).
    """

    def __init__(self, app: ASGIApp, password: str | None) -> None:
        self._app = app
        self._password = password

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request, or refuse it."""
        app = self._app if scope["type"] != "http" else self._answer_to(Request(scope))
        await app(scope, receive, send)

    def _answer_to(self, request: Request) -> ASGIApp:
        if request.url.path == OPEN:
            return self._app
        if self._password is not None:
            if has_password(request.headers.get("authorization", ""), self._password):
                return self._app
            return PlainTextResponse("A password is needed.\n", 401, {"WWW-Authenticate": 'Basic realm="logoflow"'})
        if is_loopback(request.url.hostname or ""):
            return self._app
        return PlainTextResponse("Ask for localhost.\n", 421)


def has_password(header: str, password: str) -> bool:
    """Whether an Authorization header holds the password; takes as long for a wrong one, whatever it begins with."""
    kind, _, value = header.partition(" ")
    try:
        given = base64.b64decode(value, validate=True).partition(b":")[2] if kind.lower() == "basic" else b""
    except ValueError:
        given = b""
    return secrets.compare_digest(given, password.encode())


def main(
    store: Annotated[str | None, typer.Option(help="Folder or s3:// address of the store.")] = None,
    host: Annotated[str, typer.Option(help=f"Address; beyond loopback {PASSWORD_VARIABLE} has to be set.")] = LOOPBACK,
    port: Annotated[int, typer.Option(help="Port.")] = PORT,
) -> None:
    """Serve the status pages of a store."""
    typer.echo(f"http://{host}:{port}")
    try:
        serve(store or default_store(), host, port, os.environ.get(PASSWORD_VARIABLE))
    except UserError as error:
        raise SystemExit(str(error)) from error


if __name__ == "__main__":
    typer.run(main)
