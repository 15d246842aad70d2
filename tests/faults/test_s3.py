"""A source in an S3 store that fails, resets, cuts short and dawdles: what is read is whole, or nothing is."""

from pathlib import Path

from fault_bench import Bench, in_full
from s3_server import BUCKET, Relay, environment, s3_server

SOURCES = f"ingest.sources=[{{name: logos, path: 's3://{BUCKET}/'}}]"
SHARE = 0.3


@in_full
def test_a_source_that_fails_in_passing_gives_the_same_images(bench: Bench, seed: int, tmp_path: Path) -> None:
    with s3_server(bench.pipeline.logos) as url:
        for number in range(6):
            relay = Relay(url, seed + number, SHARE)
            store = bench.store_without("ingest")
            broken, well = (environment(place, tmp_path / "cache") for place in (relay.url, url))
            with bench.trial("S3 errors and slow answers", store, "--set", SOURCES, **well):
                job = bench.start(store, "--set", SOURCES, **broken)
                code, told = job.exit_code(), job.log.read_text()
                assert code == 0 or "cannot be reached" in told, told
                assert "Traceback" not in told
                assert sum(count for fault, count in relay.done.items() if fault != "none") > 3
            relay.close()
