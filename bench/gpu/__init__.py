"""The batch path on a real GPU with nothing to download: a Mistral 7B of random weights behind OpenAI's HTTP API, our
own worker in front of it, in-memory twins for AWS. `python -m bench.gpu --help`; `--tiny --device cpu` runs anywhere.
"""
