"""`python -m tinydldl.explain`: where in a face does an estimate come from?

saliency      maps from the last layers of a network, and by occlusion
pictures      maps over faces
"""
