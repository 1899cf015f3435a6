"""What is measured and written about a session. Nothing in here knows the engine."""
