"""NVIDIA GPUs: memory, streams, events, graphs and kernels, thin and closable."""
