"""The findings of the studies here, from their databases to the documents.

``numbers`` reads the databases in ``studies/results`` into one JSON file, ``pages`` writes the
documents from it, ``python -m studies.evidence`` does both.
"""
