"""Market data on disk: the catalogue, importing, calendars, corporate actions, made-up data."""
