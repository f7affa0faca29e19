"""Files and pages turned into rows, with the line and the bytes of each."""
