"""Real Solr beside our own search: a harness that runs one, and the tests that compare the two."""
