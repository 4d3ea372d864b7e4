"""The binding residues of Yu et al. 2013 (TargetS), as pinned files.

Ten of the collection's twelve ligands are included. DNA and iron (``DNA``, ``FE``) are left out,
because no SHA-256 of their files was available.

Source: Yu, Hu, Yang, Shen, Tang & Yang 2013, doi:10.1109/TCBB.2013.104, as tables by ligand in
the repository ``hamzagamouh/pt-lm-gnn``.
"""

from __future__ import annotations

from objectives.data.tools.fetch import Collection, Pinned

COMMIT = "9da0ed7d3e364c275b9cdbf8309aa6a9aa086665"
ROOT = f"https://raw.githubusercontent.com/hamzagamouh/pt-lm-gnn/{COMMIT}/datasets/yu_merged/"
_FOLDERS = {"train": ("Training_sets", "Training"), "test": ("Testing_sets", "Validation")}

_FILES = (
    ("train", "ADP", 122502, "c44859f60e94459d226b1b95882c4691262655881a4a7818a1ecaadd8663223d"),
    ("train", "AMP", 54508, "a4b03dff133fdf3d183fe0f7abb725163ee1983c0b337ac7b9de1bb4e07db465"),
    ("train", "ATP", 91173, "0e8e568a10a82fbe4b1e1713bd91e4988f2678c44060dc43f5c8c2fb9e2e8e5d"),
    ("train", "CA", 323709, "b00d341e0a7eb7c0cba96813137a32831c2c5c02b6a5f32c47476f4862ea912a"),
    ("train", "GDP", 33098, "b89825b09d47128fb3665939d2c6c475175b07b06b71dd2533e7b34ad29ad676"),
    ("train", "GTP", 25837, "8ce48c7c1ebb6e436ee2253dd878304b866950d1fb33aa03385e7ea1b057540f"),
    ("train", "HEME", 76532, "a8e45e762044aadca6e1e959acc060afc53cb545c6c74abae8ac3d0a70b18437"),
    ("train", "MG", 381711, "f4a9066062e22df6a9485b122dc3f3f47a68f4af2a38653338c145a71d35dac1"),
    ("train", "MN", 124023, "4379216bf6703ef525cc5f1eb272aed334f066ae83fe7a9c3cb8ff883202d3e8"),
    ("train", "ZN", 350775, "361d2f5b0f637194a8c9611759455d57c87d2dbbaf74756c75cee064215ebac2"),
    ("test", "ADP", 24681, "1f6b72ff7d96af221dce2bf52459fac3d3742c6687e34d9ff12eb0d5571d6b57"),
    ("test", "AMP", 12880, "05a5335111eab08c018f1b94696fd269b5fa3425006953312bc2410f66ecc407"),
    ("test", "ATP", 20696, "a84bcfb9a7d277f2e569cb892393b74f943e36c63331575eea855c8e91b7feae"),
    ("test", "CA", 59568, "13f316f6e9b515b62f6f7fbd1729dda5c312b20772598a49cb4cbac16505e580"),
    ("test", "GDP", 5396, "29fddd5defc4a71eb47a2ea1e63c6ce4b083ce72d2d5f18e8d1263d97c88102b"),
    ("test", "GTP", 2444, "f149e92876df27436c98a1e0f2917654c6d0d024c689af5186707a3f359af8cc"),
    ("test", "HEME", 12212, "f6b181cd9e1c9903b1b41907049f039259bfdd354edac3069f49d4e2e3153506"),
    ("test", "MG", 78687, "3754de12a5f6830ca07a784d4c7ba37fd187bca295923773319724ab89d4a90b"),
    ("test", "MN", 19423, "280f2bc0c63382f416573b53ed5c537a4cf9f3a60bb8cea5fbc782290bd8f8af"),
    ("test", "ZN", 53490, "93a973ca5bdc54ed0bf78beac3900454828c7effaed7f8435358e6a920bcee94"),
)
"""Split, ligand, size in bytes and SHA-256 of each file."""


def _pinned(split: str, ligand: str, size: int, sha256: str) -> Pinned:
    folder, word = _FOLDERS[split]
    name = f"{ligand}_{word}.txt"
    return Pinned(f"{split}/{name}", f"{folder}/{name}", size, sha256)


YU2013 = Collection(
    name="yu2013",
    title="binding residues by ligand, Yu et al. 2013 (TargetS), doi:10.1109/TCBB.2013.104",
    root=ROOT,
    files=tuple(_pinned(*each) for each in _FILES),
)
