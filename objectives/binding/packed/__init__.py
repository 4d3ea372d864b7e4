"""Packed training: many trials as lanes of one pass over one frozen base.

From below upwards: ``layout`` lays the lanes' windows side by side without padding,
``attention`` keeps every window to itself, ``frozen`` holds the base's matrices,
``products`` multiplies by them plus each lane's low-rank update, ``linear`` and ``head``
put that in place of the model's own modules, ``model`` is the whole, ``lane`` one trial's
training, ``crew`` the lanes that run together.
"""
