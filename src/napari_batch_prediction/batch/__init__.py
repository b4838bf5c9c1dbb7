"""The modules of a run under their earlier names, for scripts that import them so.

New code imports `records.events`, `running.run` and `running.recorder`.
"""
