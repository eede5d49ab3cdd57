"""What people and other systems touch: command line, API and pages."""
