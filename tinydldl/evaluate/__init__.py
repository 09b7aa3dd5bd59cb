"""`python -m tinydldl.evaluate`: how good is a network, or several as one?"""
