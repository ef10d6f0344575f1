"""Which files belong together, by their names and facts."""

import pytest

from vuemantics_tui.domain.formats import FileType
from vuemantics_tui.domain.stacks import (
    StackFacts,
    StackName,
    StackRole,
    are_tied,
    cover_of,
    is_raw,
    joining_keys,
    pairing_keys,
    read_name,
    roles_of,
)

CLIPS = (".mov", ".mp4")


def facts(filename: str, number: int = 1, **more: object) -> StackFacts:
    file_type = FileType.VIDEO if filename.lower().endswith(CLIPS) else FileType.IMAGE
    known = {"folder": "/photos", "file_type": file_type, "is_raw": is_raw(filename, ""), **more}
    return StackFacts(number, filename, **known)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("name", "base"),
    [
        ("IMG_E1234.JPG", "img_1234"),
        ("IMG_1234-edited.jpg", "img_1234"),
        ("IMG_1234-EDIT.tif", "img_1234"),
        ("IMG_1234_edited.JPG", "img_1234"),
        ("IMG_1234-edited(1).jpg", "img_1234"),
        ("IMG_1234-bearbeitet.jpg", "img_1234"),
        ("DSC00012-Edit-2.tif", "dsc00012"),
        ("IMG_20200101_101112~2.jpg", "img_20200101_101112"),
        ("PXL_20230101_101112345~2.jpg", "pxl_20230101_101112345"),
    ],
)
def test_an_edited_copy_has_the_name_of_its_original(name: str, base: str) -> None:
    assert read_name(name) == StackName(base, is_edited=True)


@pytest.mark.parametrize(
    "name",
    ["IMG_1234(1).jpg", "IMG_1234 2.jpg", "credit.jpg", "edited.jpg", "IMG_EVENT.jpg", "IMG_1234 copy.jpg", "a~2.jpg"],
)
def test_other_names_are_no_edited_copies(name: str) -> None:
    assert not read_name(name).is_edited


@pytest.mark.parametrize(
    ("name", "burst", "cover"),
    [
        ("IMG_20200101_101112_BURST001.jpg", "img_20200101_101112", False),
        ("IMG_20200101_101112_BURST001_COVER.jpg", "img_20200101_101112", True),
        ("20200101_101112_Burst01.jpg", "20200101_101112", False),
        ("00000PORTRAIT_00000_BURST20200101101112345.jpg", "20200101101112345", False),
        ("00100lPORTRAIT_00100_BURST20200101101112345_COVER.jpg", "20200101101112345", True),
        ("DSC_0001_BURST20200101101112345.JPG", "20200101101112345", False),
        ("20240601_101112_001.jpg", "20240601_101112", False),
        ("20240601_101112.jpg", "", False),
        ("20240601_101112(1).jpg", "", False),
        ("sunburst.jpg", "", False),
        ("burst1.jpg", "", False),
    ],
)
def test_names_of_bursts(name: str, burst: str, cover: bool) -> None:
    read = read_name(name)
    assert (read.burst, read.is_cover) == (burst, cover)


NOON = "2024-06-01T12:00:00"


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (facts("IMG_0102.JPG"), facts("IMG_0102.MOV")),
        (facts("IMG_0102.HEIC", taken_at=NOON), facts("img_0102.mov", taken_at="2024-06-01T12:00:02")),
        # A clip's clock in UTC, the still's on the wall.
        (facts("IMG_0102.HEIC", taken_at=NOON), facts("IMG_0102.MOV", taken_at="2024-06-01T06:30:01+00:00")),
        (facts("DSC_0001.NEF", taken_at=NOON), facts("DSC_0001.JPG", taken_at=NOON)),
        (facts("A.DNG", folder="/raw", taken_at=NOON), facts("A.jpg", folder="/jpeg", taken_at=NOON)),
        (facts("IMG_1234.JPG"), facts("IMG_E1234.JPG")),
        (facts("PXL_20230101_101112345.RAW-01.COVER.jpg"), facts("PXL_20230101_101112345.RAW-02.ORIGINAL.dng")),
        (
            facts("PXL_20230101_101112345.PORTRAIT-01.COVER.jpg"),
            facts("PXL_20230101_101112345.PORTRAIT-02.ORIGINAL.jpg"),
        ),
        (
            facts("DSC_0007.JPG", taken_at=f"{NOON}.100", camera="Nikon D850"),
            facts("DSC_0008.JPG", taken_at=f"{NOON}.230", camera="Nikon D850"),
        ),
    ],
)
def test_these_belong_together(one: StackFacts, other: StackFacts) -> None:
    assert are_tied(one, other)
    assert are_tied(other, one)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (facts("IMG_1234.JPG"), facts("IMG_1234(1).JPG")),
        (facts("IMG_1234.JPG"), facts("IMG_1234.HEIC")),
        (facts("IMG_1234.JPG"), facts("IMG_1235.JPG")),
        (facts("IMG_0102.JPG", folder="/a"), facts("IMG_0102.MOV", folder="/b")),
        (facts("IMG_0102.JPG", taken_at=NOON), facts("IMG_0102.MOV", taken_at="2024-06-01T12:07:00")),
        (facts("IMG_0102.JPG", taken_at=NOON), facts("IMG_0102.MOV", taken_at="2024-06-03T12:00:00")),
        (facts("IMG_0102.JPG"), facts("IMG_0102.MOV", duration=95.0)),
        (facts("poster.png", is_photo=False), facts("poster.mp4")),
        (facts("IMG_0102.JPG", content_identifier="A"), facts("IMG_0102.MOV", content_identifier="B")),
        (facts("DSC_0001.NEF", taken_at=NOON), facts("DSC_0001.JPG", taken_at="2024-06-01T12:00:09")),
        (facts("DSC_0001.NEF", camera="Nikon D850"), facts("DSC_0001.JPG", camera="Nikon Z6")),
        # A second apart, without sub-seconds, with a gap in the numbers, by two cameras.
        (
            facts("DSC_0007.JPG", taken_at=f"{NOON}.1", camera="D850"),
            facts("DSC_0008.JPG", taken_at="2024-06-01T12:00:01.2", camera="D850"),
        ),
        (facts("DSC_0007.JPG", taken_at=NOON, camera="D850"), facts("DSC_0008.JPG", taken_at=NOON, camera="D850")),
        (
            facts("DSC_0007.JPG", taken_at=f"{NOON}.1", camera="D850"),
            facts("DSC_0009.JPG", taken_at=f"{NOON}.2", camera="D850"),
        ),
        (
            facts("DSC_0007.JPG", taken_at=f"{NOON}.1", camera="D850"),
            facts("DSC_0008.JPG", taken_at=f"{NOON}.2", camera="Z6"),
        ),
        (facts("IMG_0102.JPG", by_hand=0), facts("IMG_0102.MOV")),
    ],
)
def test_these_do_not(one: StackFacts, other: StackFacts) -> None:
    assert not are_tied(one, other)
    assert not are_tied(other, one)


def test_what_is_apart_by_hand_has_no_keys() -> None:
    apart = facts("20240601_101112_001.jpg", burst_id="B", content_identifier="C", taken_at=NOON, by_hand=0)
    assert not [*joining_keys(apart), *pairing_keys(apart)]


def test_a_burst_name_without_a_moment_counts_in_its_folder_alone() -> None:
    here, there = (facts("IMG_0007_BURST001.jpg", folder=folder) for folder in ("/a", "/b"))
    assert not set(joining_keys(here)) & set(joining_keys(there))
    here, there = (facts("20240601_101112_001.jpg", folder=folder) for folder in ("/a", "/b"))
    assert set(joining_keys(here)) & set(joining_keys(there))


@pytest.mark.parametrize(
    ("cover", "others"),
    [
        (facts("IMG_0102.HEIC"), [facts("IMG_0102.MOV", pixels=9)]),
        (facts("DSC_0001.JPG", pixels=1), [facts("DSC_0001.NEF", pixels=9)]),
        (facts("IMG_E1234.JPG"), [facts("IMG_1234.JPG", pixels=9), facts("IMG_1234.MOV")]),
        (facts("A_BURST20200101101112_COVER.jpg"), [facts("A_BURST20200101101112.jpg", sharpness=9.0)]),
        (
            facts("20240601_101112_002.jpg", sharpness=5.0),
            [
                facts("20240601_101112_001.jpg", sharpness=2.0),
                facts("20240601_101112_003.jpg", sharpness=9.0, is_trashed=True),
            ],
        ),
        (facts("IMG_1234.JPG"), [facts("IMG_E1234.JPG", is_hidden=True)]),
        (facts("DSC_0001.NEF", is_chosen=True), [facts("DSC_0001.JPG")]),
    ],
)
def test_who_stands_for_a_stack(cover: StackFacts, others: list[StackFacts]) -> None:
    assert cover_of([cover, *others]) is cover
    assert cover_of([*reversed(others), cover]) is cover


def test_roles() -> None:
    members = [
        facts("IMG_1234.HEIC", 1, content_identifier="A"),
        facts("IMG_1234.MOV", 2, content_identifier="A"),
        facts("IMG_1234.DNG", 3),
        facts("IMG_E1234.HEIC", 4),
    ]
    assert roles_of(members) == {1: StackRole.STILL, 2: StackRole.CLIP, 3: StackRole.RAW, 4: StackRole.EDITED}
    burst = [facts(f"20240601_101112_00{number}.jpg", number) for number in (1, 2)]
    assert set(roles_of(burst).values()) == {StackRole.FRAME}
    edited = [facts("a1.jpg", 1), facts("a1-edited.jpg", 2)]
    assert roles_of(edited) == {1: StackRole.ORIGINAL, 2: StackRole.EDITED}
    clips = [facts("IMG_0001.MOV", 1), facts("IMG_E0001.MOV", 2)]
    assert roles_of(clips) == {1: StackRole.ORIGINAL, 2: StackRole.EDITED}
    by_hand = [facts("cat.jpg", 1, by_hand=7), facts("dog.mp4", 2, by_hand=7)]
    assert set(roles_of(by_hand).values()) == {StackRole.MEMBER}
