"""Where a network runs: the execution providers of ONNX Runtime, and the way back to the processor.

Which there are depends on the package: `onnxruntime` brings CPU (and CoreML on a Mac), `onnxruntime-gpu` CUDA,
`onnxruntime-openvino` OpenVINO, `onnxruntime-directml` DirectML. The names and options are those of ONNX Runtime's
documentation (https://onnxruntime.ai/docs/execution-providers/).
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import onnxruntime

    from vuemantics_tui.domain.errors import AnalyzerError

AUTO, CPU = "auto", "cpu"
PROVIDER_VARIABLE = "VUEMANTICS_PROVIDER"
"""The environment variable that tells a worker process what the setting `provider` is."""


@dataclass(frozen=True, slots=True)
class Provider:
    """A provider: its name in the settings, for people and in ONNX Runtime, the package that has it, its options."""

    name: str
    title: str
    runtime: str
    package: str
    options: Mapping[str, str] = field(default_factory=dict)
    keeps_memory: bool = True
    """Whether ONNX Runtime may plan the use of memory ahead; DirectML must not."""


# In the order in which `auto` tries them.
PROVIDERS = (
    Provider("cuda", "CUDA", "CUDAExecutionProvider", "onnxruntime-gpu"),
    Provider("coreml", "CoreML", "CoreMLExecutionProvider", "onnxruntime", {"ModelFormat": "MLProgram"}),
    Provider("openvino", "OpenVINO", "OpenVINOExecutionProvider", "onnxruntime-openvino"),
    Provider("directml", "DirectML", "DmlExecutionProvider", "onnxruntime-directml", keeps_memory=False),
    Provider(CPU, "CPU", "CPUExecutionProvider", "onnxruntime"),
)
NAMES = (AUTO, *(provider.name for provider in PROVIDERS))


def reported() -> list[str]:
    """Return the names of the providers that ONNX Runtime has here, of those in `PROVIDERS`."""
    import onnxruntime

    there = onnxruntime.get_available_providers()
    return [provider.name for provider in PROVIDERS if provider.runtime in there]


def to_try(wanted: str, there: Sequence[str]) -> list[Provider]:
    """Return the providers to try, the processor last, for a setting and those that are `there`."""
    return [
        provider
        for provider in PROVIDERS
        if provider.name == CPU or (provider.name in there and wanted in (AUTO, provider.name))
    ]


def lifts_memory_limit(wanted: str) -> bool:
    """Return whether a worker must have no limit of memory: CUDA reserves addresses for all memory of the machine."""
    if wanted not in (AUTO, "cuda"):
        return False
    # Settings are read with every command, and few of them start workers.
    from importlib import metadata

    try:
        metadata.distribution("onnxruntime-gpu")
    except metadata.PackageNotFoundError:
        return False
    return True


def wanted_here() -> str:
    """Return what this worker process was told to run networks on."""
    return os.environ.get(PROVIDER_VARIABLE, CPU)


@dataclass(frozen=True, slots=True)
class Opened:
    """An open network, what it runs on, and what went wrong with what was wanted, as a sentence."""

    session: onnxruntime.InferenceSession
    provider: Provider
    fault: str = ""


def open_on(path: Path, wanted: str, threads: int = 1) -> Opened:
    """Open a network on the first provider that loads. Raises AnalyzerError if even the processor does not."""
    from vuemantics_tui.analyzers.builtin.models import open_session

    there = reported()
    faults = []
    if wanted not in (AUTO, *there):
        known = {provider.name: provider for provider in PROVIDERS}
        title, package = (known[wanted].title, known[wanted].package) if wanted in known else (wanted, "")
        hint = f" Install {package} in place of onnxruntime." if package not in ("", "onnxruntime") else ""
        faults.append(f"{title} is not available to onnxruntime.{hint}")
    for provider in to_try(wanted, there):
        if provider.name == CPU:
            break
        session, reason = _open(path, provider)
        if session is not None:
            return Opened(session, provider, " ".join(faults))
        faults.append(f"{provider.title} cannot be used: {reason}")
    fault = " ".join([*faults, "The model runs on the CPU."]) if faults else ""
    return Opened(open_session(path, threads), PROVIDERS[-1], fault)


def _open(path: Path, provider: Provider) -> tuple[onnxruntime.InferenceSession | None, str]:
    """Return a session on a provider, or why there is none."""
    import onnxruntime

    from vuemantics_tui.analyzers.builtin.models import session_options

    options = session_options(1)
    options.enable_mem_pattern = provider.keeps_memory
    try:
        session = onnxruntime.InferenceSession(
            str(path), options, providers=[(provider.runtime, dict(provider.options)), PROVIDERS[-1].runtime]
        )
    except Exception as error:  # noqa: BLE001 - each provider raises errors of its own
        return None, _first_line(error)
    # ONNX Runtime says nothing where a library of the provider is missing: the session is then on the processor alone.
    if provider.runtime not in session.get_providers():
        return None, "onnxruntime did not load it. Check its driver and libraries."
    return session, ""


def fallen_back(path: Path, opened: Opened, error: AnalyzerError) -> Opened:
    """Return the network on the processor, because its provider opened but cannot run it."""
    from vuemantics_tui.analyzers.builtin.models import open_session

    fault = f"{opened.provider.title} cannot be used: {_first_line(error)} The model runs on the CPU."
    return Opened(open_session(path), PROVIDERS[-1], fault)


def _first_line(error: Exception) -> str:
    line = (str(error).strip().splitlines() or [type(error).__name__])[0]
    return line[:200].rstrip(".") + "."
