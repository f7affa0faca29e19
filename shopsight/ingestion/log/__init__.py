"""The append-only event log, its receipts and its quarantine."""
