"""One app a contender, with the same model in each."""
