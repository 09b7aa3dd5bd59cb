"""`python -m tinydldl.convert`: a checkpoint from PyTorch weights, without PyTorch.

torch_file      the arrays of a file, nothing of which is run
torch_weights   a network of ours from arrays under other names
"""
