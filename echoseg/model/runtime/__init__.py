"""What executes the frozen network: torch, or ONNX Runtime on graphs that are traced from it."""
