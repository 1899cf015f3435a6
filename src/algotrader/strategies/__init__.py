"""Two ways to write a strategy, the built-in ones, and how to find one by name or file."""
