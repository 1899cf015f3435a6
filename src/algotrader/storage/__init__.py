"""What outlives the process: journal, outbox, snapshots, and the tables that people read."""
