"""Measuring this machine: what `animecam bench` and the scripts in benchmarks/ have in common."""
