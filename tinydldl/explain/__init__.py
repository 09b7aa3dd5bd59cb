"""`python -m tinydldl.explain`: where in a face does an estimate come from?"""
