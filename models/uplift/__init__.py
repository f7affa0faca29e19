"""Who should get which offer, or none: effects of treatments by shopper, and what a policy is worth in a trial."""
