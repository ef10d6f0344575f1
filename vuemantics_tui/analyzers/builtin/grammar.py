"""English for lists of things: articles, "and", "or"."""

from __future__ import annotations

from collections.abc import Sequence

_PAIRS = frozenset({
    "binoculars", "clogs", "jeans", "pajamas", "sunglasses", "swim trunks", "tights",
})  # fmt: skip
_WITHOUT_ARTICLE = frozenset({
    "agaric", "alcohol", "apparel", "armor", "baked goods", "bedclothes", "body armor", "bread",
    "broccoli", "carbonara", "cattle", "chain mail", "chocolate syrup", "clothing", "coffee", "consomme",
    "coral fungus", "corn", "crockery", "cutlery", "dough", "edible fruit", "eggnog", "espresso",
    "face powder", "food", "footwear", "fruit", "furniture", "guacamole", "hair spray", "handwear",
    "hardware", "hay", "headgear", "ice cream", "jewelry", "linen", "lotion", "makeup", "mashed potatoes",
    "mud", "neckwear", "nightwear", "outerwear", "padding", "paper", "parallel bars", "perfume",
    "print media", "produce", "public transport", "rapeseed", "red wine", "snack food", "snow",
    "sunscreen", "tableware", "toilet paper", "underwear", "velvet fabric", "wine", "woman's clothing",
    "woodenware", "wool", "workwear",
})  # fmt: skip
_MASS_ENDINGS = ("equipment", "clothing", "squash", "food", "landscapes", "apparatus", "furniture")
# A vowel that sounds like a consonant, and the reverse.
_SOUNDS_LIKE_CONSONANT = ("uni", "use", "uten", "eu", "one")
_SOUNDS_LIKE_VOWEL = ("hour", "honest", "heir")


def with_article(thing: str) -> str:
    """The thing with "a", "an", "a pair of", or as it is where it cannot be counted."""
    if thing in _PAIRS:
        return f"a pair of {thing}"
    if thing in _WITHOUT_ARTICLE or thing.endswith(_MASS_ENDINGS):
        return thing
    return f"{_article(thing.lower())} {thing}"


def _article(word: str) -> str:
    if word.startswith(_SOUNDS_LIKE_VOWEL):
        return "an"
    return "an" if word[:1] in tuple("aeiou") and not word.startswith(_SOUNDS_LIKE_CONSONANT) else "a"


def enumerate_words(words: Sequence[str], conjunction: str = "and") -> str:
    """ "one", "one and two", "one, two and three"; nothing for nothing."""
    if len(words) < 2:
        return "".join(words)
    return f"{', '.join(words[:-1])} {conjunction} {words[-1]}"
