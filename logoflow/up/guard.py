"""Ends what `logoflow up` has started when `up` itself dies, by kill -9 too: `python -m logoflow.up.guard STORE`.

`up` holds the other end of its standard input, which the kernel closes whatever happens.
"""

import signal
import sys
from pathlib import Path

from logoflow.up.processes import end_all


def main() -> None:
    """Wait for the end of `up`."""
    signal.signal(signal.SIGTERM, signal.SIG_IGN)  # there is something to guard as long as `up` lives
    sys.stdin.buffer.read()
    end_all(Path(sys.argv[1]))


if __name__ == "__main__":
    main()
