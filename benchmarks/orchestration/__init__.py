"""What orchestration costs: our own, and that of DVC and Snakemake on a pipeline of the same shape."""
