"""QLoRA fine-tuning of a protein language model that labels each residue binding or not."""

import logging

# Here and not later: bitsandbytes warns while it is imported, about kernels it can do without.
logging.getLogger("bitsandbytes").setLevel(logging.ERROR)
