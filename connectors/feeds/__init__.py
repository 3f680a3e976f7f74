"""Partners' reports: profiles, one reader per container, and the intake that judges and lands files."""
