"""ONNX models of one operator each, of inputs a and b and output y, float32.

They measure what a machine can reach, and try whether a GPU works. A board has nothing to write
models with, so they lie here as bytes; tests/test_ceilings.py writes them anew.
"""

from __future__ import annotations

# y = a + b, vectors of n numbers, n being any.
ADDITION = (
    b'\x08\x08:I\n\x0e\n\x01a\n\x01b\x12\x01y"\x03Add\x12\x01gZ\x10\n\x01a\x12\x0b\n\t\x08\x01\x12'
    b"\x05\n\x03\x12\x01nZ\x10\n\x01b\x12\x0b\n\t\x08\x01\x12\x05\n\x03\x12\x01nb\x10\n\x01y\x12\x0b"
    b"\n\t\x08\x01\x12\x05\n\x03\x12\x01nB\x04\n\x00\x10\x11"
)
# y = a · b, square matrices of n rows, n being any.
PRODUCT = (
    b'\x08\x08:[\n\x11\n\x01a\n\x01b\x12\x01y"\x06MatMul\x12\x01gZ\x15\n\x01a\x12\x10\n\x0e\x08\x01'
    b"\x12\n\n\x03\x12\x01n\n\x03\x12\x01nZ\x15\n\x01b\x12\x10\n\x0e\x08\x01\x12\n\n\x03\x12\x01n\n"
    b"\x03\x12\x01nb\x15\n\x01y\x12\x10\n\x0e\x08\x01\x12\n\n\x03\x12\x01n\n\x03\x12\x01nB\x04\n\x00"
    b"\x10\x11"
)
# y = a * b, a convolution of one number by one: nothing else has cuDNN loaded.
_NUMBER = b"\x12\x16\n\x14\x08\x01\x12\x10" + 4 * b"\n\x02\x08\x01"
CONVOLUTION = b'\x08\x08:k\n\x0f\n\x01a\n\x01b\x12\x01y"\x04Conv\x12\x01gZ\x1b\n\x01a' + _NUMBER
CONVOLUTION += b"Z\x1b\n\x01b" + _NUMBER + b"b\x1b\n\x01y" + _NUMBER + b"B\x04\n\x00\x10\x11"
