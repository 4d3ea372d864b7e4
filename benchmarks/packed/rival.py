"""One trial with transformers, PEFT, bitsandbytes and HF ``Trainer``, for comparison.

    python benchmarks/packed/rival.py JOB.json

Does not import lorasweep: the job file gives token ids, labels and the full paths of the matrices
to adapt. Prints one JSON object as its last line. One process computes one trial.
"""

from __future__ import annotations

import time

_BEGAN = time.perf_counter()  # before the imports, which count as start

import json  # noqa: E402
import sys  # noqa: E402
import tempfile  # noqa: E402
import warnings  # noqa: E402
from pathlib import Path  # noqa: E402
from typing import Any  # noqa: E402

import numpy as np  # noqa: E402
import torch  # noqa: E402
from peft import LoraConfig, get_peft_model, prepare_model_for_kbit_training  # noqa: E402
from sklearn.metrics import matthews_corrcoef  # noqa: E402
from torch import nn  # noqa: E402
from transformers import (  # noqa: E402
    AutoModelForTokenClassification,
    AutoTokenizer,
    BitsAndBytesConfig,
    DataCollatorForTokenClassification,
    EvalPrediction,
    Trainer,
    TrainingArguments,
    set_seed,
)

_IGNORED = -100
_HEAD = "classifier"


def read_split(path: str) -> list[dict[str, list[int]]]:
    """Chains for the collator, which adds the attention mask."""
    with Path(path).open(encoding="utf-8") as lines:
        return [json.loads(line) for line in lines]


def load_model(job: dict[str, Any]) -> nn.Module:
    """The base model in NF4 with double quantisation, prepared for training, with LoRA adapters."""
    dtype = torch.bfloat16 if job["bf16"] else torch.float32
    model = AutoModelForTokenClassification.from_pretrained(
        job["base"],
        num_labels=2,
        dtype=torch.float32,  # weights that are not quantised
        attn_implementation="sdpa",
        device_map={"": job["device"]},
        quantization_config=BitsAndBytesConfig(
            load_in_4bit=True,
            bnb_4bit_quant_type="nf4",
            bnb_4bit_use_double_quant=True,
            bnb_4bit_compute_dtype=dtype,
            llm_int8_skip_modules=[_HEAD],
        ),
    )
    _mend(model)
    model = prepare_model_for_kbit_training(model, use_gradient_checkpointing=job["checkpointing"])
    config = LoraConfig(
        task_type="TOKEN_CLS",
        r=job["rank"],
        lora_alpha=job["alpha"],
        target_modules=job["modules"],
        modules_to_save=[_HEAD],
    )
    return get_peft_model(model, config)


def _mend(model: nn.Module) -> None:
    """Turn off bitsandbytes' AVX512-BF16 path, in which training fails after an evaluation.

    Seen with 0.50.2: the first evaluation packs the weights for inference only, and the next
    training step raises. A user on such a CPU would have to find this before the second epoch.
    """
    for module in model.modules():
        if hasattr(module, "support_avx512bf16_for_cpu"):
            module.support_avx512bf16_for_cpu = False


def arguments(job: dict[str, Any], folder: str) -> TrainingArguments:
    """Training arguments: evaluate after each epoch, write nothing."""
    return TrainingArguments(
        output_dir=folder,
        num_train_epochs=job["epochs"],
        per_device_train_batch_size=job["batch"],
        per_device_eval_batch_size=job["batch"],
        learning_rate=job["learning_rate"],
        lr_scheduler_type="linear",
        warmup_steps=job["warmup"],  # below 1 it is a share of the steps
        weight_decay=job["weight_decay"],
        max_grad_norm=job["max_grad_norm"],
        train_sampling_strategy="group_by_length" if job["grouping"] else "random",
        bf16=job["bf16"],
        eval_strategy="epoch",
        save_strategy="no",
        logging_strategy="no",
        report_to="none",
        disable_tqdm=True,
        use_cpu=job["device"] == "cpu",
        dataloader_pin_memory=job["device"] != "cpu",
        seed=job["seed"],
    )


def classes(logits: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
    """The predicted classes, which are all that the metric needs."""
    del labels
    return logits.argmax(-1)


def score(predicted: EvalPrediction) -> dict[str, float]:
    """MCC over all labelled residues."""
    labels, chosen = np.asarray(predicted.label_ids), np.asarray(predicted.predictions)
    known = labels != _IGNORED
    return {"mcc": float(matthews_corrcoef(labels[known], chosen[known]))}


class Weighted:
    """Mean cross-entropy with a higher weight for binding residues, which are rare."""

    def __init__(self, weight: float) -> None:
        self._weight = torch.tensor([1.0, weight])

    def __call__(
        self, outputs: Any, labels: torch.Tensor, num_items_in_batch: Any = None
    ) -> torch.Tensor:
        """The loss of a batch."""
        del num_items_in_batch
        logits = outputs["logits"].float().view(-1, 2)
        weight = self._weight.to(logits.device)
        return nn.functional.cross_entropy(logits, labels.view(-1), weight)


def run(job: dict[str, Any]) -> dict[str, Any]:
    """Train and evaluate; the trial's metrics and the time of each part."""
    imported = time.perf_counter()
    torch.set_num_threads(1)
    set_seed(job["seed"])
    tokenizer = AutoTokenizer.from_pretrained(job["base"])
    padding = {"padding": "max_length", "max_length": job["pad_to"]} if job["pad_to"] else {}
    with tempfile.TemporaryDirectory() as folder:
        trainer = Trainer(
            model=load_model(job),
            args=arguments(job, folder),
            train_dataset=read_split(job["train"]),
            eval_dataset=read_split(job["validation"]),
            data_collator=DataCollatorForTokenClassification(tokenizer, **padding),
            compute_metrics=score,
            preprocess_logits_for_metrics=classes,
            compute_loss_func=Weighted(job["class_weight"]),
        )
        loaded, busy = time.perf_counter(), time.process_time()
        trainer.train()
        trained, cpu = time.perf_counter(), time.process_time()
    scored = [entry for entry in trainer.state.log_history if "eval_mcc" in entry]
    return {
        "mcc": scored[-1]["eval_mcc"],
        "evaluations": len(scored),
        "steps": trainer.state.global_step,
        "import_seconds": imported - _BEGAN,
        "load_seconds": loaded - imported,
        "train_seconds": trained - loaded,
        "train_cpu_seconds": cpu - busy,
        "cpu_seconds": time.process_time(),
    }


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    print(json.dumps(run(json.loads(Path(sys.argv[1]).read_text(encoding="utf-8")))))
