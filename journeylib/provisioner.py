"""Warm kernels for Jupyter: a `jupyter_client` provisioner that has kernels forked.

Papermill, nbclient and JupyterLab use it through the kernelspec `journey`. Where nothing can be
forked the same kernelspec starts an ordinary process.
"""

from __future__ import annotations

import asyncio
import os
from collections import deque
from pathlib import Path
from typing import Any

from jupyter_client.provisioning import LocalProvisioner

from journeylib.forkclient import Exit, ForkedKernel, ForkError, find_server
from journeylib.warmkernel import STEADY

NAME = "journey-warm"
KERNEL = "journey"
POLL_SECONDS = 0.01
ENDED: deque[Exit] = deque(maxlen=16)


class WarmProvisioner(LocalProvisioner):  # type: ignore[misc]
    """Starts kernels by fork where that can be done, else as ordinary processes."""

    async def pre_launch(self, **kwargs: Any) -> dict[str, Any]:
        """Add what makes results the same on any number of cores, unless it is set already."""
        prepared: dict[str, Any] = await super().pre_launch(**kwargs)
        prepared["env"] = {**STEADY, **prepared["env"]}
        return prepared

    async def launch_kernel(self, cmd: list[str], **kwargs: Any) -> Any:
        """Fork a kernel, or start an ordinary one."""
        loop = asyncio.get_running_loop()
        forked = await loop.run_in_executor(None, _fork, cmd, kwargs)
        if forked is None:
            return await super().launch_kernel(cmd, **kwargs)
        self.process = forked
        self.pid = self.pgid = forked.pid
        self.cwd = kwargs.get("cwd") or Path.cwd()
        return self.connection_info

    async def send_signal(self, signum: int) -> None:
        """Send a signal to the kernel and what it started."""
        if isinstance(self.process, ForkedKernel):
            self.process.send_signal(signum)
        else:
            await super().send_signal(signum)

    async def wait(self) -> int | None:
        """Wait for the kernel's end and remember how it ended."""
        process = self.process
        while process is not None and process.poll() is None:
            await asyncio.sleep(POLL_SECONDS)
        code: int | None = await super().wait()
        return code

    async def poll(self) -> int | None:
        """Give None while the kernel lives, else its exit code."""
        code: int | None = await super().poll()
        if code is not None and self.process is not None:
            ended = getattr(self.process, "exit", None) or Exit(code)
            if not ENDED or ENDED[-1] is not ended:
                ENDED.append(ended)
        return code


def _fork(cmd: list[str], kwargs: dict[str, Any]) -> ForkedKernel | None:
    """Ask for a kernel, once more where the server has to be renewed; None if there is none."""
    argv = cmd[cmd.index("journeylib.warmkernel") + 1 :]
    streams = [_descriptor(kwargs.get(name), own) for own, name in ((1, "stdout"), (2, "stderr"))]
    cwd = kwargs.get("cwd")
    server = find_server()
    while server is not None:
        try:
            folder = str(Path(cwd or os.curdir).resolve())
            return server.fork(argv, env=dict(kwargs["env"]), cwd=folder, streams=streams)
        except ForkError:
            server = find_server(failed=server)
    return None


def _descriptor(stream: Any, own: int) -> int:
    if stream is None or (isinstance(stream, int) and stream < 0):
        return own
    return stream if isinstance(stream, int) else int(stream.fileno())
