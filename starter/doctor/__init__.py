"""`s47 doctor`: finds the cases that are stuck, says why, and mends what can be mended by itself."""
