"""The roles, a folder each: `port.py` is what one promises, each engine has its own file.

    downloader/   where a video comes from      upload; youtube
    transcriber/  who says what when            captions, pocketsphinx, faster_whisper; whisper,
                                                openai, elevenlabs
    translator/   a line in another language    apertium, bergamot; openai
    voice/        a line spoken                 espeak, piper, kokoro; elevenlabs, openai
    store/        where artifacts are kept      local; s3
    separator/    the bed without its voice     ducking; demucs
    mixer/        bed and takes made a track    pieces, mixed by numpy and encoded by PyAV

The engines before the semicolon need no account. What they are made of:

    media/        hostile files, sound, where a voice is, the film
    system/       programs, work folders, disks, threads, calls that are tried again
    providers/    what is paid for: one address, one key, one purchase
    fitting/      how fast voices speak, and what is said shorter
    listening/    what a finished release sounds like, measured
    catalogue/    what is published, shown, and removed
    webhooks/     messages to addresses that users named

`dub_platform/wiring.py` makes engines of the settings.

An engine is plain Python: it knows neither Dagster nor the environment, and is handed what it
needs. Each role's promises are tests in `dub_platform/contracts/` that every engine is held to.
"""

import os

# Torch's threads wait for work asleep. By default they spin, and where two runs share the cores,
# Whisper then uses up to four times the processor time. Read once, when torch is imported.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
