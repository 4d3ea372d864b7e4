"""The packed model: many LoRA adapters on one frozen base, computed in one pass.

A lane is one trial's adapters and head. From the bottom up: ``layout`` concatenates the lanes'
windows without padding, ``attention`` attends within each window, ``base_weight`` holds the base's
matrices, ``lora_matmul`` (lane by lane) and ``lora_bmm`` (batched, GPU) multiply by them plus each
lane's low-rank update, ``linear`` replaces the model's linear layers and head, and ``model``
combines all of them.
"""
