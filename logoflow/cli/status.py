"""`logoflow status`: the state of pipelines, store and server, for people and programs."""

from typing import Annotated

import typer

from logoflow.cli.output import JsonOption, StoreOption, console
from logoflow.errors import UserError
from logoflow.run import default_store


def status(
    prom: Annotated[bool, typer.Option("--prom", help="Print Prometheus' text format.")] = False,
    watch: Annotated[bool, typer.Option("--watch", help="Show it anew each second, until Ctrl-C.")] = False,
    store: StoreOption = None,
    as_json: JsonOption = False,
) -> None:
    """Show how each pipeline stands, stage by stage; works with every server down."""
    from logoflow.cli import live
    from logoflow.monitor.gather import Observer

    if prom + watch + as_json > 1:
        raise UserError("--json, --prom and --watch exclude one another: choose one.")
    root = store or default_store()
    if watch:
        live.watch(root, console)
    elif prom:
        from logoflow.monitor.prometheus import prometheus_text

        print(prometheus_text(Observer(root).status()), end="")
    elif as_json:
        print(Observer(root).status().model_dump_json(indent=1))
    else:
        console.print(live.view(Observer(root).status(), wide=console.is_terminal))
