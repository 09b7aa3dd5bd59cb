"""`python -m tinydldl.convert`: a checkpoint from PyTorch weights, without PyTorch.

unpickle        the object in a pickle, without running any of it
torch_file      the arrays in a file of `torch.save`
torch_weights   a network of ours from arrays with other names
"""
