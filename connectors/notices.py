"""Who is told what: `rules/notices.yml`, the company's recipients and how they are reached.

What belongs here: reading and checking that file. What does not: what there is to tell
(`orchestration.notices`), and sending it (`orchestration.sending`).
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated, Final, Literal

from pydantic import Field, field_validator, model_validator

from connectors.alerts import RULES, Severity
from connectors.company import Code, Paths, Secret, Settings, read_model

FILE: Final = Path("rules") / "notices.yml"

Proposal = Literal["reorder", "promotion", "novelty"]
PROPOSALS: Final[tuple[Proposal, ...]] = ("reorder", "promotion", "novelty")
PARTNER_RULES: Final = ("rebate_tier_within_reach", "rebate_tier_at_risk", "late_report", "missing_report")
"""Alerts that a partner may be told of itself; all others are the company's own business."""

Address = Annotated[str, Field(pattern=r"^[^@\s,;<>]+@[^@\s,;<>]+$")]


class MailServer(Settings):
    """The SMTP server that mails leave by; `tls` is how the connection is protected."""

    host: str
    port: int = Field(default=587, ge=1, le=65535)
    tls: Literal["starttls", "implicit", "none"] = "starttls"
    user: str | None = None
    password: Secret | None = None
    sender: Address
    ca_file: Path | None = None
    timeout_seconds: int = Field(default=30, ge=1)

    @model_validator(mode="after")
    def _whole(self) -> MailServer:
        if (self.user is None) != (self.password is None):
            raise ValueError("expected 'user' and 'password' together")
        if self.user is not None and self.tls == "none":
            raise ValueError("a password would travel in clear: expected tls starttls or implicit")
        return self


class Mail(Settings):
    """By e-mail, one message to all addresses."""

    kind: Literal["email"]
    addresses: Annotated[tuple[Address, ...], Field(min_length=1)]


class Webhook(Settings):
    """To a channel of Slack or Teams. The address holds a secret, so it stands in the environment."""

    kind: Literal["slack", "teams"]
    url: Secret
    timeout_seconds: int = Field(default=30, ge=1)


class Folder(Settings):
    """As a text file in a folder."""

    kind: Literal["file"]
    folder: Path


Channel = Annotated[Mail | Webhook | Folder, Field(discriminator="kind")]


class Recipient(Settings):
    """One who is told.

    `partner` makes it that partner: it is told of itself alone, and only what a partner may know. Otherwise
    it is one of us, who is told of `partners` (all if absent), from `severity` on.
    """

    send_to: Channel
    partner: Code | None = None
    partners: tuple[Code, ...] | None = None
    language: Literal["fr", "en"] | None = None
    severity: Severity = "warning"
    rules: tuple[str, ...] | None = None
    proposals: tuple[Proposal, ...] = ()
    shown: int = Field(default=10, ge=1, description="Proposals of a kind and partner in one message.")

    @field_validator("rules")
    @classmethod
    def _known(cls, rules: tuple[str, ...] | None) -> tuple[str, ...] | None:
        for rule in rules or ():
            if rule not in RULES:
                raise ValueError(f"unknown rule {rule!r}; expected one of {', '.join(RULES)}")
        return rules

    @model_validator(mode="after")
    def _is_one_of_us_or_a_partner(self) -> Recipient:
        if self.partner is not None:
            if self.partners is not None:
                raise ValueError("expected 'partner' (told of itself) or 'partners' (one of us), not both")
            secret = [rule for rule in self.rules or () if rule not in PARTNER_RULES]
            if secret:
                raise ValueError(
                    f"a partner is not told of {secret[0]!r}; expected some of {', '.join(PARTNER_RULES)}"
                )
        return self


class Notices(Settings):
    """`rules/notices.yml`."""

    server: MailServer | None = None
    recipients: dict[Code, Recipient] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _mails_have_a_server(self) -> Notices:
        for name, recipient in self.recipients.items():
            if recipient.send_to.kind == "email" and self.server is None:
                raise ValueError(f"recipients.{name} is sent mail: expected 'server'")
        return self


def load_notices(paths: Paths) -> Notices:
    """`rules/notices.yml` of the company directory; nobody is told anything where it is absent.

    Relative paths are taken from the directory; `${AVAL_DATA}` and the environment may stand in values.
    """
    company = paths.company
    path = company / FILE
    if not path.is_file():
        return Notices()
    known = {**os.environ, "AVAL_COMPANY": str(company), "AVAL_DATA": str(paths.data)}
    notices = read_model(path, Notices, known)
    server = notices.server
    if server is not None and server.ca_file is not None:
        server = server.model_copy(update={"ca_file": (company / server.ca_file).resolve()})
    recipients = {
        name: recipient.model_copy(
            update={
                "send_to": recipient.send_to.model_copy(
                    update={"folder": (company / recipient.send_to.folder).resolve()}
                )
            }
        )
        if isinstance(recipient.send_to, Folder)
        else recipient
        for name, recipient in notices.recipients.items()
    }
    return notices.model_copy(update={"server": server, "recipients": recipients})
