"""What EDIFACT and X12 share: from the bytes of a file to the rows of a report, and what its messages do."""
