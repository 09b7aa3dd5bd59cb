"""`python -m tinydldl.explain`: where in a face does an estimate come from?

saliency      maps of a network's last layers, and by occlusion
pictures      maps over faces
"""
