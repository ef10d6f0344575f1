"""What a file is, from its first bytes. Pure: bytes in, a format or a guess in words out.

Sources: the file format specifications (JFIF, PNG, RIFF, ISO/IEC 14496-12 and 23008-12, EBML RFC 8794,
ISO/IEC 13818-1, Adobe FLV 10.1, TIFF 6.0) and the brand register at mp4ra.org.
"""

from __future__ import annotations

import struct

from vuemantics_tui.domain import media
from vuemantics_tui.domain.media import MediaFormat

# Enough for four MPEG transport packets of the longest kind (204 bytes) and any usual EBML or ftyp header.
HEAD_BYTES = 4096

_HEIF_BRANDS = frozenset({b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"hevm", b"hevs"})
_AVIF_BRANDS = frozenset({b"avif", b"avis"})
# These name the structure of a picture file but not its codec, which then stands among the compatible brands.
_GENERIC_PICTURE_BRANDS = frozenset({b"mif1", b"mif2", b"msf1", b"miaf"})
_QUICKTIME_BRANDS = frozenset({b"qt  "})
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

_PICTURE_PREFIXES: tuple[tuple[bytes, MediaFormat], ...] = (
    (b"\xff\xd8\xff", media.JPEG),
    (b"\x89PNG\r\n\x1a\n", media.PNG),
    (b"GIF87a", media.GIF),
    (b"GIF89a", media.GIF),
)

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
    """The accepted format that these first bytes belong to, or None. Give HEAD_BYTES, or the whole file."""
    return _picture(head) or _iso_media(head) or _video(head)


def guess_foreign(head: bytes) -> str:
    """What a file that is not accepted seems to be, in words ("a PDF document"); empty when unknown."""
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


def _picture(head: bytes) -> MediaFormat | None:
    for prefix, found in _PICTURE_PREFIXES:
        if head.startswith(prefix):
            return found
    if head.startswith(b"RIFF") and head[8:12] == b"WEBP":
        return media.WEBP
    # 42 marks TIFF and 43 BigTIFF, in the byte order that the first two letters name.
    if head.startswith((b"II*\x00", b"MM\x00*", b"II+\x00", b"MM\x00+")) and not _is_canon_raw(head):
        return media.TIFF
    if head.startswith(b"BM") and len(head) >= 18 and struct.unpack_from("<I", head, 14)[0] in _BMP_HEADERS:
        return media.BMP
    return None


def _is_canon_raw(head: bytes) -> bool:
    return head.startswith((b"II*\x00", b"MM\x00*")) and head[8:10] == b"CR"


def _iso_media(head: bytes) -> MediaFormat | None:
    """Tell the family of ISO base media files apart by the brands in their `ftyp` box."""
    if len(head) < 8:
        return None
    size, kind = struct.unpack_from(">I4s", head)
    if kind != b"ftyp":
        plausible = size in (0, 1) or size >= 8
        return media.MOV if plausible and kind in _QUICKTIME_BOXES else None
    major = head[8:12]
    if major in _FOREIGN_BRANDS:
        return None
    end = min(size, len(head))
    compatible = {head[at : at + 4] for at in range(16, end - 3, 4)}
    if major in _GENERIC_PICTURE_BRANDS:
        return media.AVIF if compatible & _AVIF_BRANDS and not compatible & _HEIF_BRANDS else media.HEIC
    for brands, found in (
        (_HEIF_BRANDS, media.HEIC),
        (_AVIF_BRANDS, media.AVIF),
        (_QUICKTIME_BRANDS, media.MOV),
    ):
        if major in brands:
            return found
    # Every other brand (isom, mp41, mp42, avc1, M4V, 3gp5, dash, MSNV, ...) names a profile of MP4.
    return media.MP4


def _video(head: bytes) -> MediaFormat | None:
    if head.startswith(b"RIFF") and head[8:12] in (b"AVI ", b"AVIX"):
        return media.AVI
    if head.startswith(b"\x1a\x45\xdf\xa3"):
        return media.WEBM if _doctype(head) == b"webm" else media.MKV
    if head.startswith(b"FLV\x01"):
        return media.FLV
    # Pack header and sequence header: an MPEG program stream, a bare MPEG-1/2 video stream.
    if head.startswith((b"\x00\x00\x01\xba", b"\x00\x00\x01\xb3")) or _is_transport_stream(head):
        return media.MPEG
    return None


def _doctype(head: bytes) -> bytes:
    """The value of EBML's DocType element (ID 0x4282), whose length is a one-byte variable-size integer."""
    at = head.find(b"\x42\x82")
    if at < 0 or at + 3 > len(head) or not head[at + 2] & 0x80:
        return b""
    length = head[at + 2] & 0x7F
    return head[at + 3 : at + 3 + length].rstrip(b"\x00")


def _is_transport_stream(head: bytes) -> bool:
    """Whether a sync byte begins each packet: 188 bytes, 192 with a time stamp (m2ts), 204 with parity."""
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
