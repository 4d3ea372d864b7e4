"""Prediction with a saved adapter: FASTA in, a table or a page out.

From below upwards: ``adapter_folder`` reads the folder of a saved adapter, ``predictor`` puts it
on its base, ``stream`` sends chains through in windows, ``formats`` writes them down and
``html_page`` draws one, ``job`` is the whole.
"""
