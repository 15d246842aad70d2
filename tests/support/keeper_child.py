"""A keeper of sleeping services, as `logoflow up` is one of Prefect's: keeper_child.py STORE."""

import os
import sys
from pathlib import Path

from logoflow.up.keeper import Asked, Keeper, Service
from logoflow.up.place import Home

SLEEPER = "import time; print('asleep', flush=True); time.sleep(600)"
PARENT = f"import subprocess, sys; subprocess.Popen([sys.executable, '-c', {SLEEPER!r}], start_new_session=True).wait()"
"""A service with a child in a session of its own, as a flow is one of Prefect's worker."""


def main() -> None:
    """Keep until a signal comes."""
    keeper = Keeper(Home(Path(sys.argv[1])), os.environ, lambda sentence: print(sentence, flush=True))
    try:
        keeper.start(Service("server", (sys.executable, "-c", SLEEPER)))
        keeper.start(Service("worker", (sys.executable, "-c", PARENT)))
        print("ready", flush=True)
        keeper.keep()
    except Asked:
        keeper.end()
        print("ended", flush=True)


if __name__ == "__main__":
    main()
