"""Definitions of Dagster, one folder per stage; the stages meet by asset key, never by import."""
