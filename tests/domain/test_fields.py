"""The table of an upload's fields: nothing is left out of it, and whatever is derived from it holds every field."""

from __future__ import annotations

import json
from dataclasses import fields
from pathlib import Path

from tests.conftest import DrawPicture, OpenLibrary, add_all, settled
from tests.doubles import ScriptedAnalyzer
from vuemantics_tui.domain.fields import CSV_COLUMNS, FIELDS, document, exported, facts
from vuemantics_tui.domain.upload import Upload


def test_each_attribute_of_an_upload_has_one_row() -> None:
    assert sorted(field.name for field in FIELDS) == sorted(field.name for field in fields(Upload))


def test_no_two_fields_share_a_name() -> None:
    for names in (
        [field.json for field in FIELDS if field.json],
        [field.exported for field in FIELDS if field.exported],
        [(field.section, field.label) for field in FIELDS if field.label],
    ):
        assert len(set(names)) == len(names)
    assert CSV_COLUMNS[0] == "id"
    assert set(CSV_COLUMNS) == {field.exported for field in FIELDS if field.exported} - {"metadata", "keyword_paths"}


async def test_what_is_stored_is_read_shown_and_written(
    open_library: OpenLibrary, draw_picture: DrawPicture, tmp_path: Path
) -> None:
    library = await open_library(analyzer=ScriptedAnalyzer(text="A cat sleeps on a red sofa.", tags=("cat", "sofa")))
    (added,) = await add_all(library, draw_picture(size=(64, 48)))
    await library.queue.start()
    await settled(library)
    assert added.upload is not None
    upload = await library.uploads.get(added.upload.id)
    assert upload is not None
    absolute = library.absolute

    printed = json.loads(json.dumps(document(upload, absolute)))
    assert next(iter(printed)) == "id"
    assert (printed["width"], printed["height"], printed["status"]) == (64, 48, "completed")
    assert printed["description"] == "A cat sleeps on a red sofa."
    assert printed["tags"] == ["cat", "sofa"]
    assert Path(printed["file_path"]).is_file()
    assert Path(printed["thumbnail_path"]).is_file()
    assert (printed["error_stage"], printed["retry_at"], printed["missing_model"]) == (None, None, None)

    out = json.loads(json.dumps(exported(upload, absolute)))
    assert (out["type"], out["added_at"], out["file"]) == ("image", upload.created_at, printed["file_path"])

    page = {heading: dict(found) for heading, found in facts(upload, absolute)}
    assert page["File"]["dimensions"] == "64 × 48"
    assert page["Description"]["tags"] == "cat, sofa"
    assert page["State"]["status"] == "completed, 100 %"
    assert page["State"]["message"] == page["State"]["next attempt"] == page["Description"]["written by"] == ""
