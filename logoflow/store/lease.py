"""One builder at a time among machines: a lease on an object, which ends by itself when its holder is gone.

Two who hold it at once, since one was stopped for longer than its lease, do no harm: an artifact is published by a
conditional write, and whoever comes second takes the first one's.
"""

import json
import os
import random
import socket
import threading
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from logoflow.errors import UserError
from logoflow.store.bucket import Bucket, as_json

SECONDS_VARIABLE = "LOGOFLOW_LEASE_S"
LEASE_S = 60.0
"""Who does not renew a lease for so long has lost it; it is renewed three times as often."""
POLL_S = 2.0


@contextmanager
def leased(bucket: Bucket, key: str) -> Iterator[None]:
    """Hold a lease alone; wait until that is possible."""
    lease = Lease(bucket, key, float(os.environ.get(SECONDS_VARIABLE, LEASE_S)))
    while not lease.claim():
        time.sleep(min(POLL_S, lease.seconds / 3) * random.uniform(0.5, 1))
    stop = threading.Event()
    renewing = threading.Thread(target=lease.keep, args=(stop,), daemon=True)
    renewing.start()
    try:
        yield
    finally:
        stop.set()
        renewing.join()
        lease.end()


class Lease:
    """The lease of one holder. Ages are told by the store's clock, so that those of the machines may differ."""

    def __init__(self, bucket: Bucket, key: str, seconds: float) -> None:
        self.seconds = seconds
        self._bucket = bucket
        self._key = key
        self._holder = f"{socket.gethostname()} {os.getpid()} {uuid.uuid4().hex}"
        self._etag: str | None = None
        self._renewed = 0

    def claim(self) -> bool:
        """Take the lease if it is free or has ended."""
        found = self._bucket.read(self._key)
        if found is None:
            self._etag = self._bucket.write_new(self._key, self._body(self.seconds))
            return self._etag is not None
        told = json.loads(found.data)
        if told["holder"] == self._holder:
            self._etag = found.etag  # taken before, but the answer was lost
        elif found.age_s >= told["seconds"]:
            self._etag = self._bucket.replace(self._key, self._body(self.seconds), found.etag)
        return self._etag is not None

    def keep(self, stop: threading.Event) -> None:
        """Renew the lease until told to stop, or until it is another's."""
        while not stop.wait(self.seconds / 3) and self._etag is not None:
            with suppress(UserError):  # unreachable for a moment: tried again, and the lease ends if that goes on
                self._etag = self._bucket.replace(self._key, self._body(self.seconds), self._etag) or self._mine()

    def end(self) -> None:
        """Give it back, unless it is another's by now: an object that says so stays behind."""
        if self._etag is not None:
            with suppress(UserError):
                self._bucket.replace(self._key, self._body(0), self._etag)
            self._etag = None

    def _mine(self) -> str | None:
        """The ETag of the lease if it is still this holder's: the answer to a renewal may have been lost."""
        found = self._bucket.read(self._key)
        return found.etag if found is not None and json.loads(found.data)["holder"] == self._holder else None

    def _body(self, seconds: float) -> bytes:
        self._renewed += 1  # another ETag each time, so that whoever saw an older one replaces nothing
        return as_json({"holder": self._holder, "seconds": seconds, "renewed": self._renewed})


def is_leased(bucket: Bucket, key: str) -> bool:
    """Whether someone holds a lease at this moment."""
    found = bucket.read(key)
    return found is not None and found.age_s < json.loads(found.data)["seconds"]
