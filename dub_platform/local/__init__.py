"""The platform on one machine: `stack` starts and stops its servers, `demo` uses them.

python -m dub_platform.local up      runs until Ctrl-C
python -m dub_platform.local demo    submits the sample and shows the result
"""
