"""Parsing anything gives a value or an error message, never another exception.

``LORASWEEP_FUZZ_EXAMPLES`` sets the examples per test; ``tests/bad_inputs/test_campaign.py`` runs
these and all other fuzz tests on a hundred thousand inputs in all.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any
from urllib.parse import quote

from bad_inputs.fuzzing import JSON, WILD, check_message, fuzz
from hypothesis import given
from hypothesis import strategies as st

from objectives.synthetic import Synthetic, SyntheticSettings
from sweep.errors import SpecError, StorageError
from sweep.storage.url import StorageUrl, default_url, folder_name
from sweep.study.rules import field_faults
from sweep.study.targets import canonical, members

SCHEMES = st.one_of(
    st.sampled_from(
        ["sqlite", "sqlite+pysqlite", "postgresql", "postgresql+psycopg", "mysql", "journal", "x"]
    ),
    st.text(max_size=6),
)
PARTS = st.one_of(WILD, st.sampled_from(["", "h", "h:5432", "h:port", "[::1]:5", "[", ":memory:"]))
SECRETS = st.text(st.characters(exclude_categories=["Cs"])).map("s3cret{}".format)
URL_LIKE = st.builds(
    "{}{}{}/{}{}".format,
    SCHEMES,
    st.sampled_from(["://", ":", "//", ":///", ""]),
    PARTS,
    PARTS,
    st.one_of(st.just(""), st.builds("?{}={}".format, WILD, WILD)),
)


@given(st.one_of(WILD, URL_LIKE))
@fuzz
def test_any_text_is_a_storage_url_or_refused(text: str) -> None:
    """Of one of three kinds, and parsing it again gives the same."""
    try:
        address = StorageUrl.parse(text)
    except StorageError as error:
        check_message(error)
        return

    assert address.kind in ("sqlite", "postgresql", "journal")
    assert (address.path is None) == (address.kind == "postgresql")
    assert StorageUrl.parse(address.url).url == address.url
    assert address.redact(address.shown) == address.shown


@given(SCHEMES, SECRETS, PARTS, WILD, st.sampled_from(["user", "password", "sslpassword"]))
@fuzz
def test_a_password_is_never_shown(
    scheme: str, secret: str, host: str, database: str, place: str
) -> None:
    """Whether the URL is valid or not, and the password quoted or raw."""
    for written in (quote(secret, safe=""), secret):
        if place == "user":
            url = f"{scheme}://u:{written}@{host}/{database}"
        else:
            url = f"{scheme}://u@{host}/{database}?{place}={written}"
        try:
            address = StorageUrl.parse(url)
        except StorageError as error:
            check_message(error, without="s3cret")
            continue
        for found in address.secrets:
            assert found not in address.redact(f"cannot connect with {found}")
        if written != secret and address.kind == "postgresql":
            assert secret in address.secrets
            assert "s3cret" not in address.shown


@given(WILD, WILD)
@fuzz
def test_any_name_has_a_folder_of_its_own(one: str, other: str) -> None:
    """One folder, inside its parent; the default URL is in it."""
    folder = folder_name(one)

    assert Path(folder).name == folder
    assert folder not in ("", ".", "..")
    assert re.fullmatch(r"[\w.,+-]{1,100}", folder, re.ASCII)
    assert folder_name(folder) == folder or folder != one
    assert one == other or folder != folder_name(other)
    assert StorageUrl.parse(default_url(one)).path == Path("runs", folder, "study.db")


TARGET_TEXTS = st.one_of(
    WILD,
    st.lists(
        st.one_of(st.sampled_from(["qkv", "mlp", "none", "query", " ", ""]), st.text(max_size=3))
    ).map("+".join),
)


@given(st.one_of(TARGET_TEXTS, JSON))
@fuzz
def test_any_target_text_has_one_form_or_is_refused(text: Any) -> None:
    """The canonical form is unchanged by itself, and has the members."""
    try:
        form = canonical(text)
    except SpecError as error:
        check_message(error)
        return

    assert canonical(form) == form
    assert members(text) == (() if form == "none" else tuple(form.split("+")))


@given(
    st.one_of(
        JSON, st.dictionaries(st.sampled_from(["function", "noise", "steps", "fail_on"]), JSON)
    )
)
@fuzz
def test_any_settings_are_an_objective_or_refused(tree: Any) -> None:
    """Any mapping that a spec accepts."""
    given_settings = tree if isinstance(tree, dict) else {"function": tree}
    try:
        made = SyntheticSettings.parse(given_settings)
    except SpecError as error:
        check_message(error)
        return

    assert list(field_faults(made, "settings")) == []
    assert Synthetic(given_settings, {}).facts()
