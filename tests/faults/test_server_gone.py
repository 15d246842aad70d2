"""Prefect's server dies while a run works: what the run made is kept, and nothing stays Running in either book."""

from fault_bench import Bench, in_full, moments, reaches

KILLS = 8


@in_full
def test_a_server_killed_in_mid_run_costs_no_work(bench: Bench, seed: int) -> None:
    killed = 0
    for stage, share in moments(seed + 1):
        store = bench.store_without(stage)
        job = bench.start(store)
        if not reaches(job, store, stage, share * bench.duration_s[stage]):
            job.exit_code()
            continue
        with bench.trial("kill -9 of Prefect's server", store):
            bench.server.kill()
            bench.server.start()
            job.exit_code()  # it goes on without a server, and may fail to tell its end
        killed += 1
        if killed == KILLS:
            break
