"""Python code that loads an exported adapter with PEFT, and computes as the trial did."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sweep.errors import SweepError, fault
from sweep.study.parameters import is_number

Tree = Mapping[str, Any]

DTYPES = ("float32", "bfloat16", "float16")
_DTYPE_RULE = f"be one of {', '.join(DTYPES)}"

_PREDICT = '''\
def binding(sequence):
    """The probability that each residue binds."""
    tokens = tokenizer({written}, return_tensors="pt").to(model.device)
    with {context}:
        logits = model(**tokens).logits[0{residues}
    return logits.float().softmax(-1)[:, 1]


threshold = {threshold!r}  # chosen on validation; argmax is 0.5
binds = binding("MKTAYIAKQRQISFVKSHFSRQLEERLGLIEVQ") > threshold
'''

_PIN = """\
# On CPUs with AVX512-BF16, bitsandbytes would round to bfloat16 what was trained in float32.
for module in model.modules():
    if hasattr(module, "support_avx512bf16_for_cpu"):
        module.support_avx512bf16_for_cpu = False
"""


def loading_code(record: Tree, threshold: float) -> str:
    """Python code for the card; it runs in the adapter's folder.

    Args:
        record: the adapter's ``trial.json``.
        threshold: the probability above which residues are predicted to bind.

    Raises:
        SweepError: if a value of the record is of another type than the code expects.
    """
    load: Tree = record["load"]
    _refuse_odd(load, threshold)
    four_bit, dtype = load["four_bit"], load["compute_dtype"]
    half = dtype != "float32"
    reader = "AutoTokenizer"
    if load.get("tokens", {}).get("reader") == "PreTrainedTokenizerFast":
        reader = "PreTrainedTokenizerFast"
    names = ["AutoModelForTokenClassification", reader]
    names += ["BitsAndBytesConfig"] if four_bit else []
    arguments = {"num_labels": load["labels"], "dtype": f"torch.{load['dtype']}"}
    if four_bit:
        arguments["quantization_config"] = "four_bit"
    if load["trust_remote_code"]:
        arguments["trust_remote_code"] = "True"
    trust = ", trust_remote_code=True" if load["trust_remote_code"] else ""
    given = "".join(f"    {name}={value},\n" for name, value in arguments.items())
    context = "torch.no_grad()"
    if half:
        context += f", torch.autocast(model.device.type, dtype=torch.{dtype})"
    parts = [
        _imports(load, names),
        _base(record),
        'adapter = "."  # this folder, or its name on the Hub\n',
        _four_bit(four_bit, dtype) if four_bit else "",
        f"model = AutoModelForTokenClassification.from_pretrained(\n    base,\n{given})\n",
        _PIN if four_bit and not half else "",
        "model = PeftModel.from_pretrained(model, adapter).eval()\n",
        f"tokenizer = {reader}.from_pretrained(base{trust})\n\n\n",
        _PREDICT.format(context=context, threshold=threshold, **_tokens(load)),
    ]
    return "".join(parts)


def _refuse_odd(load: Tree, threshold: object) -> None:
    """Refuse values that could inject code, since users run the generated code."""
    embedded, four_bit = load["embedded"] or ["", ""], load["four_bit"] or {}
    checks = {
        "labels": (load["labels"], "be a whole number", isinstance(load["labels"], int)),
        "dtype": (load["dtype"], _DTYPE_RULE, load["dtype"] in DTYPES),
        "compute_dtype": (load["compute_dtype"], _DTYPE_RULE, load["compute_dtype"] in DTYPES),
        "four_bit": (
            four_bit,
            "be arguments by name",
            isinstance(four_bit, dict)
            and all(name.isidentifier() and name.isascii() for name in four_bit),
        ),
        "embedded": (
            embedded,
            "be a package and a folder",
            isinstance(embedded, (list, tuple)) and [*map(type, embedded)] == [str, str],
        ),
        "threshold": (threshold, "be a number", is_number(threshold)),
    }
    for name, (value, rule, holds) in checks.items():
        if not holds:
            raise SweepError(fault(f"{name} in the adapter's trial.json", rule, value))


def _imports(load: Tree, names: list[str]) -> str:
    first = "from importlib.resources import files\n\n" if load["embedded"] else ""
    return (
        f"{first}import torch\nfrom peft import PeftModel\n"
        f"from transformers import {', '.join(names)}\n\n"
    )


def _tokens(load: Tree) -> dict[str, str]:
    """How a sequence is passed to the tokenizer, and which tokens are its residues."""
    told = {"fill": "", "gap": "", "before": 1, "after": 1} | dict(load.get("tokens", {}))
    fill, gap = str(told["fill"]), str(told["gap"])
    before, after = int(told["before"]), int(told["after"])
    letters = f"letter + {fill!r} for letter in sequence" if fill else "sequence"
    written = f"{gap!r}.join({letters})" if fill or gap else "sequence"
    if (written, before, after) == ("sequence", 1, 1):
        return {"written": written, "residues": ", 1:-1]  # without <cls> and <eos>"}
    bounds = f"{before or ''}:{-after if after else ''}"
    return {"written": written, "residues": f", {bounds}]  # the residues alone"}


def _base(record: Tree) -> str:
    """The base model's path or name; built-in ones are a folder of the package."""
    if record["load"]["embedded"]:
        package, folder = record["load"]["embedded"]
        return f"base = str(files({package!r}) / {folder!r})  # comes with lorasweep\n"
    return f"base = {record['base']!r}\n"


def _four_bit(keywords: Tree, dtype: str) -> str:
    given = {name: repr(value) for name, value in keywords.items()}
    given["bnb_4bit_compute_dtype"] = f"torch.{dtype}"
    lines = "".join(f"    {name}={value},\n" for name, value in given.items())
    return f"four_bit = BitsAndBytesConfig(\n{lines})\n"
