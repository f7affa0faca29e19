"""A small shop over the sample data, to click through: its lists are the recommender's, its clicks the collector's."""
