"""`logoflow notify`: a webhook hears of runs that failed, of broken gates and of nightlies that are late."""

import json
import os
import urllib.error
import urllib.request
from datetime import timedelta
from typing import Annotated

import typer

from logoflow.access import WEBHOOK_VARIABLE
from logoflow.cli.output import StoreOption, console
from logoflow.errors import UserError
from logoflow.run import default_store
from logoflow.up.place import use_server

PATIENCE_S = 10


def notify(
    url: Annotated[
        str | None,
        typer.Argument(help="Where JSON is posted to.", envvar=WEBHOOK_VARIABLE, show_envvar=True, show_default=False),
    ] = None,
    late_minutes: Annotated[float, typer.Option(min=1 / 6, help="How long a nightly may wait for a worker.")] = 10,
    store: StoreOption = None,
) -> None:
    """Have the server of `logoflow up`, or in PREFECT_API_URL, tell a webhook what goes wrong; first it says hello."""
    if not url or not url.startswith(("http://", "https://")):
        raise UserError(f"no address was given: name one that begins with https://, or set {WEBHOOK_VARIABLE}.")
    use_server(store or default_store())
    if not os.environ.get("PREFECT_API_URL"):
        raise UserError("there is no server to tell it: start one by `logoflow up`, or name it in PREFECT_API_URL.")
    say_hello(url)
    from flows import automations

    automations.end_silent_runs()
    automations.notify(url, timedelta(minutes=late_minutes))
    console.print("The webhook is told of failed runs, broken gates and late nightlies from now on.")


def say_hello(url: str) -> None:
    """Post a first message.

    Raises:
        UserError: nobody takes it.
    """
    text = "logoflow tells here of runs that failed, of broken gates and of nightlies that are late."
    body = json.dumps({"event": "hello", "text": text}).encode()
    request = urllib.request.Request(url, body, {"Content-Type": "application/json"})
    try:
        urllib.request.urlopen(request, timeout=PATIENCE_S).close()
    except (OSError, ValueError) as error:  # neither may hold the address, which is a secret
        why = f"it answers {error.code}" if isinstance(error, urllib.error.HTTPError) else "nothing answers there"
        raise UserError(f"the webhook cannot be reached ({why}): check its address.") from None
