"""Raw events in, the append-only event log out: importers, validation, quarantine, deduplication, landing."""
