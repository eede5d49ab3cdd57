"""What the worker and the starters share to reach Temporal and the records: settings, client, search attributes."""
