"""What every model that reads texts does to them, and the sentence encoder that they share."""
