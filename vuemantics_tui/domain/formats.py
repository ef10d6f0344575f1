"""The accepted formats in one table, and how to recognise a file by its first bytes.

A new format is one row of the table. Everything else is derived from it: how a file is recognised, its MIME type, the
extension of its copy, what the picker shows, what `type:` finds, and which decoder opens it.

Sources: the file format specifications (JFIF, PNG, RIFF, ISO/IEC 14496-12 and 23008-12, EBML RFC 8794,
ISO/IEC 13818-1, Adobe FLV 10.1, TIFF 6.0) and the brand register at mp4ra.org.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum

# Enough for four MPEG transport packets of the longest kind (204 bytes) and any usual EBML or ftyp header.
HEAD_BYTES = 4096


class FileType(StrEnum):
    """What an upload is."""

    IMAGE = "image"
    VIDEO = "video"


@dataclass(frozen=True, slots=True)
class Decoder:
    """What opens a format: a module, and Pillow's name for the format if it is a Pillow plugin."""

    module: str
    pillow_name: str = ""


HEIF = Decoder("pi_heif")
FFMPEG = Decoder("av")


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
    matches: Callable[[bytes], bool]

    @property
    def extension(self) -> str:
        """Return the extension of a copy, without the dot."""
        return self.extensions[0]

    @property
    def alias(self) -> str:
        """Return its name in a query: `type:jpeg`."""
        return self.name.lower()


def _begins(*prefixes: bytes) -> Callable[[bytes], bool]:
    return lambda head: head.startswith(prefixes)


def _riff(*forms: bytes) -> Callable[[bytes], bool]:
    return lambda head: head.startswith(b"RIFF") and head[8:12] in forms


def _ebml(*doctypes: bytes) -> Callable[[bytes], bool]:
    """Match Matroska and WebM; without a document type, either."""
    return lambda head: head.startswith(b"\x1a\x45\xdf\xa3") and (not doctypes or _doctype(head) in doctypes)


# These name the structure of a picture file; its codec is then one of the compatible brands.
_GENERIC_PICTURE_BRANDS = frozenset({b"mif1", b"mif2", b"msf1", b"miaf"})
_HEIF_BRANDS = frozenset({b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"hevm", b"hevs"})
_AVIF_BRANDS = frozenset({b"avif", b"avis"})
_FOREIGN_BRANDS = {
    b"M4A ": "an audio file (M4A)",
    b"M4B ": "an audio book (M4B)",
    b"M4P ": "an audio file (M4P)",
    b"F4A ": "an audio file (F4A)",
    b"crx ": "a RAW photo (Canon CR3)",
    b"jp2 ": "a JPEG 2000 picture",
    b"jxl ": "a JPEG XL picture",
}
# A QuickTime file from before 2001 has no ftyp box and begins with one of these.
_QUICKTIME_BOXES = frozenset({b"moov", b"mdat", b"wide", b"free", b"skip", b"pnot"})
# Sizes of the known BMP information headers, BITMAPCOREHEADER to BITMAPV5HEADER.
_BMP_HEADERS = frozenset({12, 16, 40, 52, 56, 64, 108, 124})


def _is_tiff(head: bytes) -> bool:
    # 42 marks TIFF and 43 BigTIFF, in the byte order that the first two letters name.
    return head.startswith((b"II*\x00", b"MM\x00*", b"II+\x00", b"MM\x00+")) and not _is_canon_raw(head)


def _is_bmp(head: bytes) -> bool:
    return head.startswith(b"BM") and len(head) >= 18 and struct.unpack_from("<I", head, 14)[0] in _BMP_HEADERS


def _is_heic(head: bytes) -> bool:
    brands = _brands_of(head)
    if brands is None:
        return False
    major, others = brands
    # A generic picture is HEIC unless it says that it is AVIF and nothing else.
    return major in _HEIF_BRANDS or (major in _GENERIC_PICTURE_BRANDS and not _only_avif(others))


def _is_avif(head: bytes) -> bool:
    brands = _brands_of(head)
    if brands is None:
        return False
    major, others = brands
    return major in _AVIF_BRANDS or (major in _GENERIC_PICTURE_BRANDS and _only_avif(others))


def _only_avif(brands: frozenset[bytes]) -> bool:
    return bool(brands & _AVIF_BRANDS) and not brands & _HEIF_BRANDS


def _is_quicktime(head: bytes) -> bool:
    if len(head) < 8:
        return False
    size, kind = struct.unpack_from(">I4s", head)
    return head[4:12] == b"ftypqt  " or (kind in _QUICKTIME_BOXES and (size in (0, 1) or size >= 8))


def _is_mp4(head: bytes) -> bool:
    # Every brand that no picture above has (isom, mp41, mp42, avc1, M4V, 3gp5, dash, MSNV, ...) is a profile of MP4.
    brands = _brands_of(head)
    return brands is not None and not _is_quicktime(head)


def _is_mpeg(head: bytes) -> bool:
    # Pack header and sequence header: an MPEG program stream, a bare MPEG-1/2 video stream.
    return head.startswith((b"\x00\x00\x01\xba", b"\x00\x00\x01\xb3")) or _is_transport_stream(head)


def _image(
    name: str, extensions: str, decoder: Decoder, matches: Callable[[bytes], bool], mime_type: str = ""
) -> MediaFormat:
    mime_type = mime_type or f"image/{name.lower()}"
    return MediaFormat(name, FileType.IMAGE, mime_type, tuple(extensions.split()), decoder, matches)


def _video(name: str, mime_type: str, extensions: str, matches: Callable[[bytes], bool]) -> MediaFormat:
    return MediaFormat(name, FileType.VIDEO, mime_type, tuple(extensions.split()), FFMPEG, matches)


def _pillow(name: str, plugin: str) -> Decoder:
    return Decoder(f"PIL.{plugin}ImagePlugin", name)


FORMATS: tuple[MediaFormat, ...] = (
    JPEG := _image("JPEG", "jpg jpeg jpe jfif", _pillow("JPEG", "Jpeg"), _begins(b"\xff\xd8\xff")),
    PNG := _image("PNG", "png", _pillow("PNG", "Png"), _begins(b"\x89PNG\r\n\x1a\n")),
    WEBP := _image("WebP", "webp", _pillow("WEBP", "WebP"), _riff(b"WEBP")),
    HEIC := _image("HEIC", "heic heif hif", HEIF, _is_heic),
    AVIF := _image("AVIF", "avif", _pillow("AVIF", "Avif"), _is_avif),
    GIF := _image("GIF", "gif", _pillow("GIF", "Gif"), _begins(b"GIF87a", b"GIF89a")),
    TIFF := _image("TIFF", "tiff tif", _pillow("TIFF", "Tiff"), _is_tiff),
    BMP := _image("BMP", "bmp", _pillow("BMP", "Bmp"), _is_bmp),
    MP4 := _video("MP4", "video/mp4", "mp4 m4v 3gp", _is_mp4),
    MOV := _video("MOV", "video/quicktime", "mov qt", _is_quicktime),
    AVI := _video("AVI", "video/x-msvideo", "avi", _riff(b"AVI ", b"AVIX")),
    WEBM := _video("WebM", "video/webm", "webm", _ebml(b"webm")),
    MKV := _video("MKV", "video/x-matroska", "mkv", _ebml()),
    MPEG := _video("MPEG", "video/mpeg", "mpeg mpg mts m2ts ts vob", _is_mpeg),
    FLV := _video("FLV", "video/x-flv", "flv", _begins(b"FLV\x01")),
)

BY_EXTENSION: Mapping[str, MediaFormat] = {ending: each for each in FORMATS for ending in each.extensions}
"""The format that a file's extension (lower case, without a dot) promises."""
BY_ALIAS: Mapping[str, MediaFormat] = {each.alias: each for each in FORMATS}
BY_MIME_TYPE: Mapping[str, MediaFormat] = {each.mime_type: each for each in FORMATS}

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
    (b"8BPS", "a Photoshop document"),
    (b"gimp xcf", "a GIMP document"),
    (b"\xff\x0a", "a JPEG XL picture"),
    (b"\x00\x00\x00\x0cJXL \r\n\x87\n", "a JPEG XL picture"),
    (b"\x00\x00\x00\x0cjP  \r\n\x87\n", "a JPEG 2000 picture"),
    (b"\xff\x4f\xff\x51", "a JPEG 2000 picture"),
    (b"\x00\x00\x01\x00", "an icon"),
    (b"FUJIFILMCCD-RAW", "a RAW photo (Fujifilm RAF)"),
    (b"IIRO", "a RAW photo (Olympus ORF)"),
    (b"IIRS", "a RAW photo (Olympus ORF)"),
    (b"MMOR", "a RAW photo (Olympus ORF)"),
    (b"IIU\x00", "a RAW photo (Panasonic RW2)"),
    (b"FOVb", "a RAW photo (Sigma X3F)"),
    (b"\x00MRM", "a RAW photo (Minolta MRW)"),
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


def recognise(head: bytes) -> MediaFormat | None:
    """Return the accepted format that these first bytes belong to, or None. Give HEAD_BYTES, or the whole file."""
    return next((each for each in FORMATS if each.matches(head)), None)


def guess_foreign(head: bytes) -> str:
    """Return what an unsupported file seems to be ("a PDF document"), or an empty string."""
    for prefix, words in _FOREIGN_PREFIXES:
        if head.startswith(prefix):
            return words
    if head[4:8] == b"ftyp":
        return _FOREIGN_BRANDS.get(head[8:12], "")
    if _is_canon_raw(head):
        return "a RAW photo (Canon CR2)"
    if head.startswith(b"RIFF") and head[8:12] == b"WAVE":
        return "an audio file (WAV)"
    if len(head) > 1 and head[0] == 0xFF and head[1] & 0xE0 == 0xE0:
        return "an audio file (MP3 or AAC)"
    return _guess_text(head)


def _brands_of(head: bytes) -> tuple[bytes, frozenset[bytes]] | None:
    """Return the major and compatible brands of an ISO base media file; None for anything else."""
    if len(head) < 12 or head[4:8] != b"ftyp" or head[8:12] in _FOREIGN_BRANDS:
        return None
    end = min(int.from_bytes(head[:4]), len(head))
    return head[8:12], frozenset(head[at : at + 4] for at in range(16, end - 3, 4))


def _is_canon_raw(head: bytes) -> bool:
    return head.startswith((b"II*\x00", b"MM\x00*")) and head[8:10] == b"CR"


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
    if b"\x00" in head[:1024]:
        return ""
    try:
        # The cut may fall inside a character of up to four bytes.
        text = head[:1024].decode("utf-8", "strict" if len(head) < 1024 else "ignore")
    except UnicodeDecodeError:
        return ""
    if len(text.encode()) < len(head[:1024]) - 3:
        return ""
    start = text.lstrip("\ufeff \t\r\n").lower()
    if "<svg" in start:
        return "an SVG drawing"
    if start.startswith(("<!doctype html", "<html")):
        return "a web page"
    return "text"
