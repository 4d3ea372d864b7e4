"""Collected faults of a data source."""

from __future__ import annotations

import pytest

from objectives.data.errors import SHOWN, RecordErrors
from sweep.errors import DataError


def test_a_source_without_faults_raises_nothing() -> None:
    """And nothing was skipped."""
    assert RecordErrors().settle("dir", skip_bad=False) == ()


def test_bad_records_are_refused_together_or_skipped_on_request() -> None:
    """The heading has the number of bad records, where they are, and the option to skip them."""
    problems = RecordErrors()
    problems.add_record(["one.", "two."])
    problems.add_record(["three."])

    assert problems.settle("dir", skip_bad=True) == ("one. two.", "three.")
    head = r"data must hold no bad file or record, got '2 bad' \(dir\)\. Correct them, or leave "
    with pytest.raises(DataError, match=head + r"these records out with --skip-bad\.\none\. two\."):
        problems.settle("dir", skip_bad=False)


def test_bad_file_cannot_be_skipped() -> None:
    """It would be unknown what was lost."""
    problems = RecordErrors()
    problems.files.append("no column.")

    with pytest.raises(DataError, match=r"'1 bad' \(dir\)\. Correct them\.\nno column\.$"):
        problems.settle("dir", skip_bad=True)


def test_long_list_is_cut_and_counted() -> None:
    """The first faults are shown."""
    problems = RecordErrors(records=[f"fault {number}." for number in range(SHOWN + 7)])

    with pytest.raises(DataError, match=r"'27 bad'") as caught:
        problems.settle("dir", skip_bad=False)

    assert len(caught.value.faults) == 1 + SHOWN + 1
    assert caught.value.faults[-1] == "and 7 more"
