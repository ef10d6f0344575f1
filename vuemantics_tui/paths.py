"""Where things live on disk. Pure: nothing here makes a folder."""

from __future__ import annotations

import re
from pathlib import Path

import platformdirs

from vuemantics_tui.domain.errors import LibraryError

APP = "vuemantics-tui"
DATABASE_NAME = "library.db"
BACKUPS_NAME = "backups"
UPLOADS_NAME = "uploads"
RECORD_NAME = "upload.json"
VECTORS_NAME = "vectors"
CLIP_NAME = "clip.mp4"
THUMBNAIL_NAME = "thumb_256.jpg"

_ID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_EXTENSION = re.compile(r"[a-z0-9]{1,8}")


def default_library() -> Path:
    """Return the library that is used when none is chosen."""
    return platformdirs.user_data_path(APP, appauthor=False) / "library"


def settings_file() -> Path:
    """Return the settings file, whether it exists or not."""
    return platformdirs.user_config_path(APP, appauthor=False) / "settings.toml"


def cache_dir() -> Path:
    """Return the folder for what can be rebuilt: models, label vectors."""
    return platformdirs.user_cache_path(APP, appauthor=False)


def models_dir() -> Path:
    """Return the folder of the joint models, which all libraries share."""
    return platformdirs.user_data_path(APP, appauthor=False) / "models"


def log_file() -> Path:
    """Return the log file."""
    return platformdirs.user_log_path(APP, appauthor=False) / "vuemantics-tui.log"


def database_file(library: Path) -> Path:
    """Return the SQLite file of a library."""
    return library / DATABASE_NAME


def backups_folder(library: Path) -> Path:
    """Return the folder of a library's own backups."""
    return library / BACKUPS_NAME


def is_id(text: str) -> bool:
    """Return whether this is an identifier as the program makes them, which no path can hide in."""
    return _ID.fullmatch(text) is not None


def user_folder(user_id: str) -> Path:
    """Return the folder of a user's uploads, relative to the library. Raises LibraryError for an invalid ID."""
    return Path(UPLOADS_NAME) / _checked(user_id)


def upload_folder(user_id: str, upload_id: str) -> Path:
    """Return one upload's folder, relative to the library: everything in it belongs to that upload alone.

    Raises LibraryError for an invalid ID.
    """
    return user_folder(user_id) / _checked(upload_id)


def original_file(user_id: str, upload_id: str, extension: str) -> Path:
    """Return where the copy of what was added is, relative to the library. Raises LibraryError."""
    if not _EXTENSION.fullmatch(extension):
        raise _damaged(extension)
    return upload_folder(user_id, upload_id) / f"original.{extension}"


def thumbnail_file(user_id: str, upload_id: str) -> Path:
    """Return where the thumbnail is, relative to the library. Raises LibraryError."""
    return upload_folder(user_id, upload_id) / THUMBNAIL_NAME


def _checked(identifier: str) -> str:
    if not is_id(identifier):
        raise _damaged(identifier)
    return identifier


def _damaged(text: str) -> LibraryError:
    return LibraryError(
        f"The library's database is damaged or malicious: it contains the path {text!r}",
        "Nothing was read, written or removed there. Restore the library from a backup, or use another one.",
    )
