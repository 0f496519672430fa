"""Charging curves of real cars, and the converter that made the table (see SOURCES.md)."""
