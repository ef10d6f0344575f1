"""The accepted formats in one table, and how to recognise a file by its first bytes. A new format is one row of the
table. Everything else is derived from it: how a file is recognised, its MIME type, the extension of its copy, what the
picker shows, what `type:` finds, and which decoder opens it.

Sources: the file format specifications (JFIF, PNG, RIFF, ISO/IEC 14496-12 and 23008-12, EBML RFC 8794,
ISO/IEC 13818-1, Adobe FLV 10.1, TIFF 6.0, ISO/IEC 15444-1 and 18181-2, Adobe's Photoshop File Formats), the brand
register at mp4ra.org, and for RAW photos the signatures listed by LibRaw and ExifTool.
"""

from __future__ import annotations

import struct
import unicodedata
from codecs import getincrementaldecoder
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import BinaryIO

from vuemantics_tui.domain.tiff import ReadAt, directories, is_tiff

# Enough for four MPEG transport packets of the longest kind (204 bytes) and any usual EBML or ftyp header.
HEAD_BYTES = 4096


class FileType(StrEnum):
    """What an upload is."""

    IMAGE = "image"
    VIDEO = "video"


@dataclass(frozen=True, slots=True)
class Decoder:
    """What opens a format: a module, and Pillow's name for the format if it is a Pillow plugin.

    `package` is the package that the plugin needs, where some systems have none: its name on PyPI and of its module.
    """

    module: str
    pillow_name: str = ""
    package: str = ""


HEIF = Decoder("pi_heif")
FFMPEG = Decoder("av")
LIBRAW = Decoder("vuemantics_tui.media.raw", "RAW", "rawpy")
LIBJXL = Decoder("vuemantics_tui.media.jxl", "JXL", "pylibjxl")


class Start:
    """The first bytes of a file, and what stands further on where they do not tell enough."""

    def __init__(self, head: bytes, read_at: ReadAt) -> None:
        self.head = head
        self._read_at = read_at
        self._camera: tuple[bytes, bool] | None = None

    @property
    def camera(self) -> tuple[bytes, bool]:
        """The maker in a TIFF in capitals, empty if it is no RAW photo; and whether it is a DNG."""
        if self._camera is None:
            self._camera = _camera_of(self._read_at)
        return self._camera


@dataclass(frozen=True, slots=True)
class MediaFormat:
    """One accepted format.

    `extensions` are the usual ones; a copy gets the first. `matches` decides by the first bytes of a file; the rows of
    the table are asked in order.
    """

    name: str
    file_type: FileType
    mime_type: str
    extensions: tuple[str, ...]
    decoder: Decoder
    matches: Callable[[Start], bool]

    @property
    def extension(self) -> str:
        """Return the extension of a copy, without the dot."""
        return self.extensions[0]

    @property
    def alias(self) -> str:
        """Return its name in a query: `type:jpeg`."""
        return self.name.lower()

    @property
    def is_raw(self) -> bool:
        """Whether it holds what a camera's sensor recorded."""
        return self.decoder is LIBRAW

    @property
    def noun(self) -> str:
        """Return what such a file is, in words: "a RAW photo (NEF)"."""
        kind = "picture" if self.file_type is FileType.IMAGE else "video"
        return f"a RAW photo ({self.name})" if self.is_raw else f"a {self.name} {kind}"


_Match = Callable[[Start], bool]


def _begins(*prefixes: bytes) -> _Match:
    return lambda start: start.head.startswith(prefixes)


def _riff(*forms: bytes) -> _Match:
    return lambda start: start.head.startswith(b"RIFF") and start.head[8:12] in forms


def _ebml(*doctypes: bytes) -> _Match:
    """Match Matroska and WebM; without a document type, either."""
    return lambda start: (
        start.head.startswith(b"\x1a\x45\xdf\xa3") and (not doctypes or _doctype(start.head) in doctypes)
    )


def _made_by(*makers: bytes) -> _Match:
    """Match a RAW photo in a TIFF by its maker; without one, any."""
    return lambda start: start.camera[0].startswith(makers or (b"",)) and bool(start.camera[0])


# These name the structure of a picture file; its codec is then one of the compatible brands.
_GENERIC_PICTURE_BRANDS = frozenset({b"mif1", b"mif2", b"msf1", b"miaf"})
_HEIF_BRANDS = frozenset({b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"hevm", b"hevs"})
_AVIF_BRANDS = frozenset({b"avif", b"avis"})
_FOREIGN_BRANDS = {
    b"M4A ": "an audio file (M4A)",
    b"M4B ": "an audio book (M4B)",
    b"M4P ": "an audio file (M4P)",
    b"F4A ": "an audio file (F4A)",
    b"jp2 ": "a JPEG 2000 picture without its signature",
    b"jxl ": "a JPEG XL picture without its signature",
}
# A QuickTime file from before 2001 has no ftyp box and begins with one of these.
_QUICKTIME_BOXES = frozenset({b"moov", b"mdat", b"wide", b"free", b"skip", b"pnot"})
# Sizes of the known BMP information headers, BITMAPCOREHEADER to BITMAPV5HEADER.
_BMP_HEADERS = frozenset({12, 16, 40, 52, 56, 64, 108, 124})


# Photometric interpretations of TIFF/EP and DNG: what the sensor saw, through colour filters or not.
_SENSOR_DATA = frozenset({32803, 34892})
# Compressions that only cameras use (ExifTool's table of TIFF tags): Sony, Nikon, Samsung, Kodak, Pentax.
_SENSOR_COMPRESSIONS = frozenset({32767, 32769, 32770, 32772, 34713, 65000, 65535})
# TIFF tags (TIFF 6.0, TIFF/EP, DNG 1.7).
_NEW_SUBFILE_TYPE, _COMPRESSION, _PHOTOMETRIC, _MAKE, _SUB_IFDS, _DNG_VERSION = 254, 259, 262, 271, 330, 50706


def _camera_of(read_at: ReadAt) -> tuple[bytes, bool]:
    """Return the maker of a RAW photo in a TIFF, and whether that is a DNG; for anything else an empty maker."""
    found = directories(read_at)
    if not found:
        return b"", False
    maker = found[0].text(_MAKE).upper()
    if _DNG_VERSION in found[0]:
        return maker or b"UNKNOWN", True
    # NEF, ARW and others begin with a reduced preview and keep the sensor data in a sub-directory.
    is_raw = (found[0].number(_NEW_SUBFILE_TYPE) == 1 and bool(maker) and _SUB_IFDS in found[0]) or any(
        each.number(_PHOTOMETRIC) in _SENSOR_DATA or each.number(_COMPRESSION) in _SENSOR_COMPRESSIONS for each in found
    )
    return (maker or b"UNKNOWN" if is_raw else b""), False


def _is_dng(start: Start) -> bool:
    return is_tiff(start.head) and start.camera[1]


def _is_canon_raw(start: Start) -> bool:
    return start.head.startswith((b"II*\x00", b"MM\x00*")) and start.head[8:10] == b"CR"


def _is_phase_one(start: Start) -> bool:
    return is_tiff(start.head) and start.head[8:12] in (b"IIII", b"MMMM")


def _is_canon_raw_in_boxes(start: Start) -> bool:
    return start.head[4:12] == b"ftypcrx "


def _is_jpeg_2000(start: Start) -> bool:
    head = start.head
    # A bare code stream, or boxes: a still picture's brands are jp2, jpx and jph; others are films and documents.
    return head.startswith(b"\xff\x4f\xff\x51") or (
        head.startswith(b"\x00\x00\x00\x0cjP  \r\n\x87\n") and head[20:24] not in (b"mjp2", b"mjs ", b"jpm ")
    )


def _is_bmp(start: Start) -> bool:
    head = start.head
    return head.startswith(b"BM") and len(head) >= 18 and struct.unpack_from("<I", head, 14)[0] in _BMP_HEADERS


def _is_heic(start: Start) -> bool:
    brands = _brands_of(start.head)
    if brands is None:
        return False
    major, others = brands
    # A generic picture is HEIC unless it declares only AVIF.
    return major in _HEIF_BRANDS or (major in _GENERIC_PICTURE_BRANDS and not _only_avif(others))


def _is_avif(start: Start) -> bool:
    brands = _brands_of(start.head)
    if brands is None:
        return False
    major, others = brands
    return major in _AVIF_BRANDS or (major in _GENERIC_PICTURE_BRANDS and _only_avif(others))


def _only_avif(brands: frozenset[bytes]) -> bool:
    return bool(brands & _AVIF_BRANDS) and not brands & _HEIF_BRANDS


def _is_quicktime(start: Start) -> bool:
    head = start.head
    if len(head) < 8:
        return False
    size, kind = struct.unpack_from(">I4s", head)
    return head[4:12] == b"ftypqt  " or (kind in _QUICKTIME_BOXES and (size in (0, 1) or size >= 8))


def _is_mp4(start: Start) -> bool:
    # Every brand that no picture above has (isom, mp41, mp42, avc1, M4V, 3gp5, dash, MSNV, ...) is a profile of MP4.
    brands = _brands_of(start.head)
    return brands is not None and not _is_quicktime(start)


def _is_mpeg(start: Start) -> bool:
    # Pack header and sequence header: an MPEG program stream, a bare MPEG-1/2 video stream.
    return start.head.startswith((b"\x00\x00\x01\xba", b"\x00\x00\x01\xb3")) or _is_transport_stream(start.head)


def _image(name: str, extensions: str, decoder: Decoder, matches: _Match, mime_type: str = "") -> MediaFormat:
    mime_type = mime_type or f"image/{name.lower()}"
    return MediaFormat(name, FileType.IMAGE, mime_type, tuple(extensions.split()), decoder, matches)


def _video(name: str, mime_type: str, extensions: str, matches: _Match) -> MediaFormat:
    return MediaFormat(name, FileType.VIDEO, mime_type, tuple(extensions.split()), FFMPEG, matches)


def _raw(name: str, mime_type: str, extensions: str, matches: _Match) -> MediaFormat:
    return _image(name, extensions, LIBRAW, matches, f"image/x-{mime_type}")


def _pillow(name: str, plugin: str) -> Decoder:
    return Decoder(f"PIL.{plugin}ImagePlugin", name)


FORMATS: tuple[MediaFormat, ...] = (
    JPEG := _image("JPEG", "jpg jpeg jpe jfif", _pillow("JPEG", "Jpeg"), _begins(b"\xff\xd8\xff")),
    PNG := _image("PNG", "png", _pillow("PNG", "Png"), _begins(b"\x89PNG\r\n\x1a\n")),
    WEBP := _image("WebP", "webp", _pillow("WEBP", "WebP"), _riff(b"WEBP")),
    HEIC := _image("HEIC", "heic heif hif", HEIF, _is_heic),
    AVIF := _image("AVIF", "avif", _pillow("AVIF", "Avif"), _is_avif),
    GIF := _image("GIF", "gif", _pillow("GIF", "Gif"), _begins(b"GIF87a", b"GIF89a")),
    JXL := _image("JXL", "jxl", LIBJXL, _begins(b"\xff\x0a", b"\x00\x00\x00\x0cJXL \r\n\x87\n")),
    JP2 := _image("JP2", "jp2 j2k jpf jpx j2c jpc jph", _pillow("JPEG2000", "Jpeg2K"), _is_jpeg_2000),
    PSD := _image("PSD", "psd", _pillow("PSD", "Psd"), _begins(b"8BPS\x00\x01"), "image/vnd.adobe.photoshop"),
    # RAW photos; those in a TIFF come before it, and the maker decides which of them it is.
    DNG := _raw("DNG", "adobe-dng", "dng gpr", _is_dng),
    CR2 := _raw("CR2", "canon-cr2", "cr2", _is_canon_raw),
    CR3 := _raw("CR3", "canon-cr3", "cr3", _is_canon_raw_in_boxes),
    CRW := _raw("CRW", "canon-crw", "crw", _begins(b"II\x1a\x00\x00\x00HEAPCCDR")),
    IIQ := _raw("IIQ", "phaseone-iiq", "iiq", _is_phase_one),
    NEF := _raw("NEF", "nikon-nef", "nef nrw", _made_by(b"NIKON")),
    ARW := _raw("ARW", "sony-arw", "arw sr2 srf", _made_by(b"SONY")),
    PEF := _raw("PEF", "pentax-pef", "pef", _made_by(b"PENTAX", b"ASAHI", b"RICOH")),
    SRW := _raw("SRW", "samsung-srw", "srw", _made_by(b"SAMSUNG")),
    HASSELBLAD := _raw("3FR", "hasselblad-3fr", "3fr fff", _made_by(b"HASSELBLAD", b"IMACON")),
    MEF := _raw("MEF", "mamiya-mef", "mef", _made_by(b"MAMIYA")),
    MOS := _raw("MOS", "leaf-mos", "mos", _made_by(b"LEAF")),
    ERF := _raw("ERF", "epson-erf", "erf", _made_by(b"SEIKO EPSON", b"EPSON")),
    KDC := _raw("KDC", "kodak-kdc", "kdc dcr dcs", _made_by(b"EASTMAN KODAK", b"KODAK")),
    ORF := _raw("ORF", "olympus-orf", "orf", _begins(b"IIRO", b"IIRS", b"MMOR")),
    RW2 := _raw("RW2", "panasonic-rw2", "rw2 rwl", _begins(b"IIU\x00")),
    RAF := _raw("RAF", "fuji-raf", "raf", _begins(b"FUJIFILMCCD-RAW")),
    X3F := _raw("X3F", "sigma-x3f", "x3f", _begins(b"FOVb")),
    MRW := _raw("MRW", "minolta-mrw", "mrw", _begins(b"\x00MRM")),
    RAW := _raw("RAW", "raw", "raw", _made_by()),
    TIFF := _image("TIFF", "tiff tif", _pillow("TIFF", "Tiff"), lambda start: is_tiff(start.head)),
    BMP := _image("BMP", "bmp", _pillow("BMP", "Bmp"), _is_bmp),
    MP4 := _video("MP4", "video/mp4", "mp4 m4v 3gp", _is_mp4),
    MOV := _video("MOV", "video/quicktime", "mov qt", _is_quicktime),
    AVI := _video("AVI", "video/x-msvideo", "avi", _riff(b"AVI ", b"AVIX")),
    WEBM := _video("WebM", "video/webm", "webm", _ebml(b"webm")),
    MKV := _video("MKV", "video/x-matroska", "mkv", _ebml()),
    MPEG := _video("MPEG", "video/mpeg", "mpeg mpg mts m2ts ts vob", _is_mpeg),
    FLV := _video("FLV", "video/x-flv", "flv", _begins(b"FLV\x01")),
)

ANIMATED = (PNG, WEBP, AVIF, GIF)
"""The formats of pictures that may move."""
SCREENSHOT_NAMES = (
    *("screenshot", "screen shot", "screen_shot", "screencapture", "bildschirmfoto", "capture d'ecran"),
    *("captura de pantalla", "captura de ecra", "captura de tela", "schermafbeelding", "schermata", "istantanea"),
    *("skarmavbild", "skaermbillede", "skjermbilde", "nayttokuva", "zrzut ekranu", "ekran resmi"),
    *("снимок экрана", "скриншот", "スクリーンショット", "屏幕截图", "截屏", "螢幕截圖", "스크린샷"),
)
"""How the names of screenshots begin, folded, as desktops and phones write them in many languages."""
BY_EXTENSION: Mapping[str, MediaFormat] = {ending: each for each in FORMATS for ending in each.extensions}
"""The format that a file's extension (lower case, without a dot) promises."""
BY_ALIAS: Mapping[str, MediaFormat] = {each.alias: each for each in FORMATS}
BY_MIME_TYPE: Mapping[str, MediaFormat] = {each.mime_type: each for each in FORMATS}


def mime_types(alias: str) -> tuple[str, ...]:
    """Return the MIME types that `type:` with an alias finds: `raw` means every RAW photo. Empty if there is none."""
    found = BY_ALIAS.get(alias)
    return tuple(each.mime_type for each in FORMATS if each is found or (found is RAW and each.is_raw))


_FOREIGN_PREFIXES: tuple[tuple[bytes, str], ...] = (
    (b"%PDF", "a PDF document"),
    (b"%!PS", "a PostScript file"),
    (b"\xc5\xd0\xd3\xc6", "a PostScript file"),
    (b"PK\x03\x04", "a ZIP archive or office document"),
    (b"PK\x05\x06", "an empty ZIP archive"),
    (b"7z\xbc\xaf\x27\x1c", "a 7-Zip archive"),
    (b"Rar!\x1a\x07", "a RAR archive"),
    (b"\x1f\x8b", "a gzip archive"),
    (b"BZh", "a bzip2 archive"),
    (b"\xfd7zXZ\x00", "an XZ archive"),
    (b"(\xb5/\xfd", "a Zstandard archive"),
    (b"8BPS", "a large Photoshop document (PSB)"),
    (b"gimp xcf", "a GIMP document"),
    (b"\x00\x00\x00\x0cjP  \r\n\x87\n", "a JPEG 2000 film or document"),
    (b"\x00\x00\x01\x00", "an icon"),
    (b"ID3", "an audio file (MP3)"),
    (b"fLaC", "an audio file (FLAC)"),
    (b"OggS", "an Ogg file"),
    (b"MThd", "a MIDI file"),
    (b"\x30\x26\xb2\x75\x8e\x66\xcf\x11", "a Windows Media file"),
    (b".RMF", "a RealMedia file"),
    (b"\x7fELF", "a program"),
    (b"MZ", "a Windows program"),
    (b"SQLite format 3\x00", "a database"),
)


# Byte order marks (Unicode Standard, table 2-4), the longer ones first.
_MARKS = (
    (b"\xff\xfe\x00\x00", "utf-32-le"),
    (b"\x00\x00\xfe\xff", "utf-32-be"),
    (b"\xff\xfe", "utf-16-le"),
    (b"\xfe\xff", "utf-16-be"),
    (b"\xef\xbb\xbf", "utf-8"),
)
# Control characters and what no character is assigned to; but those that lay out lines, and the escape of colours.
_NO_TEXT, _LAYOUT = frozenset({"Cc", "Cn", "Cs"}), "\t\n\v\f\r\x1b\x85\x1a"


def recognise(data: bytes) -> MediaFormat | None:
    """Return the accepted format that these bytes belong to, or None. Give HEAD_BYTES, or the whole file.

    A RAW photo that is a TIFF may tell so further on: by its first bytes alone it passes for a plain TIFF.
    """
    return _recognise(Start(data[:HEAD_BYTES], lambda at, length: data[at : at + length]))


def recognise_open(file: BinaryIO) -> MediaFormat | None:
    """Return the accepted format of an open file, or None. Raises OSError if it cannot be read."""

    def read_at(at: int, length: int) -> bytes:
        file.seek(at)
        return file.read(length)

    return _recognise(Start(read_at(0, HEAD_BYTES), read_at))


def _recognise(start: Start) -> MediaFormat | None:
    return next((each for each in FORMATS if each.matches(start)), None)


def guess_foreign(head: bytes) -> str:
    """Return what an unsupported file seems to be ("a PDF document"), or an empty string."""
    for prefix, words in _FOREIGN_PREFIXES:
        if head.startswith(prefix):
            return words
    if head[4:8] == b"ftyp":
        return _FOREIGN_BRANDS.get(head[8:12], "")
    if head.startswith(b"RIFF") and head[8:12] == b"WAVE":
        return "an audio file (WAV)"
    # The mark of UTF-16 is also that of an audio frame of a rare kind.
    if text := _guess_text(head):
        return text
    if len(head) > 1 and head[0] == 0xFF and head[1] & 0xE0 == 0xE0:
        return "an audio file (MP3 or AAC)"
    return ""


def _brands_of(head: bytes) -> tuple[bytes, frozenset[bytes]] | None:
    """Return the major and compatible brands of an ISO base media file; None for anything else."""
    if len(head) < 12 or head[4:8] != b"ftyp" or head[8:12] in _FOREIGN_BRANDS:
        return None
    end = min(int.from_bytes(head[:4]), len(head))
    return head[8:12], frozenset(head[at : at + 4] for at in range(16, end - 3, 4))


def _doctype(head: bytes) -> bytes:
    """Return EBML's DocType (ID 0x4282), whose length is a one-byte variable-size integer."""
    at = head.find(b"\x42\x82")
    if at < 0 or at + 3 > len(head) or not head[at + 2] & 0x80:
        return b""
    length = head[at + 2] & 0x7F
    return head[at + 3 : at + 3 + length].rstrip(b"\x00")


def _is_transport_stream(head: bytes) -> bool:
    """Return whether each packet starts with a sync byte: 188 bytes, 192 with a time stamp (m2ts), 204 with parity."""
    for first, step in ((0, 188), (4, 192), (0, 204)):
        places = range(first, min(len(head), first + 4 * step), step)
        if len(places) >= 3 and all(head[place] == 0x47 for place in places):
            return True
    return False


def _guess_text(head: bytes) -> str:
    text = _text_of(head[:1024], is_whole=len(head) < 1024)
    if text is None:
        return ""
    start = text.lstrip("\ufeff \t\r\n").lower()
    if "<svg" in start:
        return "an SVG drawing"
    if start.startswith(("<!doctype html", "<html")):
        return "a web page"
    return "text"


def _text_of(head: bytes, *, is_whole: bool) -> str | None:
    """Return what a beginning says if it is text: with a mark of its encoding, or else in UTF-8 or UTF-16."""
    for mark, encoding in _MARKS:
        if head.startswith(mark):
            return _plain_text(head[len(mark) :], encoding, is_whole)
    text = _plain_text(head, "utf-8", is_whole)
    if text is None and head[1::2].count(0) > len(head) // 3:
        text = _plain_text(head, "utf-16-le", is_whole)
    if text is None and head[::2].count(0) > len(head) // 3:
        text = _plain_text(head, "utf-16-be", is_whole)
    return text


def _plain_text(head: bytes, encoding: str, is_whole: bool) -> str | None:
    """Return what bytes say in an encoding, or None if that is no text. A character may be cut at the end."""
    try:
        text = getincrementaldecoder(encoding)().decode(head, final=is_whole)
    except UnicodeDecodeError:
        return None
    # Bytes of other files are letters in UTF-16, too, but soon also something that no text has.
    return None if any(unicodedata.category(each) in _NO_TEXT and each not in _LAYOUT for each in text) else text
