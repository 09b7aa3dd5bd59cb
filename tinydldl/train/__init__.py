"""`python -m tinydldl.train`: from a command line to a trained network and its files.

command       the options, and the settings that they give
settings      all that decides a training, and what does not go together
photos        those to train on, and those to evaluate on
memory        what a training takes of it, said before it is taken
loop          an epoch, and a step of it
statistics    what is counted on the way
experiment    from settings to a training, its initial weights, and from it to its files
runs          the folder of a run
baselines     what a network must beat
"""
