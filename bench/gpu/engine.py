"""`python -m bench.gpu.engine --port 8000 --shape mistral-7b`: the engine where nothing can be downloaded.

Random weights in Mistral's shape and a tokenizer that is made here, answered by the continuous batching of transformers
(written with 5.17 and torch 2.13), behind `bench/gpu/server.py`. On the CPU it needs psutil too. No answer ends by
itself: there is no end-of-text token, so each has exactly the tokens that were asked for.
"""

import argparse
import asyncio
import json
import os
import signal
import sys
import threading
import time
from collections.abc import AsyncGenerator, Sequence
from typing import Any

from bench.gpu.server import Server
from bench.gpu.shapes import SHAPES, Shape

MODEL_ID = "mistral"


class Mistral:
    """`Writer` over transformers. Made in the thread that loads it, used from the event loop."""

    def __init__(self, shape: Shape, device: str, streams: int, attention: str):
        import torch
        from transformers import ContinuousBatchingConfig, GenerationConfig, MistralConfig, MistralForCausalLM

        torch.manual_seed(7)
        config = MistralConfig(
            vocab_size=shape.vocabulary,
            hidden_size=shape.hidden,
            num_hidden_layers=shape.layers,
            num_attention_heads=shape.heads,
            num_key_value_heads=shape.kv_heads,
            head_dim=shape.head,
            intermediate_size=shape.feed_forward,
            max_position_embeddings=shape.context,
            rope_parameters={"rope_type": "default", "rope_theta": shape.rope_base},
            sliding_window=None,
            tie_word_embeddings=False,
            attn_implementation=attention,
        )
        torch.set_default_dtype(torch.bfloat16 if device.startswith("cuda") else torch.float32)
        with torch.device(device):
            model = MistralForCausalLM(config).eval()
        torch.set_default_dtype(torch.float32)
        self.weight_bytes = sum(p.numel() * p.element_size() for p in model.parameters())
        self.parameters = sum(p.numel() for p in model.parameters())
        self.context = shape.context
        self.tokenizer = make_tokenizer(shape)
        # Prefixes are not shared: whoever asks second would have it easier, and a benchmark asks everything twice.
        batching = ContinuousBatchingConfig(max_requests_per_batch=streams, allow_block_sharing=False)
        if not device.startswith("cuda"):  # there it looks at the GPU's memory
            batching.block_size, batching.num_blocks, batching.max_batch_tokens = 32, 32 * streams, 256
        generation = GenerationConfig(do_sample=False, eos_token_id=-1, max_new_tokens=shape.context)
        self.manager = model.init_continuous_batching(generation, batching)
        self.manager.warmup()
        self.manager.start()
        self._attention = model.config._attn_implementation
        self._asked = 0

    def details(self) -> dict[str, Any]:
        return {
            "weight_bytes": self.weight_bytes,
            "parameters": self.parameters,
            "attention": self._attention,
            "batching": {
                name: getattr(self.manager.continuous_batching_config, name)
                for name in ("block_size", "num_blocks", "max_batch_tokens", "use_cuda_graph", "use_async_batching")
            },
        }

    def encode(self, text: str) -> list[int]:
        return list(self.tokenizer.encode(text).ids)

    def decode(self, tokens: Sequence[int]) -> str:
        return str(self.tokenizer.decode(list(tokens)))

    async def write(self, tokens: list[int], most: int, streamed: bool) -> AsyncGenerator[list[int], None]:
        self._asked += 1
        request_id = f"asked-{self._asked}"
        outputs: asyncio.Queue[Any] = asyncio.Queue()
        self.manager.register_result_handler(request_id, outputs.put_nowait)
        self.manager.add_request(tokens, request_id=request_id, max_new_tokens=most, streaming=streamed)
        ended = False
        try:
            while not ended:
                output = await outputs.get()
                ended = output.is_finished()
                if output.error:
                    raise RuntimeError(f"the engine failed: {output.error}")
                yield output.generated_tokens
        finally:
            if not ended:
                self.manager.cancel_request(request_id)


def make_tokenizer(shape: Shape) -> Any:
    """Byte-level BPE without merges: a prompt has a token for each byte. What random weights choose from is the rest of
    the vocabulary, made-up words."""
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers

    letters = sorted(pre_tokenizers.ByteLevel.alphabet())
    words = [f"Ġw{number}" for number in range(shape.vocabulary - len(letters))]
    tokenizer = Tokenizer(models.BPE(vocab={word: n for n, word in enumerate([*letters, *words])}, merges=[]))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    return tokenizer


async def serve(args: argparse.Namespace) -> int:
    server = Server(MODEL_ID)
    listening = await server.serve(args.port)
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    begun = time.monotonic()
    loaded: asyncio.Future[Mistral] = asyncio.get_running_loop().create_future()

    def load(loop: asyncio.AbstractEventLoop) -> None:
        try:
            model = Mistral(SHAPES[args.shape], args.device, args.streams, args.attention)
        except BaseException as err:
            loop.call_soon_threadsafe(loaded.set_exception, err)
        else:
            loop.call_soon_threadsafe(loaded.set_result, model)

    threading.Thread(target=load, args=(asyncio.get_running_loop(),), daemon=True).start()
    server.writer = await loaded
    print(json.dumps({"loaded_s": round(time.monotonic() - begun, 2), **server.writer.details()}), flush=True)
    await stop.wait()
    listening.close()
    return 0


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m bench.gpu.engine", description=__doc__)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--shape", choices=sorted(SHAPES), required=True)
    parser.add_argument("--device", default="cuda")
    parser.add_argument("--streams", type=int, default=256)
    parser.add_argument(
        "--attention", default="sdpa", help="sdpa, or flash_attention_2 and _3 where they are installed"
    )
    args = parser.parse_args()
    os.environ.setdefault("HF_HUB_OFFLINE", "1")  # nothing is looked for on a hub
    code = asyncio.run(serve(args))
    sys.stdout.flush()
    os._exit(code)  # the engine's own thread waits for nobody


if __name__ == "__main__":
    main()
