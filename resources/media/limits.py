"""Limits of decoding: the codecs that are decoded, and sizes that no honest video exceeds.

Decoders are listed, because ffmpeg has hundreds, most of them for rare old files, where attackers
look for bugs. Pictures may be up to 8K, the largest that cameras make.
"""

MOST_PIXELS = 8192 * 4320
MOST_FRAMES_PER_SECOND = 240
# ffmpeg's address space; encoding an 8K video stays below it.
MOST_MEMORY_BYTES = 12 << 30
# Eight cores for an hour.
MOST_CPU_SECONDS = 8 * 3600
# A day of stereo sound fits, and a film of the longest video that any deployment accepts.
MOST_FILE_BYTES = 64 << 30

# By ffmpeg's names of decoders; several decode the same.
DECODERS = (
    *("h264", "hevc", "vvc", "av1", "libdav1d", "libaom-av1", "vp8", "vp9", "libvpx", "libvpx-vp9"),
    *("mpeg1video", "mpeg2video", "mpeg4", "h263", "flv", "vp6", "vp6f", "theora"),
    *("msmpeg4v1", "msmpeg4v2", "msmpeg4", "wmv1", "wmv2", "wmv3", "vc1"),
    *("mjpeg", "prores", "dnxhd", "dvvideo", "ffv1", "svq3", "rawvideo"),
    *("aac", "aac_latm", "aac_fixed", "mp1", "mp1float", "mp2", "mp2float", "mp3", "mp3float"),
    *("opus", "libopus", "vorbis", "libvorbis", "flac", "alac", "speex", "libspeex"),
    *("ac3", "eac3", "dca", "truehd", "mlp", "wmav1", "wmav2", "wmapro"),
    *("amrnb", "amrwb", "adpcm_ima_wav", "adpcm_ima_qt", "adpcm_ms", "adpcm_swf", "gsm"),
    *("pcm_u8", "pcm_s8", "pcm_alaw", "pcm_mulaw", "pcm_bluray", "pcm_dvd"),
    *("pcm_s16le", "pcm_s16be", "pcm_s24le", "pcm_s24be", "pcm_s32le", "pcm_s32be"),
    *("pcm_f32le", "pcm_f32be", "pcm_f64le", "pcm_f64be"),
)
