"""Engines turn a Program into lanes of cells over time; none contains biology or knows another."""
