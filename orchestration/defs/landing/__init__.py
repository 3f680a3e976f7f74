"""Assets of the stage `landing`."""
