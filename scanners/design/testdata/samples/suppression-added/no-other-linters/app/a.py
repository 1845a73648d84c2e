import os  # noqa: F401
x = 1  # noqa: E501
