"""The durable shell: one workflow per child's case."""
