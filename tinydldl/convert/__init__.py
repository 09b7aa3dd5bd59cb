"""`python -m tinydldl.convert`: a checkpoint from PyTorch weights, without PyTorch.

torch_file      the arrays in a file, without running any of it
torch_weights   a network of ours from arrays with other names
"""
