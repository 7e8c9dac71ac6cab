"""TensorRT engines: which runtime, how they are built, where they are kept."""
