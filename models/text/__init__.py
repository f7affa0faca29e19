"""What every model that reads texts does to them, and the encoders that they share."""
