"""Parity: the same models trained in tinynn and in Keras, and how far apart they end. Run it: `python -m parity`.

Read `models.py` (what is trained), `modes.py` (the three ways to compare), `compare.py` (what counts as agreement), in
this order. TensorFlow is imported in `keras_side.py` alone, after `environment.py` has set it up.
"""
