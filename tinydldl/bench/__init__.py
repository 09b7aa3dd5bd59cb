"""What `python -m tinydldl.bench` measures, and how."""
