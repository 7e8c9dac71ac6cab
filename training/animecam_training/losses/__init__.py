"""Every term of the training losses, each a function from tensors to one number.

All compute in fp32 whatever they are given, and average over the batch, so that weights do not depend on its size.
"DTGAN" in the docstrings is Liu, Chen, Gao, IEICE Trans. Inf. & Syst. E107-D(1), 2024.
"""
