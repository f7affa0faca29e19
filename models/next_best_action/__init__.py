"""What to do next for a shopper: the action that campaigns with a hold-out have shown to add most, or nothing."""
