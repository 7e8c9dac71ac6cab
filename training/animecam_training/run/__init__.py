"""A training run: how it starts, goes on, stops, and what it keeps."""
