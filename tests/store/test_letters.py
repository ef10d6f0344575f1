"""Names, tags, cameras and texts in the letters of the world: however they are typed and encoded, they are found."""

from __future__ import annotations

import json
import sqlite3
import unicodedata
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.conftest import insert_upload
from tests.store.test_migrating import ROWS
from tests.store.test_uploads import complete
from vuemantics_tui.domain.query import Sort, parse_query
from vuemantics_tui.domain.text import segmented
from vuemantics_tui.domain.view import SortKey, View
from vuemantics_tui.store.copies import APPLICATION_ID
from vuemantics_tui.store.database import Database, known_migrations
from vuemantics_tui.store.filters import FilterStore
from vuemantics_tui.store.search import FullText
from vuemantics_tui.store.tags import TagStore
from vuemantics_tui.store.uploads import UploadStore

NOW = datetime(2024, 7, 1, 12, tzinfo=UTC)
# Each way to type something, and names that hold it.
SPELLINGS = {
    "Käthe am Strand.jpg": ("KÄTHE", "käthe", "kathe", unicodedata.normalize("NFD", "Käthe")),
    unicodedata.normalize("NFD", "Zoë im Grünen.jpg"): ("zoë", "ZOE", "grünen", unicodedata.normalize("NFD", "GRÜNEN")),
    "МОСКВА Ёлка.jpg": ("москва", "Москва", "елка", "ЁЛКА"),
    "İstanbul.jpg": ("istanbul", "ISTANBUL", "İSTANBUL", "ıstanbul"),
    "Σίσυφος.jpg": ("ΣΊΣΥΦΟΣ", "σισυφος", "Σισυφοσ"),
    "ﬁnal ｐａｒｔｙ.jpg": ("final", "FINAL", "party", "ＰＡＲＴＹ"),
    "Straße Øster Łódź.jpg": ("strasse", "STRASSE", "oster", "lodz", "ŁÓDŹ", "straße"),
    "Þór Đà Nẵng Cœur Æon.jpg": ("thor", "da nang", "coeur", "aeon", "ÞÓR"),
    "Paraŀlel Ħamrun.jpg": ("parallel", "paral·lel", "hamrun"),
    "東京2024旅行.jpg": ("東京", "東", "旅行", "2024", "東京2024", "２０２４"),
    "IMG_京都.jpg": ("京都", "都", "img_京"),
    "ｶﾞﾗｽの塔.jpg": ("ガラス", "ｶﾞﾗｽ", "塔", unicodedata.normalize("NFD", "ガラ")),
    unicodedata.normalize("NFD", "서울여행.jpg"): ("서울", "여행", "울", unicodedata.normalize("NFD", "여행")),
    "น้ำตกสวย.jpg": ("น้ำตก", "ตก", "สวย"),
    "हिन्दी.jpg": ("हिन्दी", "हिन"),
    "مُحَمَّد.jpg": ("محمد", "مُحَمَّد"),
    "🎉Fest👩‍🍳.jpg": ("🎉", "🎉fest", "fest"),
    "Bildschirmfoto um 10.11.12\u202fAM – L’été.jpg": ("12 am", "l'été", "L’ETE", "am -"),
}
CASES = [(name, typed) for name, spellings in SPELLINGS.items() for typed in spellings]
# Word search begins at a word in those scripts that have words, and a half word is found while one types.
WORDS = [(name, typed) for name, typed in CASES if typed not in ("हिन", "am -")]


async def by_filter(database: Database, line: str) -> list[int]:
    """Which uploads a line of filters leaves."""
    return list((await FilterStore(database).matching(parse_query(line), NOW)).numbers)


async def by_word(database: Database, line: str) -> list[int]:
    """Which uploads a line of words and phrases finds in the full text."""
    query = parse_query(line)
    found = await FullText(database).search(
        query.words, every=True, limit=99, phrases=query.phrases, excluded=query.excluded_phrases
    )
    return sorted(found)


@pytest.fixture
async def named(database: Database) -> Database:
    """A library of one described upload for each name."""
    for name in SPELLINGS:
        await complete(database, await insert_upload(UploadStore(database), name), "Nothing of it is said here.", ())
    return database


async def test_a_name_is_found_however_it_is_typed(named: Database) -> None:
    for name, typed in CASES:
        number = list(SPELLINGS).index(name) + 1
        assert await by_filter(named, f'name:"{typed}"') == [number], (name, typed)
        assert number not in await by_filter(named, f'-name:"{typed}"'), (name, typed)
        assert await by_filter(named, f'name:"*{typed}*.jp*"') == [number], (name, typed)


async def test_a_word_of_a_name_is_found_however_it_is_typed(named: Database) -> None:
    for name, typed in WORDS:
        number = list(SPELLINGS).index(name) + 1
        assert await by_word(named, typed) == [number], (name, typed)
        assert await by_word(named, f'"{typed}"') == [number], (name, typed)
        assert number not in await by_word(named, f'nothing -"{typed}"'), (name, typed)


async def test_texts_without_blanks_are_found_by_their_parts(database: Database) -> None:
    texts = [
        "夕焼けの海岸で犬が走っている。",
        "一只黑色的狗在海边的沙滩上奔跑。",
        "해변에서 강아지가 뛰어놀고 있습니다.",
        "สุนัขกำลังวิ่งเล่นบนชายหาดตอนพระอาทิตย์ตก",
        "A dog on the beach 海岸 at dusk.",
    ]
    for text in texts:
        await complete(database, await insert_upload(UploadStore(database), "1.jpg"), text, ("夕焼け",))
    await complete(database, await insert_upload(UploadStore(database), "1.jpg"), "A cat.", ("黑狗", "ชายหาด"))
    for typed, expected in {
        "犬": [1],
        "海岸": [1, 5],
        "海岸 dog": [5],
        "狗": [2, 6],
        "黑狗": [6],
        "黑色的狗": [2],
        "海辺": [],
        "海 沙滩": [2],
        '"海边的沙滩"': [2],
        "海 -海岸": [2],
        "강아지": [3],
        "해변": [3],
        "สุนัข": [4],
        "ชายหาด": [4, 6],
        "พระอาทิตย์": [4],
        "夕焼け": [1, 2, 3, 4, 5],
    }.items():
        assert await by_word(database, typed) == expected, typed
    half = await FullText(database).search(["沙"], every=True, limit=9, half_typed=True)
    assert half == [2]


async def test_a_tag_is_one_however_its_letters_are_encoded(database: Database) -> None:
    tags, store = TagStore(database), UploadStore(database)
    ids = [await insert_upload(store, name) for name in ("a", "b", "c")]
    await tags.add(ids[:1], ["Käthe"])
    await tags.add(ids[1:2], [unicodedata.normalize("NFD", "KÄTHE")])
    await tags.add(ids[2:], ["Kathe"])
    assert [(tag.name, tag.count) for tag in await tags.own()] == [("Kathe", 1), ("Käthe", 2)]
    # Whoever types it without the dots is not asked which one is meant.
    for typed in ("käthe", "KÄTHE", "kathe", unicodedata.normalize("NFD", "käthe"), "k*the"):
        assert await by_filter(database, f"tag:{typed}") == [1, 2, 3], typed
    assert {tag.name for tag in await tags.beginning("KÄT", 8)} == {"Käthe", "Kathe"}
    await complete(database, ids[0], "A portrait.", (unicodedata.normalize("NFD", "käthe"), "5* best", "５＊ Straße"))
    assert (await store.by_numbers([1]))[0].own_tags == ("Käthe",)
    assert (await tags.of([1]))[1] == ("Käthe", "5* best", "５＊ Straße")
    assert await by_filter(database, r'tag:"5\* BEST"') == [1]
    assert await by_filter(database, r'tag:"5\* strasse"') == [1]
    assert await tags.change(ids[:1], remove=[unicodedata.normalize("NFD", "käthe")]) == 1


async def test_a_camera_is_found_however_it_is_typed(database: Database) -> None:
    await insert_upload(UploadStore(database))
    async with database.transaction() as connection:
        facts = json.dumps({"camera_make": "Красногорск", "camera_model": "Зенит Ё"})
        await connection.execute("UPDATE uploads SET metadata = ?", (facts,))
    for typed in ("ЗЕНИТ", "зенит е", "КРАСНО*"):
        assert await by_filter(database, f'camera:"{typed}"') == [1], typed
    assert await FilterStore(database).cameras("зен", 8) == [("Красногорск Зенит Ё", 1)]


async def test_what_a_file_says_is_found_however_it_is_typed(database: Database) -> None:
    await insert_upload(UploadStore(database))
    async with database.transaction() as connection:
        await connection.execute(
            "UPDATE uploads SET title = 'Straßenfest in Łódź', creator = ?, label = 'Größe', caption = '古い写真'",
            (unicodedata.normalize("NFD", "Zoë Ørsted"),),
        )
    for line in (
        "title:STRASSENFEST",
        "title:*lodz",
        'creator:"zoe ørsted"',
        "creator:ZOË",
        "label:grösse",
        "label:GRO*",
    ):
        assert await by_filter(database, line) == [1], line
    for line in ("strassenfest", "orsted", "写真", '"古い写"'):
        assert await by_word(database, line) == [1], line


async def test_names_are_ordered_as_people_count_and_spell(database: Database) -> None:
    names = ["img10.jpg", "Öl.jpg", "IMG2.jpg", "Zebra.jpg", "img010b.jpg", "öl 2.jpg", "Apfel.jpg", "ärger.jpg"]
    for name in names:
        await insert_upload(UploadStore(database), name)
    ordered = ["Apfel.jpg", "ärger.jpg", "IMG2.jpg", "img10.jpg", "img010b.jpg", "öl 2.jpg", "Öl.jpg", "Zebra.jpg"]
    numbers = [names.index(name) + 1 for name in ordered]
    assert list(await UploadStore(database).in_view(View(SortKey.NAME, descending=False))) == numbers
    assert list(await FilterStore(database).listed(parse_query("type:image sort:name"), NOW)) == numbers
    assert await FilterStore(database).ordered(range(1, 9), Sort.NAME) == numbers


async def test_a_renamed_upload_is_found_by_its_new_name(named: Database) -> None:
    async with named.transaction() as connection:
        await connection.execute("UPDATE uploads SET filename = 'Åse 札幌.jpg' WHERE number = 1")
    assert await by_filter(named, "name:aase") == []
    for line in ("name:ase", "name:札幌"):
        assert await by_filter(named, line) == [1]
    assert await by_word(named, "幌") == [1]
    assert await by_word(named, "kathe") == []


async def test_an_older_library_is_found_by_letters_without_being_described_again(tmp_path: Path) -> None:
    path = tmp_path / "library.db"
    connection = sqlite3.connect(path)
    for number, _, script in known_migrations():
        if number < 10:
            connection.executescript(script)
    connection.executescript(
        ROWS.replace("INSERT INTO embeddings VALUES (1, 'words', 2, x'0000803f00000000')", "SELECT 1")
    )
    connection.execute("UPDATE uploads SET filename = ? WHERE id = 'a'", (unicodedata.normalize("NFD", "Käthe.jpg"),))
    connection.execute("UPDATE descriptions SET text = 'Ein Hund, 海边的狗', tags = '[\"ÄPFEL\"]'")
    tags = ["Käthe", unicodedata.normalize("NFD", "käthe"), "plain"]
    connection.executemany("INSERT INTO tags (number, key, name) VALUES (?, ?, ?)",
                           [(50 + place, name.lower(), name) for place, name in enumerate(tags)])  # fmt: skip
    connection.executemany("INSERT INTO tagged VALUES (?, ?, 1)", [(50, 1), (51, 1), (51, 2), (52, 2)])
    connection.execute("UPDATE tags SET album = 1 WHERE number = 51")
    connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
    connection.execute("PRAGMA user_version = 9")
    connection.commit()
    connection.close()
    database = await Database.open(path)
    try:
        assert await by_filter(database, "name:KÄTHE") == [1]
        for word in ("狗", "käthe", "äpfel", "apfel", "hund"):
            assert await by_word(database, word) == [1, 2] if word == "käthe" else [1], word
        own = [(tag.name, tag.count, tag.album) for tag in await TagStore(database).own()]
        assert own == [(tags[0], 2, True), ("plain", 1, False)]
        assert await by_filter(database, "tag:kathe") == [1, 2]
        assert (await TagStore(database).of([1]))[1] == (tags[0], "ÄPFEL")
    finally:
        await database.close()


def texts() -> st.SearchStrategy[str]:
    """Texts of letters, marks, digits and blanks of any script."""
    characters = st.characters(codec="utf-8", categories=("L", "M", "Nd", "Zs"))
    return st.text(characters, min_size=1, max_size=12)


@given(before=texts(), word=texts(), after=texts())
def test_whatever_is_written_is_found_again(before: str, word: str, after: str) -> None:
    connection = sqlite3.connect(":memory:")
    tokenizer = "porter unicode61 remove_diacritics 0 categories 'L* N* Co Mn Mc'"
    connection.execute(f'CREATE VIRTUAL TABLE t USING fts5 (a, tokenize = "{tokenizer}")')
    connection.execute("INSERT INTO t VALUES (?)", (segmented(f"{before} {word} {after}"),))
    for form in ("NFC", "NFD"):
        wanted = segmented(unicodedata.normalize(form, word))
        (found,) = connection.execute("SELECT count(*) FROM t WHERE t MATCH ?", (f'"{wanted}"',)).fetchone()
        assert found or not any(each.isalnum() for each in wanted), wanted
    connection.close()
