"""What the studies here have found: from their databases to the pages that tell of it.

``numbers`` reads the databases in ``studies/results`` into one JSON file, ``pages`` writes the
documents from it, ``python -m studies.evidence`` does both.
"""
