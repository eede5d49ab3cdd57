"""What touches the world: records, notices, bank holidays."""
