"""kill -9 at moments that a seed draws, over all stages; the run after it ends as if nothing had been."""

import os

from fault_bench import FULL, Bench, moments, reaches


def test_a_killed_flow_process_loses_nothing(bench: Bench, seed: int) -> None:
    wanted, killed = int(os.environ.get("FAULTS_KILLS", "100" if FULL else "2")), 0
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
