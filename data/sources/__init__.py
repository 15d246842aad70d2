"""Readers of the places that logos come from, local or in an object store, all behind one interface."""

from data.sources.opening import open_source
from data.sources.source import Entry, RawImage, Source, SourceError, hash_file

__all__ = ["Entry", "RawImage", "Source", "SourceError", "hash_file", "open_source"]
