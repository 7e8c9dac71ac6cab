"""Checkpoints become ONNX files with a style card; parity with PyTorch is proved on the way."""
