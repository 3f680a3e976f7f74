"""What asks for a hand now: open alerts, the most urgent first, with what to do."""

import pandas as pd
import streamlit as st

from connectors.alerts import SEVERITIES
from dashboards.reading import Publication
from orchestration.alert_words import WORDS, listed, measured_in_words
from orchestration.alerts import published_alerts


def show(publication: Publication) -> None:
    locale = publication.locale
    words = WORDS[locale]
    severities = st.sidebar.multiselect(
        words["severity"], SEVERITIES, default=SEVERITIES, format_func=words.__getitem__
    )
    alerts = [
        alert
        for alert in published_alerts(publication.folder, version=publication.version)
        if alert.severity in severities
    ]
    if not alerts:
        st.success(publication.word("no_alert"))
        return
    columns = st.columns(len(SEVERITIES))
    for place, severity in zip(columns, SEVERITIES, strict=True):
        count = sum(alert.severity == severity for alert in alerts)
        place.metric(words[severity], publication.said(count, "count"))
    stake = words["stake"].format(currency=publication.currency)
    frame = pd.DataFrame(
        {
            words["severity"]: words[alert.severity],
            words["alert"]: alert.name(locale),
            words["subject"]: listed(alert, locale).replace("\n", ", "),
            stake: None if alert.stake is None else float(alert.stake),
            words["action"]: alert.action(locale),
            words["since"]: alert.since,
            words["measured"]: measured_in_words(alert, locale).replace("\n", ", "),
        }
        for alert in alerts
    )
    st.dataframe(
        frame,
        hide_index=True,
        height=640,
        placeholder=publication.word("not_known"),
        column_config={
            words["since"]: st.column_config.DateColumn(format="localized"),
            stake: st.column_config.NumberColumn(format="localized"),
        },
    )


show(st.session_state["publication"])
