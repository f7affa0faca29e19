"""What a policy would have earned, told from what another one logged: no shopper has to see it first."""
