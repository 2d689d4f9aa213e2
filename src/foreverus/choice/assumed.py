"""What a choice reckons with before anything was measured here. Each figure says where it is from. Pure."""

# Before anything is answered we expect half of what the limits allow, and at most so much an answer: people set limits
# high. 256 tokens are about 190 English words; the mean answer of public chat traces is 200 to 350 tokens.
EXPECTED_SHARE, EXPECTED_TOKENS = 0.5, 256
# vLLM, Mistral 7B AWQ with Marlin on an L4, eight at once, and alone (public benchmark, April 2026; docs/costs.md). The
# engine has more slots and other GPUs are faster: the first batch that fills the slots puts its own rate in this one's
# place.
PUBLISHED_TOKENS_PER_SECOND = 452.0
PUBLISHED_ALONE_TOKENS_PER_SECOND = 61.0
# An image's tokens are read, not written. One of a 7B model is 14 GFLOP, and what looks at its pixels before
# (Qwen2.5-VL's 670 million parameters, four patches a token) 5 more: at half of an L4's 121 TFLOPS (FP16, NVIDIA's data
# sheet) some 3,000 a second, while 452 are written. Reckoned; nothing of it was measured.
READ_IN_ONES_TIME = 6.0
ASSUMED_BOOT_S = 480.0  # of a first boot, estimated (docs/costs.md); learned from the first session on
# One answer of Mistral 7B on Bedrock, as backends/bedrock.py reckons for its timeout; calls in flight add up.
ASSUMED_BEDROCK_CALL_TOKENS_PER_SECOND = 30.0
# Until the first word of an answer, of a prompt of an ordinary length: estimates, nothing of it was measured on AWS.
GPU_FIRST_WORD_S = 0.3
BEDROCK_FIRST_WORD_S = 0.8
