"""What answers a request: the network in ONNX, its first pass in eight bits, lists and reasons. Needs no torch."""
