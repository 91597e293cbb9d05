"""Annotation projects: items, an append-only event log, undo, drafts, decisions, labels. No HTTP; torch only where a model is asked."""
