"""The joint models worth offering: where each is, which of its files are needed, and what it is good for.

Sizes are those that the hub named when this table was written; what is fetched is checked against what it names then.
`recall` is the share of captions whose picture comes first: COCO, from the models' own publications. Models whose
weights are for research or non-commercial use only, such as MobileCLIP2 and jina-clip-v2, are not offered: a person
adds them from a folder, and so agrees to their terms.
"""

from __future__ import annotations

from dataclasses import dataclass

from vuemantics_tui.domain.errors import UsageError

MB = 1000 * 1000
# In the layout of Immich, the files that a model needs; data beside a network has the network's name and an ending.
_IMMICH = (
    "config.json",
    "visual/model.onnx",
    "visual/preprocess_cfg.json",
    "textual/model.onnx",
    "textual/tokenizer.json",
    "textual/tokenizer_config.json",
)
_RCLIP = ("visual.onnx", "textual.onnx", "tokenizer/bpe_simple_vocab_16e6.txt.gz")
_SMALL_TRANSFORMERS = (
    "config.json",
    "preprocessor_config.json",
    "tokenizer.json",
    "tokenizer_config.json",
    "onnx/vision_model_quantized.onnx",
    "onnx/text_model_quantized.onnx",
)
_ENGLISH = "English"


@dataclass(frozen=True, slots=True)
class OfferedModel:
    """A model that can be fetched: `files` are those of its layout, `bytes` what they take together."""

    name: str
    title: str
    repository: str
    files: tuple[str, ...]
    licence: str
    languages: str
    bytes: int
    recall: float
    good_for: str


CATALOGUE = (
    OfferedModel(
        "vit-b-32-datacomp",
        "ViT-B/32 DataComp",
        "yurijmikhalevich/rclip-models",
        _RCLIP,
        "MIT",
        _ENGLISH,
        608 * MB,
        39.9,
        "photos of all kinds; fast (start with this one)",
    ),
    OfferedModel(
        "siglip-b-16-small",
        "SigLIP B/16, 8 bits",
        "Xenova/siglip-base-patch16-224",
        _SMALL_TRANSFORMERS,
        "Apache-2.0",
        _ENGLISH,
        213 * MB,
        47.8,
        "finer differences in a small download; slower",
    ),
    OfferedModel(
        "siglip2-b-16",
        "SigLIP2 B/16",
        "immich-app/ViT-B-16-SigLIP2__webli",
        _IMMICH,
        "Apache-2.0",
        "more than 100 languages",
        1540 * MB,
        52.1,
        "the best results, in many languages; needs the most memory",
    ),
    OfferedModel(
        "vit-b-32-laion",
        "ViT-B/32 LAION-2B",
        "immich-app/ViT-B-32__laion2b-s34b-b79k",
        _IMMICH,
        "MIT",
        _ENGLISH,
        609 * MB,
        39.3,
        "photos of all kinds; also offered by Immich",
    ),
    OfferedModel(
        "vit-b-32-openai",
        "ViT-B/32 OpenAI",
        "immich-app/ViT-B-32__openai",
        _IMMICH,
        "MIT",
        _ENGLISH,
        609 * MB,
        30.4,
        "the first CLIP, to compare with other programs",
    ),
    OfferedModel(
        "vit-b-32-openai-small",
        "ViT-B/32 OpenAI, 8 bits",
        "Xenova/clip-vit-base-patch32",
        _SMALL_TRANSFORMERS,
        "MIT",
        _ENGLISH,
        157 * MB,
        30.4,
        "slow computers: the smallest and fastest",
    ),
)


def offered(name: str) -> OfferedModel:
    """Return a model of the catalogue by its name. Raises UsageError that lists them."""
    for model in CATALOGUE:
        if model.name == name.lower():
            return model
    names = ", ".join(model.name for model in CATALOGUE)
    raise UsageError(
        f"No model called {name!r} is offered",
        f"Choose one of {names}; or add one of your own with: vuemantics-tui model add FOLDER",
    )
