"""Readers of the places that logos come from: folders, zip files, Parquet, LLD's HDF5, all behind one interface."""

from data.sources.opening import open_source
from data.sources.source import Entry, RawImage, Source, SourceError, hash_file

__all__ = ["Entry", "RawImage", "Source", "SourceError", "hash_file", "open_source"]
