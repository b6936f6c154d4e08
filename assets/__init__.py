"""The pipeline, in reading order.

    once per video                            once per video and language

    source_media   the original               translation    every line in the language
         │                                         │
       audio       what is listened to        speech         one take per line
         │         and mixed from                  │
     transcript    who says what when ───►    dubbed_track   the timeline and the mix
                                                   │         (gates: assets/checks.py)
                                              r2_object      the release as published

Read `source.py`, then `dub.py`. A step sits at a desk (`step/workbench.py`), with what it is made
of and its engines. `step/declaration.py` is what every asset does besides its own work,
`step/io_manager.py` how values travel, `partitions.py` what there is one of, `jobs.py` what runs.
"""
