"""kill -9 at moments that a seed draws, over all stages; the run after it ends as if nothing had been."""

import os

from fault_bench import Bench, moments, reaches


def test_a_killed_flow_process_loses_nothing(bench: Bench, full: bool, seed: int) -> None:
    wanted, killed = (int(os.environ.get("FAULTS_KILLS", "76")) if full else 4), 0
    for stage, share in moments(seed):
        store = bench.store_without(stage)
        job = bench.start(store)
        if not reaches(job, store, stage, share * bench.duration_s[stage]):
            job.exit_code()
            continue
        with bench.trial("kill -9 of the flow process", store):
            job.kill()
        killed += 1
        if killed == wanted:
            break
