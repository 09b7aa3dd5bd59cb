"""`python -m tinydldl.convert`: a checkpoint as ONNX or safetensors, and safetensors back."""
