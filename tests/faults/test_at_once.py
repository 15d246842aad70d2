"""Two runs at once in one store: each stage has one builder, and both end well."""

from collections import Counter

from fault_bench import Bench, in_full

from logoflow.stages import STAGES
from logoflow.status import read_runs
from logoflow.store.ledger import Ledger


@in_full
def test_two_runs_at_once_share_the_work(bench: Bench) -> None:
    for _ in range(4):
        store = bench.store_without(*STAGES)
        with bench.trial("two runs at once", store):
            jobs = [bench.start(store) for _ in range(2)]
            assert [job.exit_code() for job in jobs] == [0, 0]
            newest = read_runs(Ledger(store / ".ledger.sqlite"))[:2]
            states = Counter(stage.state for run in newest for stage in run.stages.values())
            assert states == {"built": len(STAGES), "cached": len(STAGES)}
