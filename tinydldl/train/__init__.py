"""`python -m tinydldl.train`: from a command line to a trained network and its files."""
