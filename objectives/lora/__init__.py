"""Packed LoRA fine-tuning: many adapters trained in one pass over a frozen encoder."""

import logging

# Before any other import: bitsandbytes warns about optional kernels while it is imported.
logging.getLogger("bitsandbytes").setLevel(logging.ERROR)
