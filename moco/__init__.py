"""Momentum contrast for logos: an encoder that learns, without labels, to place a copy on its original."""
