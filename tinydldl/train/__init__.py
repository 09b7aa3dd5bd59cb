"""`python -m tinydldl.train`: from a command line to a trained network and its files.

settings      what a training may be told, and what does not go together
photos        those to train on, and those to evaluate on
memory        what it takes, said before it is taken
loop          an epoch, and a step of it
experiment    from settings to a training, and from a training to its files
runs          the folder of a run
baselines     what a network must beat
"""
