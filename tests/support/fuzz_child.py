"""Takes in one file after the other, named on standard input; tells of each what became of it, on standard output."""

import json
import resource
import sys
import warnings
from pathlib import Path

from data.images import Limits
from data.intake import take_in
from data.sources import Entry, RawImage, SourceError, open_source

ADDRESS_SPACE = 4 * 2**30
LIMITS = Limits(max_side=3000, max_pixels=4_000_000)


def account(path: Path) -> dict[str, int | str]:
    """How many images a file offered, and how many of them were accepted and turned away."""
    if path.suffix == ".image":
        images, offered = iter([RawImage(Entry(path.name, 0, "v"), data=path.read_bytes())]), 1
    else:
        try:
            source = open_source("fuzz", path)
            entries = source.entries()
            images, offered = source.read(entries), len(entries)
        except SourceError as error:
            return {"refused": str(error)}
    accepted = rejected = 0
    try:
        for taken in take_in("fuzz", "", images, LIMITS):
            assert (taken.row is None) == (taken.outcome.reason is not None)
            assert "MemoryError" not in taken.outcome.detail, taken.outcome.detail
            accepted += taken.row is not None
            rejected += taken.row is None
    except SourceError as error:  # the file is damaged where only reading notices
        return {"refused": str(error)}
    assert accepted + rejected == offered
    return {"accepted": accepted, "rejected": rejected}


def peak_mib() -> int:
    """The most memory that this process has held; getrusage would tell of the process that started it, too."""
    status = Path("/proc/self/status").read_text()
    return int(status.partition("VmHWM:")[2].split()[0]) // 1024


def main() -> None:
    """Answer line for line."""
    resource.setrlimit(resource.RLIMIT_AS, (ADDRESS_SPACE, ADDRESS_SPACE))
    warnings.simplefilter("ignore")
    for line in sys.stdin:
        told = account(Path(line.rstrip("\n")))
        print(json.dumps({**told, "peak_mib": peak_mib()}), flush=True)


if __name__ == "__main__":
    main()
