"""Runtimes that compute a network, behind one protocol."""
