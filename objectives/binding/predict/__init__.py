"""Prediction with a saved adapter: reads FASTA, writes a table or an HTML page.

``adapter_folder`` reads a saved adapter, ``predictor`` loads it into its base model, ``stream``
predicts chains in windows, ``formats`` writes predictions, ``html_page`` renders one chain as a
page, and ``job`` combines them.
"""
