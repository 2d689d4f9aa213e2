"""What runs on the GPU instance, beside the engine. Nobody imports it: `python -m foreverus.worker` puts it
together."""
