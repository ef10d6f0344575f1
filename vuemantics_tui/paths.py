"""Where things live on disk. Pure: nothing here makes a folder."""

from __future__ import annotations

from pathlib import Path

import platformdirs

APP = "vuemantics-tui"
DATABASE_NAME = "library.db"
UPLOADS_NAME = "uploads"
VECTORS_NAME = "vectors"
THUMBNAIL_NAME = "thumb_256.jpg"


def default_library() -> Path:
    """The library that is used when none is named."""
    return platformdirs.user_data_path(APP, appauthor=False) / "library"


def settings_file() -> Path:
    """The settings file, whether it is there or not."""
    return platformdirs.user_config_path(APP, appauthor=False) / "settings.toml"


def cache_dir() -> Path:
    """The folder for what can be made again: built models, label vectors."""
    return platformdirs.user_cache_path(APP, appauthor=False)


def log_file() -> Path:
    """The file that the program logs to."""
    return platformdirs.user_log_path(APP, appauthor=False) / "vuemantics-tui.log"


def database_file(library: Path) -> Path:
    """The SQLite file of a library."""
    return library / DATABASE_NAME


def upload_folder(user_id: str, upload_id: str) -> Path:
    """One upload's folder, relative to its library: everything in it belongs to that upload alone."""
    return Path(UPLOADS_NAME) / user_id / upload_id


def original_file(user_id: str, upload_id: str, extension: str) -> Path:
    """The copy of what was added, relative to the library."""
    return upload_folder(user_id, upload_id) / f"original.{extension}"


def thumbnail_file(user_id: str, upload_id: str) -> Path:
    """The thumbnail, relative to the library."""
    return upload_folder(user_id, upload_id) / THUMBNAIL_NAME
