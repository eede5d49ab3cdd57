"""The pure rules of casework: a case, a message and an instant give a new case and effects."""
