"""Sources that are files: what lands, what is held back, and what a second reading changes."""

from __future__ import annotations

import textwrap
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import xlsxwriter

from connectors import privacy
from connectors.company import load_company
from connectors.errors import ConfigError
from connectors.feeds.customers import ANYBODY, partner_key
from connectors.landing import forget_unrecorded
from connectors.ledger import Ledger
from tests.unit.connectors.sources.conftest import Site

SURVEY: dict[str, Any] = {
    "kind": "file",
    "path": "answers*.csv",
    "columns": {
        "answer_number": "N°",
        "subject_code": {"column": "Sujet", "codes": {"revendeur": "partner", "produit": "product"}},
        "partner_code": "Revendeur",
        "product_code": "Article",
        "answer_date": "Répondu le",
        "score": "Note",
        "respondent_key": "E-mail",
    },
}
HEAD = "N°;Sujet;Revendeur;Article;Répondu le;Note;E-mail;Verbatim\n"
TICKETS: dict[str, Any] = {
    "kind": "file",
    "path": "tickets.csv",
    "columns": {
        "ticket_number": "no",
        "opened_date": "opened",
        "closed_date": "closed",
        "partner_code": "who",
    },
}


def test_a_file_of_a_french_office_lands_typed_and_without_people(site: Site) -> None:
    site.connect(survey_answers=SURVEY)
    site.write(
        "answers.csv",
        HEAD
        + "A1;revendeur;D01;;31/01/2026;9;Ana@Client.example;bien\n"
        + 'A2;produit;D01;P1;2026-02-28 17:04:00;6;;"trop\nlent"\n'
        + "A3;produit;;P1;28/02/2026;0;bo@client.example;\n",
        "cp1252",
    )

    outcome = site.take_in()["survey_answers"]

    assert (outcome.state, outcome.rows_read, outcome.rows_landed, outcome.rows_held) == ("landed", 3, 3, 0)
    ana = partner_key("D01").hash("ana@client.example")
    nobodys = partner_key(ANYBODY).hash("bo@client.example")
    assert site.landed(
        "survey_answers",
        "answer_number, subject_code, partner_code, product_code, answer_date::varchar, score, "
        "respondent_key, _source_file, _source_row",
    ) == [
        ("A1", "partner", "D01", None, "2026-01-31", 9, ana, "answers.csv", 2),
        ("A2", "product", "D01", "P1", "2026-02-28", 6, None, "answers.csv", 3),
        ("A3", "product", None, "P1", "2026-02-28", 0, nobodys, "answers.csv", 5),
    ]
    assert not any(b"Client.example" in content for content in site.files().values())


def test_a_row_with_faults_is_held_back_with_each_of_them_and_without_the_person(site: Site) -> None:
    site.connect(survey_answers=SURVEY)
    site.write(
        "answers.csv",
        HEAD
        + "A1;revendeur;D01;;31/01/2026;9;;\n"
        + "A2;vendeur;D01;;32/01/2026;11;ana@client.example;\n"
        + "A3;produit;D01;;31/01/2026;7;;\n"
        + ";revendeur;D01;;31/01/2026;7,5;;\n"
        + "A5;revendeur;D01;;31/01/2026;7;;;;trop\n",
    )

    outcome = site.take_in()["survey_answers"]

    assert (outcome.rows_read, outcome.rows_landed, outcome.rows_held) == (5, 1, 4)
    faults = site.faults("survey_answers")
    assert [(f.source_row, f.column_name, f.value, f.reason_code) for f in faults] == [
        (3, "Sujet", "vendeur", "unknown_code"),
        (3, "Répondu le", "32/01/2026", "invalid_date"),
        (3, "Note", "11", "out_of_bounds"),
        (4, "product_code", None, "missing_value"),
        (5, "N°", None, "missing_value"),
        (5, "Note", "7,5", "invalid_number"),
        (6, None, None, "malformed_row"),
    ]
    assert "'revendeur', 'produit'" in faults[0].reason
    assert "0 to 10" in faults[2].reason
    assert "ana@" not in "".join(fault.raw_text for fault in faults)
    (batch,) = site.batches()
    assert (batch.rows_read, batch.rows_accepted, batch.rows_quarantined, batch.rows_skipped) == (5, 1, 4, 0)


def test_the_same_bytes_twice_change_nothing_and_a_mended_row_lands_alone(site: Site) -> None:
    site.connect(survey_answers=SURVEY)
    site.write("answers.csv", HEAD + "A1;revendeur;D01;;31/01/2026;9;;\nA2;revendeur;D01;;31/01/2026;12;;\n")
    site.take_in()
    before = site.files()

    again = site.take_in()["survey_answers"]

    assert (again.state, again.rows_read, again.rows_held) == ("unchanged", 0, 1)
    assert site.files() == before
    site.write("answers.csv", HEAD + "A1;revendeur;D01;;31/01/2026;9;;\nA2;revendeur;D01;;31/01/2026;10;;\n")
    mended = site.take_in()["survey_answers"]
    assert (mended.rows_read, mended.rows_landed, mended.rows_held) == (2, 1, 0)
    assert site.landed("survey_answers", "answer_number, score") == [("A1", 9), ("A2", 10)]
    assert site.faults("survey_answers") == []
    assert [batch.rows_skipped for batch in site.batches()] == [0, 1]


def test_settings_that_change_read_the_same_file_again(site: Site) -> None:
    site.connect(survey_answers=SURVEY)
    site.write("answers.csv", HEAD + "A1;partenaire;D01;;31/01/2026;9;;\n")
    assert site.take_in()["survey_answers"].rows_held == 1

    codes = {**SURVEY["columns"], "subject_code": {"column": "Sujet", "codes": {"partenaire": "partner"}}}
    site.connect(survey_answers={**SURVEY, "columns": codes})

    assert site.take_in()["survey_answers"].rows_landed == 1


def test_of_several_files_the_last_one_counts_and_a_key_stands_once_in_each(site: Site) -> None:
    site.connect(survey_answers=SURVEY)
    site.write("answers_1.csv", HEAD + "A1;revendeur;D01;;31/01/2026;3;;\nA2;revendeur;D01;;31/01/2026;4;;\n")
    site.write(
        "answers_2.csv",
        HEAD
        + "A1;revendeur;D01;;31/01/2026;9;;\n"
        + "A3;revendeur;D01;;31/01/2026;5;;\n"
        + "A3;revendeur;D01;;31/01/2026;5;;\n"
        + "A3;revendeur;D01;;31/01/2026;6;;\n",
    )

    outcome = site.take_in()["survey_answers"]

    assert (outcome.rows_read, outcome.rows_landed, outcome.rows_held) == (6, 3, 1)
    landed = site.landed("survey_answers", "answer_number, score, _source_file")
    assert sorted(landed) == [
        ("A1", 9, "answers_2.csv"),
        ("A2", 4, "answers_1.csv"),
        ("A3", 5, "answers_2.csv"),
    ]
    assert [(f.source_row, f.value, f.reason_code) for f in site.faults("survey_answers")] == [
        (5, "A3", "double_key")
    ]


def test_what_is_gone_stays_unless_the_file_is_complete(site: Site) -> None:
    both = "no,opened,closed,who\n1,2026-01-05,,D01\n2,2026-01-06,,D01\n"
    one = "no,opened,closed,who\n2,2026-01-06,,D01\n"
    site.connect(support_tickets=TICKETS)
    site.write("tickets.csv", both)
    site.take_in()
    site.write("tickets.csv", one)
    assert site.take_in()["support_tickets"].rows_gone == 0

    site.connect(support_tickets={**TICKETS, "is_complete": True})
    assert site.take_in()["support_tickets"].rows_gone == 1
    assert site.landed("support_tickets", "ticket_number, _is_deleted")[-1] == ("1", True)

    site.write("tickets.csv", "no,opened,closed,who\n")
    emptied = site.take_in()["support_tickets"]
    assert emptied.error is not None
    assert emptied.error.code == "source_empty"


def test_nothing_counts_as_gone_while_a_row_is_held_back(site: Site) -> None:
    site.connect(support_tickets={**TICKETS, "is_complete": True})
    site.write("tickets.csv", "no,opened,closed,who\n1,2026-01-05,,D01\n2,2026-01-06,,D01\n")
    site.take_in()

    site.write("tickets.csv", "no,opened,closed,who\n,2026-01-05,,D01\n2,2026-01-06,2026-01-05,D01\n")
    outcome = site.take_in()["support_tickets"]

    assert (outcome.rows_gone, outcome.rows_held) == (0, 2)
    assert [fault.reason_code for fault in site.faults("support_tickets")] == [
        "missing_value",
        "dates_reversed",
    ]


def test_a_source_that_cannot_be_read_stops_no_other_and_loses_nothing(site: Site) -> None:
    site.connect(survey_answers=SURVEY, support_tickets=TICKETS)
    site.write("answers.csv", HEAD + "A1;revendeur;D01;;31/01/2026;9;;\n")
    site.write("tickets.csv", "no,opened,closed,who\n1,2026-01-05,,D01\n")
    site.take_in()
    before = site.files()

    (site.folder / "answers.csv").write_text(
        HEAD.replace("Note", "Score") + "A2;revendeur;D01;;1/2/2026;9;;\n"
    )
    site.write("tickets.csv", "no,opened,closed,who\n1,2026-01-05,,D01\n2,2026-01-06,,D01\n")
    outcomes = site.take_in()

    broken = outcomes["survey_answers"]
    assert broken.state == "failed"
    assert broken.error is not None
    assert broken.error.code == "source_columns"
    assert broken.error.place.column == "Note"
    assert "'Score'" in broken.error.problem
    assert outcomes["support_tickets"].rows_landed == 1
    assert "Note" in (site.standing("survey_answers").failure or "")
    assert before.items() <= site.files().items()
    site.write("answers.csv", HEAD + "A1;revendeur;D01;;31/01/2026;9;;\n")
    assert site.take_in()["survey_answers"].state == "unchanged"
    assert site.standing("survey_answers").failure is None


@pytest.mark.parametrize(
    ("content", "code"),
    [
        (None, "source_missing"),
        (b"", "source_columns"),
        (HEAD.encode() + b'A1;"revendeur"x;D01;;31/01/2026;9;;\n', "invalid_csv"),
        (b"PK\x03\x04 not a table", "source_columns"),
    ],
)
def test_a_file_that_is_none_gives_one_clear_error(site: Site, content: bytes | None, code: str) -> None:
    site.connect(survey_answers=SURVEY)
    if content is not None:
        (site.folder / "answers.csv").write_bytes(content)

    error = site.take_in()["survey_answers"].error

    assert error is not None
    assert error.code == code
    assert error.remedy


def test_excel_and_parquet_give_what_csv_gives(site: Site, tmp_path: Path) -> None:
    visits = {
        "kind": "file",
        "path": "visits.xlsx",
        "sheet": "Jours",
        "columns": {
            "partner_code": "shop",
            "source_code": {"value": "search"},
            "visit_date": "day",
            "visitor_count": "visitors",
            "purchase_count": "bought",
        },
    }
    book = xlsxwriter.Workbook(str(tmp_path / "visits.xlsx"))
    book.add_worksheet("Lisez-moi").write(0, 0, "rien")
    sheet = book.add_worksheet("Jours")
    sheet.write_row(1, 0, ["day", "Shop", "visitors", "bought"])
    sheet.write_row(2, 0, ["2026-03-01", "W01", 1200, 30])
    sheet.write_row(4, 0, ["2026-03-02", "W01", "", 12])
    book.close()
    site.connect(shop_visits=visits)
    columns = "partner_code, source_code, visit_date::varchar, visitor_count, purchase_count, _source_row"

    assert site.take_in()["shop_visits"].rows_landed == 2
    assert site.landed("shop_visits", columns) == [
        ("W01", "search", "2026-03-01", 1200, 30, 3),
        ("W01", "search", "2026-03-02", None, 12, 5),
    ]

    table = pa.table(
        {
            "day": pa.array(["2026-03-01", "2026-03-02", "2026-03-03"]).cast(pa.date32()),
            "shop": ["W01", "W01", "W01"],
            "visitors": pa.array([1200, None, 7], pa.int32()),
            "bought": [30.0, 12.0, 1.0],
        }
    )
    pq.write_table(table, tmp_path / "visits.parquet")
    site.connect(shop_visits={**visits, "path": "visits.parquet", "sheet": None})
    assert site.take_in()["shop_visits"].rows_landed == 1
    assert site.landed("shop_visits", columns)[-1] == ("W01", "search", "2026-03-03", 7, 1, 3)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ("      scor: Note\n", "'scor' is no column of the contract"),
        ("      respondent_key: E-mail\n", "expected 'answer_number' too"),
        ("      score: {column: Note, value: '3'}\n", "exactly one of 'column' and 'value'"),
    ],
)
def test_a_wrong_setting_is_one_error_with_its_line(site: Site, change: str, said: str) -> None:
    site.write(
        "company.yml",
        textwrap.dedent(
            """\
            company: {code: mini, name: Mini}
            erp: {kind: tryton, url: "sqlite://"}
            inbox: {path: inbox}
            sources:
              survey_answers:
                kind: file
                path: a.csv
                columns:
            """
        )
        + change,
    )

    with pytest.raises(ConfigError) as raised:
        load_company(site.paths)

    assert said in str(raised.value)
    assert raised.value.place.line in (8, 9)


def test_an_unknown_entity_is_an_error(site: Site) -> None:
    site.connect(visits=TICKETS)
    with pytest.raises(ConfigError, match="survey_answers"):
        load_company(site.paths)


def test_what_a_killed_intake_left_is_no_batch_and_is_removed(site: Site) -> None:
    site.connect(support_tickets=TICKETS)
    site.write("tickets.csv", "no,opened,closed,who\n1,2026-01-05,,D01\n")
    site.take_in()
    folder = site.paths.landing / "sources" / "support_tickets"
    (landed,) = [path for path in folder.glob("*.parquet") if not path.name.startswith("_")]
    (folder / "20990101T000000000000-dead.parquet").write_bytes(landed.read_bytes())

    removed = forget_unrecorded(site.paths.landing / "sources", {batch.batch_id for batch in site.batches()})

    assert [path.name for path in removed] == ["20990101T000000000000-dead.parquet"]
    assert landed.is_file()


def test_a_person_who_is_erased_leaves_the_answer_and_the_source_is_named(site: Site) -> None:
    site.connect(survey_answers=SURVEY)
    site.write(
        "answers.csv",
        HEAD
        + "A1;revendeur;D01;;31/01/2026;9;Ana@client.example;\n"
        + "A2;revendeur;D02;;31/01/2026;3;ana@client.example;\n"
        + "A3;produit;;P1;31/01/2026;5;ana@client.example;\n",
    )
    site.take_in()
    who = privacy.wanted("D01", ["ana@client.example"])

    with Ledger(site.paths.ledger) as ledger:
        erased, left = privacy.erase(site.paths, load_company(site.paths), {}, ledger, who, now=site.now)
        pending = ledger.pending_systems()

    assert erased.rows == 2
    assert site.landed("survey_answers", "answer_number, score, respondent_key is not null") == [
        ("A1", 9, False),
        ("A2", 3, True),
        ("A3", 5, False),
    ]
    assert "sources" in pending
    assert [text for text in left if text.startswith("survey_answers")]
