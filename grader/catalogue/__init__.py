"""Sentences shown to people, one flat TOML file per subject and language."""
