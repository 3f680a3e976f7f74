"""Assets of the stage `warehouse`."""
