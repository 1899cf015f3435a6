"""Every version of the tables, as steps up and down. A revision is written once and never changed after a release."""
