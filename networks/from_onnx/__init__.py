"""ONNX graphs as modules of torch."""
