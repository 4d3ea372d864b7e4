"""The packed model: many lanes of LoRA adapters on one frozen base, in one pass.

From below upwards: ``layout`` puts the lanes' windows side by side without padding, ``attention``
computes each window by itself, ``base_weight`` holds the base's matrices, ``lora_matmul``
multiplies by them plus each lane's low-rank update, ``linear`` and ``head`` replace the model's
own modules, ``model`` is the whole.
"""
