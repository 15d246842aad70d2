"""Runs logoflow in forks of a process that has everything loaded, which spares each run eight seconds and more.

Reads jobs as JSON, one a line, from standard input, and answers on standard output: a command line, by the number of
the process that it runs in; `{"wait": number}`, by the exit status, negative for a signal.
"""

import json
import os
import sys
from importlib import import_module
from pathlib import Path
from typing import Any

LATE = ("faiss", "flows.pipeline", "matplotlib.pyplot", "sklearn.cluster", "torch._dynamo")
"""What the stages load when they run; none of it starts a thread, which no fork would take over."""


def begin(job: dict[str, Any]) -> None:
    """Become the process of a job: a session, an environment and a log of its own."""
    os.setsid()
    with Path("/dev/null").open() as nothing, Path(job["log"]).open("ab") as log:
        for own, stream in ((nothing, 0), (log, 1), (log, 2)):
            os.dup2(own.fileno(), stream)
    os.environ.update(job.get("environment", {}))
    sys.argv = ["logoflow", *job["arguments"]]


def main() -> None:
    """Answer jobs until there are no more."""
    for name in LATE:
        import_module(name)
    command_line = import_module("logoflow.cli.main").main
    print("ready", flush=True)
    while line := os.read(0, 2**16):
        job = json.loads(line)
        if "wait" in job:
            print(os.waitstatus_to_exitcode(os.waitpid(job["wait"], 0)[1]), flush=True)
        elif child := os.fork():
            print(child, flush=True)
        else:
            begin(job)
            command_line()


if __name__ == "__main__":
    main()
