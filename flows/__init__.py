"""Prefect flows: order, runner and gates, nothing else."""
