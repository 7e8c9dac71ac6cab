"""Picture operations: differentiable or batched ones in torch, those of data preparation in numpy."""
