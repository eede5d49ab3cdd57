"""The durable shell: one workflow, one child's case."""
