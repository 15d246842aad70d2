"""Neighbours in the embedding: k-means clusters, exact nearest neighbours, and groups of duplicates."""
