"""The batch path on a real GPU with nothing to download: a Mistral 7B of random weights behind OpenAI's HTTP API, our
own worker in front of it, in-memory twins for AWS. `python -m bench.gpu --help`; `--tiny --device cpu` runs anywhere.

Its machine needs Python 3.11 or newer, torch, transformers 5, and what the worker needs (requirements/worker.lock).
`PYTHONPATH=src python -m bench.gpu` there; `--tiny --device cuda` first tells in a minute whether everything fits.
"""
