"""The platform on one machine: `stack` starts and stops its servers, `demo` uses them.

python -m dub_platform.local up      until Ctrl-C
python -m dub_platform.local demo    hands the sample in and shows what comes back
"""
