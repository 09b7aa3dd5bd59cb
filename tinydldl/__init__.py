"""DLDL-v2, age estimation by learning a label distribution and its expectation, from scratch."""

__version__ = "0.1.0"
