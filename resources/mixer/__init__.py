"""Mixes the bed and the takes into one track.

port.py      what a mixer promises; blocks.py: the mixer
bed.py       the ducked original; voices.py: the takes, at their places and tempos
encoding.py  encodes the mix at the target loudness (limiter.py, meter.py, aac.py)
pieces.py    the pieces that a track is made in, several at once
"""
