"""The stages of the casework, one module each: what the messages of that stage mean."""
