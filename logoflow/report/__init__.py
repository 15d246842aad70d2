"""The report of a run: a folder of static HTML that works from disk, on a phone and without network."""
