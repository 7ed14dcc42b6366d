"""SimPy on the wall clock: the one scheduler of traffic, runbook and nemesis. (owned by F)"""
