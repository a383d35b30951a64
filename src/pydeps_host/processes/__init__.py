"""Worker processes: verified files in, commits in packs out.

What is not the work itself stays with the host: network, budget, credentials,
events, locks and publishing. A worker is told nothing that is secret, and loads
only what reading an archive and writing a pack need, so nothing is imported here.
"""
