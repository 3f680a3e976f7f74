"""Assets of the stage `publish`."""
