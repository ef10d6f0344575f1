"""The colour space that a file declares, and the way from each to sRGB: curve, primaries, tone mapping.

Codes are those of ITU-T H.273 (coding-independent code points, CICP), which HEIC, AVIF, MP4, WebM and PNG share.
"""

from __future__ import annotations

import io
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from vuemantics_tui.media.faults import is_picture_fault
from vuemantics_tui.media.heif import Nclx, declared_colours

Levels = NDArray[np.unsignedinteger[Any]]
"""RGB as stored: shape (height, width, 3), 8 or 16 bits, white at the highest."""
Light = NDArray[np.float32]
"""Linear RGB: shape (..., 3), 1 is diffuse white."""
Chromaticities = tuple[float, float, float, float, float, float, float, float]
"""CIE xy of white, red, green and blue."""

UNSPECIFIED = 2
PQ, HLG = 16, 18
_SRGB = 13

_D65, _C = (0.3127, 0.3290), (0.310, 0.316)
# H.273, table 2.
_PRIMARIES: dict[int, Chromaticities] = {
    1: (*_D65, 0.640, 0.330, 0.300, 0.600, 0.150, 0.060),  # BT.709, sRGB
    4: (*_C, 0.67, 0.33, 0.21, 0.71, 0.14, 0.08),  # BT.470 M
    5: (*_D65, 0.64, 0.33, 0.29, 0.60, 0.15, 0.06),  # BT.601, 625 lines
    6: (*_D65, 0.630, 0.340, 0.310, 0.595, 0.155, 0.070),  # BT.601, 525 lines
    7: (*_D65, 0.630, 0.340, 0.310, 0.595, 0.155, 0.070),  # SMPTE 240M
    8: (*_C, 0.681, 0.319, 0.243, 0.692, 0.145, 0.049),  # film
    9: (*_D65, 0.708, 0.292, 0.170, 0.797, 0.131, 0.046),  # BT.2020
    10: (1 / 3, 1 / 3, 1.0, 0.0, 0.0, 1.0, 0.0, 0.0),  # XYZ
    11: (0.314, 0.351, 0.680, 0.320, 0.265, 0.690, 0.150, 0.060),  # DCI-P3
    12: (*_D65, 0.680, 0.320, 0.265, 0.690, 0.150, 0.060),  # Display P3
    22: (*_D65, 0.630, 0.340, 0.295, 0.605, 0.155, 0.077),  # EBU 3213-E
}
BT709 = _PRIMARIES[1]
BT2020 = _PRIMARIES[9]
# Adobe RGB (1998), 4.3.1.
_ADOBE_RGB: Chromaticities = (*_D65, 0.64, 0.33, 0.21, 0.71, 0.15, 0.06)
_ADOBE_EXPONENT = 2.19921875

# H.273, table 3: the curves that are a power. Those of BT.601, BT.709 and BT.2020 are of cameras, and displays show all
# of them in the same way as sRGB: so do we. Code 5, a power of 2.8, stands in most PAL discs, which look like others.
_EXPONENTS = {4: 2.2, 8: 1.0, 17: 2.6}
_OTHER_CURVES = frozenset({9, 10, PQ, HLG})

# BT.2408, 3.1: diffuse white, in cd/m2 on the display, and the nominal peak for which HLG is displayed there.
_DIFFUSE_WHITE, _HLG_PEAK = 203.0, 1000.0
# BT.2100, table 5, note 5f: the system gamma at that peak.
_HLG_GAMMA = 1.2
# Light below this share of diffuse white keeps its level whatever is brighter. White itself, halfway up the curve
# above it at least, so ends at 0.9 or more: 243 of 255.
_KNEE = 0.8
# So much of the brightest pixels may be lost: a glint must not darken the picture.
_PEAK_PERCENTILE = 99.9

_INTEROPERABILITY_IFD = 0xA005
_PNG_SIGNATURE_BYTES, _SHORT_CHUNK, _MOST_PNG_CHUNKS = 8, 32, 1000

_BRADFORD = np.array([[0.8951, 0.2664, -0.1614], [-0.7502, 1.7135, 0.0367], [0.0389, -0.0685, 1.0296]])
_TABLE_SIZE = 1 << 14


@dataclass(frozen=True, slots=True)
class ColourSpace:
    """Primaries, and a transfer curve: an H.273 code, or a pure power where `exponent` is not 0.

    `narrow` levels have black at 16 and white at 235 of 255.
    """

    primaries: Chromaticities
    transfer: int = _SRGB
    exponent: float = 0.0
    narrow: bool = False

    @property
    def is_hdr(self) -> bool:
        """Whether the curve reaches far above diffuse white."""
        return not self.exponent and self.transfer in (PQ, HLG)


Colours = bytes | ColourSpace
"""What the colours of a picture are to be read by: an ICC profile, or a colour space."""


def colours_of(picture: Path | bytes, image: Image.Image) -> Colours | None:
    """What the open picture declares of its colours, or None if they look right as sRGB.

    PNG: cICP comes before iCCP, that before sRGB, that before gAMA and cHRM (PNG, third edition, 4.3). HEIC and
    AVIF: the ICC profile comes before the codes (ISO/IEC 23000-22, 7.3.6.4). A profile may hold codes, too
    (ICC.1:2022, 9.2.17). A photo without a profile may say in its EXIF that it is Adobe RGB (DCF 2.0, 3.4.3).
    What makes no sense counts as absent.
    """
    try:
        return _declared(picture, image)
    except Exception as error:
        if not is_picture_fault(error):
            raise
        return None


def _declared(picture: Path | bytes, image: Image.Image) -> Colours | None:
    if image.format == "JXL":
        # Its decoder tells the colours together with the pixels.
        image.load()
    profile = image.info.get("icc_profile")
    nclx: Nclx | None = None
    if image.format in ("HEIF", "AVIF"):
        profile, nclx = declared_colours(picture)
    elif image.format == "PNG" and (cicp := png_chunks(picture).get(b"cICP")) is not None and _is_known(cicp):
        return from_cicp(cicp[0], cicp[1], narrow=not cicp[3])
    if isinstance(profile, bytes) and profile:
        codes = _codes_of_profile(profile)
        return profile if codes is None else from_cicp(*codes)
    if nclx is not None:
        return from_cicp(nclx.primaries, nclx.transfer)
    if image.format == "PNG" and "srgb" not in image.info:
        return from_gamma(image.info.get("gamma"), image.info.get("chromaticity"))
    if image.format in ("JPEG", "MPO") and b"R03" in image.info.get("exif", b""):
        interoperability = image.getexif().get_ifd(_INTEROPERABILITY_IFD)
        return ColourSpace(_ADOBE_RGB, exponent=_ADOBE_EXPONENT) if interoperability.get(1) == "R03" else None
    return None


def _is_known(cicp: bytes) -> bool:
    return len(cicp) == 4 and UNSPECIFIED not in cicp[:2]


def png_chunks(picture: Path | bytes) -> dict[bytes, bytes]:
    """The short chunks of a PNG that come before its pixels, by their kind: what Pillow does not read."""
    chunks: dict[bytes, bytes] = {}
    with io.BytesIO(picture) if isinstance(picture, bytes) else picture.open("rb") as file:
        file.seek(_PNG_SIGNATURE_BYTES)
        for _ in range(_MOST_PNG_CHUNKS):
            header = file.read(8)
            size, kind = int.from_bytes(header[:4]), header[4:]
            if len(header) < 8 or kind in (b"IDAT", b"IEND"):
                break
            if size <= _SHORT_CHUNK:
                chunks[kind] = file.read(size)
                file.seek(4, 1)
            else:
                file.seek(size + 4, 1)
    return chunks


def _codes_of_profile(profile: bytes) -> tuple[int, int] | None:
    """The H.273 codes of primaries and transfer in a profile's `cicp` tag, for HDR; None for any other."""
    count = int.from_bytes(profile[128:132])
    for at in range(132, 132 + 12 * min(count, 100), 12):
        if profile[at : at + 4] == b"cicp":
            offset = int.from_bytes(profile[at + 4 : at + 8])
            codes = profile[offset + 8 : offset + 10]
            if len(codes) == 2 and codes[1] in (PQ, HLG):
                return codes[0], codes[1]
    return None


def from_cicp(primaries: int, transfer: int, *, narrow: bool = False) -> ColourSpace | None:
    """The colour space of two H.273 codes, or None if its pixels look right as sRGB.

    Unknown and unspecified codes count as sRGB's; with an HDR curve, as BT.2020's.
    """
    exponent = _EXPONENTS.get(transfer, 0.0)
    curve = transfer if transfer in _OTHER_CURVES else _SRGB
    default = BT2020 if curve in (PQ, HLG) else BT709
    found = ColourSpace(_PRIMARIES.get(primaries, default), curve, exponent, narrow)
    return None if found == ColourSpace(BT709) else found


def from_gamma(gamma: float | None, chromaticities: Chromaticities | None) -> ColourSpace | None:
    """The colour space of PNG's gAMA and cHRM, or None if it is as good as sRGB or makes no sense.

    A gamma within 5 % of 1/2.2 means sRGB's curve, as in libpng.
    """
    exponent = 0.0
    if gamma is not None and 0.1 <= gamma <= 10 and abs(gamma * 2.2 - 1) > 0.05:
        exponent = 1 / gamma
    primaries = BT709
    if chromaticities is not None and _makes_sense(chromaticities):
        differences = [abs(one - other) for one, other in zip(chromaticities, BT709, strict=True)]
        primaries = chromaticities if max(differences) > 0.003 else BT709
    found = ColourSpace(primaries, _SRGB, exponent)
    return None if found == ColourSpace(BT709) else found


def to_srgb(levels: Levels, space: ColourSpace) -> NDArray[np.uint8]:
    """Pixels of a colour space as sRGB of 0..255.

    What is outside of sRGB's gamut is clipped. HDR is tone-mapped: diffuse white ends between 243 and 255, all that
    is brighter above it.
    """
    table, matrix, luminance = _decoder(space, levels.dtype.itemsize), *_to_bt709(space.primaries)
    light: Light = table[levels]
    if space.transfer == HLG and not space.exponent:
        # BT.2100, table 5: the OOTF, from light in the scene to light on the display.
        scene = np.maximum(light @ luminance, 1e-6)
        light = light * (scene ** np.float32(_HLG_GAMMA - 1) * np.float32(_HLG_PEAK / _DIFFUSE_WHITE))[..., None]
    light = np.maximum(light @ matrix, 0)
    if space.is_hdr:
        light = _tone_mapped(light)
    index = np.minimum(light * (_TABLE_SIZE - 1) + np.float32(0.5), _TABLE_SIZE - 1).astype(np.uint16)
    encoded: NDArray[np.uint8] = _srgb_levels()[index]
    return encoded


def _tone_mapped(light: Light) -> Light:
    """Light of any brightness as light of up to 1.

    Above the knee follows Reinhard's curve that ends at a white point (Reinhard et al., "Photographic Tone
    Reproduction for Digital Images", 2002, equation 4), here the brightest light of the picture itself. The mean of
    curving each channel, which bleaches, and of curving the largest one, which keeps the hue.
    """
    largest = np.maximum(np.maximum(light[..., 0], light[..., 1]), light[..., 2])
    peak = float(np.percentile(largest, _PEAK_PERCENTILE))
    if peak < 1.01:
        return light
    end = (peak - _KNEE) / (1 - _KNEE)

    def curved(values: Light) -> Light:
        above = np.clip((values - _KNEE) / (1 - _KNEE), 0, end)
        result: Light = np.minimum(values, _KNEE) + (1 - _KNEE) * above * (1 + above / end**2) / (1 + above)
        return result

    bright = largest > _KNEE
    values, most = light[bright], largest[bright][:, None]
    mapped = light.copy()
    mapped[bright] = (curved(values) + values * (curved(most) / most)) / 2
    return mapped


@lru_cache(maxsize=8)
def _decoder(space: ColourSpace, itemsize: int) -> Light:
    """The light of every level of 8 or 16 bits; for HLG of the scene, 0..1, for the rest as shares of white."""
    levels = np.linspace(0.0, 1.0, 1 << (8 * itemsize))
    if space.narrow:
        # H.273, 8.3: 16 and 235 of 8 bits are 0 and 1.
        levels = np.clip((levels * 255 - 16) / 219, 0, 1)
    return _light(levels, space).astype(np.float32)


def _light(levels: NDArray[np.float64], space: ColourSpace) -> NDArray[np.float64]:
    result: NDArray[np.float64]
    if space.exponent:
        result = levels**space.exponent
    elif space.transfer == PQ:
        # SMPTE ST 2084, 5.2: EOTF, in cd/m2 / 10,000.
        m1, m2, c1, c2, c3 = 2610 / 16384, 2523 / 4096 * 128, 3424 / 4096, 2413 / 4096 * 32, 2392 / 4096 * 32
        root = levels ** (1 / m2)
        result = (np.maximum(root - c1, 0) / (c2 - c3 * root)) ** (1 / m1) * (10000 / _DIFFUSE_WHITE)
    elif space.transfer == HLG:
        # BT.2100, table 5: inverse OETF.
        a, b, c = 0.17883277, 0.28466892, 0.55991073
        result = np.where(levels <= 0.5, levels**2 / 3, (np.exp((levels - c) / a) + b) / 12)
    elif space.transfer in (9, 10):
        # H.273, table 3: logarithmic over 2 and 2.5 decades.
        decades = 2.0 if space.transfer == 9 else 2.5
        result = np.where(levels > 0, 10.0 ** (decades * (levels - 1)), 0)
    else:
        # IEC 61966-2-1.
        result = np.where(levels <= 0.04045, levels / 12.92, ((levels + 0.055) / 1.055) ** 2.4)
    return result


@lru_cache(maxsize=1)
def _srgb_levels() -> NDArray[np.uint8]:
    """The sRGB level of each of `_TABLE_SIZE` shares of white, evenly spaced (IEC 61966-2-1)."""
    light = np.linspace(0.0, 1.0, _TABLE_SIZE)
    levels = np.where(light <= 0.0031308, light * 12.92, 1.055 * light ** (1 / 2.4) - 0.055)
    result: NDArray[np.uint8] = np.rint(levels * 255).astype(np.uint8)
    return result


@lru_cache(maxsize=8)
def _to_bt709(primaries: Chromaticities) -> tuple[Light, Light]:
    """The matrix, for rows of pixels, to BT.709's primaries, and the weights that give the luminance of a pixel."""
    source, target = _to_xyz(primaries), _to_xyz(BT709)
    ours, theirs = _BRADFORD @ target.sum(axis=1), _BRADFORD @ source.sum(axis=1)
    adapted = np.linalg.inv(_BRADFORD) @ np.diag(ours / theirs) @ _BRADFORD
    matrix = np.linalg.inv(target) @ adapted @ source
    return matrix.T.astype(np.float32), source[1].astype(np.float32)


def _to_xyz(primaries: Chromaticities) -> NDArray[np.float64]:
    """The matrix from linear RGB to CIE XYZ with a luminance of 1 for white (SMPTE RP 177)."""
    xy = np.array(primaries).reshape(4, 2)
    xyz = np.column_stack([xy, 1 - xy.sum(axis=1)]).T
    white = xyz[:, 0] / xyz[1, 0]
    scale = np.linalg.solve(xyz[:, 1:], white)
    return np.asarray(xyz[:, 1:] * scale)


def _makes_sense(chromaticities: Chromaticities) -> bool:
    """Whether red, green and blue span a triangle with the white inside."""
    values = np.array(chromaticities)
    if not np.isfinite(values).all() or values[1] <= 0:
        return False
    xy = values.reshape(4, 2)
    xyz = np.column_stack([xy, 1 - xy.sum(axis=1)]).T
    if abs(np.linalg.det(xyz[:, 1:])) < 1e-4:
        return False
    return bool((np.linalg.solve(xyz[:, 1:], xyz[:, 0] / xyz[1, 0]) > 0).all())
