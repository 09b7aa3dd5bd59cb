"""`python -m tinydldl.convert`: a checkpoint from PyTorch weights, without PyTorch."""
