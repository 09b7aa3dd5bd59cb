"""`python -m tinydldl.evaluate`: how good is a network, or several as one?

settings      what is asked for: networks, photos, options
ensemble      several networks as one
"""
