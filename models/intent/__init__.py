"""What a shopper wants with an utterance: five labels, English and Chinese."""
