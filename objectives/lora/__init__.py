"""Packed LoRA fine-tuning of an encoder, whatever the task."""

import logging

# Before any other import: bitsandbytes warns while it is imported, about kernels it can do without.
logging.getLogger("bitsandbytes").setLevel(logging.ERROR)
