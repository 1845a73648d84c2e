import ctypes

lib = ctypes.CDLL("libfoo.so")
