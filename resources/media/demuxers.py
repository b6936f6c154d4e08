"""The container formats that are opened, by ffmpeg's names, and no others.

Text formats (playlists, concat scripts, subtitles) are left out on purpose: they name other
files, which would be opened too.
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
