"""Coordinates to names: towns, borders, the sea, time zones."""

from __future__ import annotations

import pytest

from vuemantics_tui.media.places import locate, read_place


def named(latitude: float, longitude: float) -> tuple[str, str]:
    place, _ = locate(latitude, longitude)
    return ("", "") if place is None else (place.name, place.country_code)


@pytest.mark.parametrize(
    ("latitude", "longitude", "name", "country"),
    [
        (41.8902, 12.4922, "Rome", "IT"),
        (48.8584, 2.2945, "Paris", "FR"),
        (48.8049, 2.1204, "Versailles", "FR"),
        (52.5163, 13.3777, "Berlin", "DE"),
        (50.9413, 6.9583, "Köln", "DE"),
        (40.7580, -73.9855, "New York City", "US"),
        (37.8199, -122.4783, "San Francisco", "US"),
        (35.6586, 139.7454, "Tokyo", "JP"),
        (27.1751, 78.0421, "Agra", "IN"),
        (-33.8568, 151.2153, "Sydney", "AU"),
        (-22.9519, -43.2105, "Rio de Janeiro", "BR"),
        (21.3069, -157.8583, "Honolulu", "US"),
        (-17.7134, 178.065, "Vatukoula", "FJ"),
    ],
)
def test_a_picture_is_named_after_its_town(latitude: float, longitude: float, name: str, country: str) -> None:
    assert named(latitude, longitude) == (name, country)


@pytest.mark.parametrize(
    ("latitude", "longitude", "name", "country"),
    [
        (47.5672, 7.6069, "Basel", "CH"),
        (47.6156, 7.6614, "Lörrach", "DE"),
        (47.5947, 7.6236, "Weil am Rhein", "DE"),
        (47.5906, 7.5622, "Saint-Louis", "FR"),
        (47.6603, 9.1758, "Konstanz", "DE"),
        (47.6500, 9.1750, "Kreuzlingen", "CH"),
        (46.2044, 6.1432, "Geneva", "CH"),
        (46.1934, 6.2342, "Annemasse", "FR"),
        (32.5520, -117.0431, "Imperial Beach", "US"),
        (32.5390, -117.0370, "Tijuana", "MX"),
        (42.3293, -83.0397, "Detroit", "US"),
        (42.3195, -83.0400, "Windsor", "CA"),
        (48.5734, 7.7521, "Strasbourg", "FR"),
        (48.5733, 7.8150, "Kehl", "DE"),
        (55.6761, 12.5683, "Copenhagen", "DK"),
        (55.6050, 13.0038, "Malmö", "SE"),
        (41.9022, 12.4568, "Vatican City", "VA"),
        (41.9031, 12.4663, "Rome", "IT"),
        (1.4382, 103.7890, "Woodlands", "SG"),
        (1.4655, 103.7578, "Johor Bahru", "MY"),
        (43.0962, -79.0377, "Niagara Falls", "US"),
        (43.0896, -79.0849, "Niagara Falls", "CA"),
        (36.1408, -5.3536, "Gibraltar", "GI"),
        (36.1680, -5.3480, "La Línea de la Concepción", "ES"),
        (-4.2634, 15.2429, "Brazzaville", "CG"),
        (-4.3250, 15.3222, "Kinshasa", "CD"),
        (31.7619, -106.4850, "El Paso", "US"),
        (31.6904, -106.4245, "Ciudad Juárez", "MX"),
        # The coordinates of the town are on the wrong side of a border that is drawn too coarsely.
        (65.8481, 24.1466, "Tornio", "FI"),
        (65.8355, 24.1368, "Haparanda", "SE"),
    ],
)
def test_a_border_is_never_crossed(latitude: float, longitude: float, name: str, country: str) -> None:
    assert named(latitude, longitude) == (name, country)


def test_where_nobody_lives_only_the_country_is_named() -> None:
    assert named(-25.0, 137.0) == ("", "AU")
    assert named(24.0, 2.0) == ("", "DZ")
    assert named(-80.0, 0.0) == ("", "AQ")


@pytest.mark.parametrize(
    ("latitude", "longitude"),
    [(30, -40), (0, -150), (0, 0), (90, 0), (60, -180), (-40, 179.9), (43.0, 5.0), (54.5, 3.0)],
)
def test_at_sea_nothing_is_named(latitude: float, longitude: float) -> None:
    place, _ = locate(latitude, longitude)
    assert place is None or place.name == ""


@pytest.mark.parametrize(
    ("latitude", "longitude"),
    [(91, 0), (0, 181), (float("nan"), 0), (0, float("nan")), (float("inf"), 0), (0, float("-inf"))],
)
def test_what_is_not_on_the_map_has_no_place(latitude: float, longitude: float) -> None:
    assert locate(latitude, longitude) == (None, None)


def test_both_sides_of_the_date_line_belong_together() -> None:
    # Taveuni lies on both sides of 180 degrees; the nearest town is to the west of it.
    for longitude in (179.95, -179.95):
        place, zone = locate(-16.8, longitude)
        assert place is not None and (place.country_code, zone) == ("FJ", "Pacific/Fiji")


@pytest.mark.parametrize(
    ("latitude", "longitude", "zone"),
    [
        (41.8902, 12.4922, "Europe/Rome"),
        (33.4484, -112.0740, "America/Phoenix"),
        (27.7172, 85.3240, "Asia/Kathmandu"),
        (-31.9505, 115.8605, "Australia/Perth"),
        (-25.0, 137.0, "Australia/Darwin"),
        (47.5596, 7.5886, "Europe/Zurich"),
    ],
)
def test_a_place_tells_its_time_zone(latitude: float, longitude: float, zone: str) -> None:
    assert locate(latitude, longitude)[1] == zone


def test_a_place_brings_its_region_its_country_and_its_other_names() -> None:
    place, _ = locate(48.1374, 11.5755)
    assert place is not None
    assert (place.name, place.region, place.country, place.country_code) == ("Munich", "Bavaria", "Germany", "DE")
    assert place.common_names == ("München",)
    assert {"Monachium", "Мюнхен", "ミュンヘン"} <= set(place.other_names)
    assert place.country_names == ("Deutschland",)
    # Not those of the largest place with the same name.
    small, _ = locate(40.7989, -81.3784)
    assert small is not None and small.country_code == "US"


@pytest.mark.parametrize(
    ("text", "name", "region", "country"),
    [
        ("Roma, Italia", "Rome", "Lazio", "IT"),
        (" münchen ,de", "Munich", "Bavaria", "DE"),
        ("Springfield, Illinois, US", "Springfield", "Illinois", "US"),
        ("東京, 日本", "Tokyo", "Tokyo", "JP"),
        ("Singapore", "Singapore", "", "SG"),
        ("Rome", "Rome", "Lazio", "IT"),
        ("Mailand", "Milan", "Lombardy", "IT"),
        ("new york city", "New York City", "New York", "US"),
        ("Springfield", "Springfield", "", ""),
        ("Home", "Home", "", ""),
        ("Italy", "", "", "IT"),
        ("The shed, Cornwall, UK", "The shed", "Cornwall", "GB"),
        ("Grandma's garden", "Grandma's garden", "", ""),
        ("The beach, somewhere", "The beach", "somewhere", ""),
    ],
)
def test_a_place_is_read_as_a_person_writes_it(text: str, name: str, region: str, country: str) -> None:
    place = read_place(text)
    assert (place.name, place.region, place.country_code) == (name, region, country)
