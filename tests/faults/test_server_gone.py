"""Prefect's server dies while a run works: what the run made is kept, and nothing stays Running in either book."""

from fault_bench import Bench, in_full

KILLS = 8


@in_full
def test_a_server_killed_in_mid_run_costs_no_work(bench: Bench, seed: int) -> None:
    for job, store in bench.jobs_at_work(seed + 1, KILLS):
        with bench.trial("kill -9 of Prefect's server", store):
            bench.server.kill()
            bench.server.start()
            job.exit_code()  # it goes on without a server, and may fail to tell its end
