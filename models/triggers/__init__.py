"""What follows from a shopper's deed, or from the lack of one: rules, when they are due, and what they added."""
