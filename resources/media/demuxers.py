"""The container formats that ffmpeg may open, by its names.

Text formats (playlists, concat scripts, subtitles) are missing on purpose: they name other files,
which ffmpeg would open too.
"""

DEMUXERS = (
    "mov",
    "mp4",
    "m4a",
    "3gp",
    "matroska",
    "webm",
    "avi",
    "mpegts",
    "mpeg",
    "flv",
    "asf",
    "ogg",
    "mp3",
    "wav",
    "flac",
    "aac",
)
