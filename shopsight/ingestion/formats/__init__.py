"""One reader per format of a shop's export, each turning its rows into canonical events."""
