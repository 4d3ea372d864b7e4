"""QLoRA fine-tuning of a protein language model that classifies each residue as binding or not."""

import logging

# Set before bitsandbytes is imported, which warns at import about optional kernels.
logging.getLogger("bitsandbytes").setLevel(logging.ERROR)
