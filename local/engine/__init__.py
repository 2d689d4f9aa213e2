"""The laptop's inference engine: llama.cpp's own HTTP server with SmolLM2-135M-Instruct, a real language model.

It stands where vLLM stands on the GPU instance and speaks the same OpenAI HTTP API on loopback. Where the engine's
speed decides the outcome, in tests and in bench, one of a known pace stands in for it: the paced engine (`paced.py`).
"""
