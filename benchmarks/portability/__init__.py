"""Ordinary machines: systems made anew, the repository cloned into each, its demo run and heard.

    python -m benchmarks.portability --only debian-13

Needs root and debootstrap. `root` is a system in a folder, `handed_in` what this machine knows of
where packages come from, `heard` the measure of what a demo released.
"""
