"""Fetches originals: uploads from the store, YouTube's videos through yt-dlp.

port.py      what a downloader promises; upload.py, youtube.py: the downloaders
ytdlp.py     runs yt-dlp in a process (ytdlp_process.py)
refusals.py  YouTube's reasons, in words that people understand
"""
