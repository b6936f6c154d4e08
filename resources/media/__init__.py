"""Reads and writes media files with ffmpeg; input files are hostile until they are decoded.

ffmpeg.py        finds and runs ffmpeg (features.py: what it must be able to do)
probe.py         the facts of a file (probe_process.py, demuxers.py, limits.py)
sound.py         decodes a file's sound for mixing and recognition
film.py          writes the film with all languages
shots.py         finds the cuts between shots
time_stretch.py  changes the tempo of takes; vad.py: finds speech
"""
