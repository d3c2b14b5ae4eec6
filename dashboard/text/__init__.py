"""Explanations shown in the app, one file a topic."""
