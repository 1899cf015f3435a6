"""The session around the engine: it brings events in, makes them durable, and carries commands out."""
