"""Generator `apoc`: what of APOC works in NornicDB and what does not, and Heimdall plugins."""
