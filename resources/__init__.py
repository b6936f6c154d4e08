"""The roles, one per file: the port (what it promises), its engines, and the keyless engine.

    downloader.py   where a video comes from      uploads; youtube.py
    transcriber.py  who says what when            captions, pocketsphinx; whisper.py,
                                                  openai_transcriber.py
    translator.py   a line in another language    Apertium; openai_translator.py
    voice.py        a line spoken                 eSpeak NG; elevenlabs_voice.py, openai_voice.py
    mixer.py        bed and takes made a track    numpy blocks between two ffmpeg processes
    store.py        where artifacts are kept      a local directory; s3_store.py

What they are made of: `ffmpeg.py` and `probe.py` (hostile media), `sound.py`, `vad.py` (where
a voice is), `captions.py`, `takes.py` (spoken once), `film.py`, `releases.py`, `calls.py` and
`ledger.py` (what is paid), `warm_pipeline.py` (engines that are programs), `workfolder.py`.
`wiring.py` makes all of it from the settings.

An engine is plain Python: it knows neither Dagster nor the environment, and is handed what it
needs. Each role's promises are a list under `tests/contracts/`, run against every engine.
"""
