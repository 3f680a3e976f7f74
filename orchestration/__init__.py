"""Wiring: Dagster definitions, gates, publication and the command line.

What belongs here: which step runs when, on what, and what the user sees of it. What does not: reading
sources (connectors/), figures (dbt_project/), rules of quality (expectations/).
"""

import os

# A warehouse of margins phones nobody. Set before dagster, dbt, Great Expectations and dlt are imported.
for _name, _value in {
    "DO_NOT_TRACK": "1",
    "DAGSTER_DISABLE_TELEMETRY": "1",
    "DBT_SEND_ANONYMOUS_USAGE_STATS": "false",
    "GX_ANALYTICS_ENABLED": "false",
    "RUNTIME__DLTHUB_TELEMETRY": "false",
}.items():
    os.environ.setdefault(_name, _value)
