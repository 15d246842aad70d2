"""kill -9 at moments that a seed draws, over all stages; the run after it ends as if nothing had been."""

import os

from fault_bench import FULL, Bench

KILLS = int(os.environ.get("FAULTS_KILLS", "100" if FULL else "2"))


def test_a_killed_flow_process_loses_nothing(bench: Bench, seed: int) -> None:
    for job, store in bench.jobs_at_work(seed, KILLS):
        with bench.trial("kill -9 of the flow process", store):
            job.kill()
