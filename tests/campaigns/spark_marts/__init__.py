"""Every mart of one log, built by DuckDB and by Spark: what does each take, and does anything differ?"""
