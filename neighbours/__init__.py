"""Neighbours in the embedding: k-means clusters, nearest neighbours, and groups of duplicates."""
