"""The frame around the pages: `aval dashboard` starts it, and shows it in the browser."""

import duckdb
import streamlit as st

from connectors.errors import AvalError
from dashboards.drawing import plain
from dashboards.reading import Publication, current
from orchestration.publish import fault_of_age

PAGES = ("network", "partner", "stock", "margin", "alerts")


def show_frame(publication: Publication) -> None:
    as_of, version, received, expected = publication.row(
        "select as_of_date, publication_id, reports_received, reports_expected from marts.publication"
    )
    st.sidebar.caption(
        f"**{plain(publication.company)}**  \n"
        f"{publication.word('as_of')} {publication.said(as_of, 'date')}  \n"
        f"{publication.word('of_reports').format(received=received, expected=expected)}  \n"
        f"{publication.word('version')} {version}"
    )


def main() -> None:
    st.set_page_config(page_title="Aval", layout="wide")
    try:
        publication = st.session_state["publication"] = current()
        page = st.navigation(
            [
                st.Page(f"{name}.py", title=publication.word(name), url_path=name, default=name == "network")
                for name in PAGES
            ]
        )
        st.set_page_config(page_title=f"{page.title} - {publication.company}")
        show_frame(publication)
        st.title(page.title)
        page.run()
    except AvalError as error:
        st.error(plain(str(error)))
    except duckdb.Error as error:
        fault = fault_of_age(error)
        if fault is None:
            raise
        st.error(plain(str(fault)))


main()
