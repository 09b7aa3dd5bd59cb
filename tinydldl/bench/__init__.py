"""What `python -m tinydldl.bench` measures, and how.

cases        which network, photos and pass
engines      what computes it: the layers, the fast engine, PyTorch
peers        what others deploy: ONNX Runtime, OpenVINO, JAX
race         all engines in turn, each in a process of its own
quiet        whether the machine was quiet
memory       the memory of a process and its children
profile      where the time goes, by layer
"""
