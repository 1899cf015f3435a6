"""The local HTTP server of a session: what it shows and the ways to steer it."""
