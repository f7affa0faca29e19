"""Search: judged queries, the sample shop's planted relevance, clicks with position bias, and speed."""
