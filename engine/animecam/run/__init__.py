"""A run: what it opens, its three threads, what it counts and tells."""
