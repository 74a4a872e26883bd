"""Whether the installation works, and what to do where it does not."""

from __future__ import annotations

import importlib
import os
import shutil
import sys
import tempfile
from dataclasses import dataclass
from importlib import metadata
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

NEEDED = (
    "pandas", "numpy", "scipy", "statsmodels", "sklearn", "seaborn", "matplotlib", "duckdb",
    "pyarrow", "pydantic", "papermill", "nbconvert", "jupyterlab", "openpyxl", "sqlalchemy",
)  # fmt: skip
LEAST_PYTHON = (3, 11)
LEAST_FREE_GB = 1.0


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at.

    Attributes:
        name: What was looked at.
        ok: Whether it is as it should be.
        found: What was found.
        fix: What to do; empty where all is well.
    """

    name: str
    ok: bool
    found: str
    fix: str = ""


def examine(root: Path) -> list[Finding]:
    """Look at everything that a run needs.

    Args:
        root: Folder that should hold ``params/`` and ``notebooks/``.

    Returns:
        One finding each, those that are wrong included.
    """
    return [
        _python(),
        _packages(),
        _kernel(),
        _warm_kernel(),
        _notebooks(root),
        _clients(root),
        _writable(root),
        _space(root),
        _secret(),
    ]


def _python() -> Finding:
    version = ".".join(map(str, sys.version_info[:3]))
    ok = sys.version_info >= LEAST_PYTHON
    return Finding("Python", ok, version, "" if ok else "Install Python 3.11 or newer.")


def _packages() -> Finding:
    missing = []
    for name in NEEDED:
        try:
            importlib.import_module(name)
        except ImportError:
            missing.append(name)
    if missing:
        fix = "Run `make report` once, or `pip install -r requirements.lock`, in this environment."
        return Finding("Packages", ok=False, found=f"missing: {', '.join(missing)}", fix=fix)
    version = metadata.version("papermill")
    return Finding("Packages", ok=True, found=f"all {len(NEEDED)} there (papermill {version})")


def _kernel() -> Finding:
    from journeylib import _faststart  # noqa: F401  # before jupyter_client pulls in nbformat

    try:
        from jupyter_client.manager import start_new_kernel
    except ImportError:
        return Finding(
            "Kernel", ok=False, found="jupyter_client is missing", fix="Install the packages."
        )
    try:
        manager, client = start_new_kernel(
            startup_timeout=60, kernel_name="python3", extra_arguments=["--log-level=50"]
        )
        client.stop_channels()
        manager.shutdown_kernel(now=True)
    except Exception as failed:  # whatever stops a kernel from starting is what we want to show
        fix = "Run `python -m ipykernel install --sys-prefix --name python3`."
        return Finding("Kernel", ok=False, found=f"python3 does not start: {failed}", fix=fix)
    return Finding("Kernel", ok=True, found="python3 starts and answers")


def _warm_kernel() -> Finding:
    """Say whether the runner's kernels are forked, or start from scratch each."""
    from jupyter_client.kernelspec import KernelSpecManager
    from jupyter_client.manager import start_new_kernel

    from journeylib.forkclient import ForkedKernel
    from journeylib.kernels import KERNELSPECS, register_kernels
    from journeylib.provisioner import KERNEL

    known = KERNEL in KernelSpecManager().find_kernel_specs()
    register_kernels()
    try:
        manager, client = start_new_kernel(
            startup_timeout=60, kernel_name=KERNEL, extra_arguments=["--log-level=50"]
        )
        forked = isinstance(manager.provisioner.process, ForkedKernel)
        client.stop_channels()
        manager.shutdown_kernel(now=True)
    except Exception as failed:  # as above
        fix = "Set JOURNEY_KERNELS=ordinary, and report this."
        return Finding("Warm kernels", ok=False, found=f"none starts: {failed}", fix=fix)
    found = "forked in a moment" if forked else "not on this machine: each starts from scratch"
    spec = KERNELSPECS / "kernels" / KERNEL
    fix = "" if known else f"For JupyterLab: `jupyter kernelspec install --sys-prefix {spec}`."
    return Finding("Warm kernels", ok=True, found=found, fix=fix)


def _notebooks(root: Path) -> Finding:
    from journeylib.workspace import NOTEBOOKS

    missing = [name for name in NOTEBOOKS if not (root / "notebooks" / f"{name}.ipynb").exists()]
    if missing:
        fix = "Go to the folder that holds notebooks/ and params/ (the clone of the repository)."
        return Finding(
            "Notebooks", ok=False, found=f"{len(missing)} of {len(NOTEBOOKS)} missing", fix=fix
        )
    return Finding("Notebooks", ok=True, found=f"all {len(NOTEBOOKS)} in notebooks/")


def _clients(root: Path) -> Finding:
    from journeylib.errors import JourneyError
    from journeylib.params import read_params

    files = sorted((root / "params").glob("*.yml")) if (root / "params").is_dir() else []
    files = [file for file in files if ".workshop." not in file.name]
    bad = []
    for file in files:
        try:
            read_params(file)
        except JourneyError:
            bad.append(file.name)
    if bad:
        fix = f"Run `journey check params/{bad[0]}`."
        return Finding("Client files", ok=False, found=f"cannot be read: {', '.join(bad)}", fix=fix)
    fix = "" if files else "Put a client file into params/ or run `journey samples`."
    return Finding("Client files", ok=bool(files), found=f"{len(files)} in params/", fix=fix)


def _writable(root: Path) -> Finding:
    refused = []
    for name in ("reports", "work"):
        folder = root / name
        try:
            folder.mkdir(exist_ok=True)
            with tempfile.TemporaryFile(dir=folder):
                pass
        except OSError:
            refused.append(name)
    if refused:
        fix = "Grant the right to write there, or use --reports and JOURNEY_WORK."
        return Finding("Folders", ok=False, found=f"cannot write to {', '.join(refused)}", fix=fix)
    return Finding("Folders", ok=True, found="reports/ and work/ can be written")


def _space(root: Path) -> Finding:
    free = shutil.disk_usage(root).free / 1e9
    fix = "" if free >= LEAST_FREE_GB else "Free some space; a client needs about 100 MB."
    return Finding("Disk", ok=free >= LEAST_FREE_GB, found=f"{free:.0f} GB free", fix=fix)


def _secret() -> Finding:
    found = "JOURNEY_SECRET is set" if os.environ.get("JOURNEY_SECRET") else "a key for each client"
    return Finding("Pseudonyms", ok=True, found=f"{found} (.secrets/, never in a report)")
