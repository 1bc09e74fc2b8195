"""The MLflow server behind one App or tracking server: a real one, with its own database."""

import asyncio
import os
import socket
import sys

import aiohttp

START_SECONDS = 180
STOP_SECONDS = 10
POLL_SECONDS = 0.1
PORT_ATTEMPTS = 5
LAUNCHER = os.path.join(os.path.dirname(os.path.abspath(__file__)), "serve.py")
RUN = "from mlflow.cli import cli; cli()"


class Upstream:
    def __init__(self, state, directory, store, role, workspaces):
        self.state, self.directory, self.store, self.role, self.workspaces = state, directory, store, role, workspaces
        self.process, self.url = None, None
        self.lock = asyncio.Lock()

    async def ready(self):
        """Starts it, unless it runs already."""
        async with self.lock:
            if self.url is None:
                await self.start()

    async def start(self):
        os.makedirs(self.directory, exist_ok=True)
        for _ in range(PORT_ATTEMPTS):
            port = free_port()
            await self.launch(port)
            if await self.until_ready(port):
                self.url = f"http://127.0.0.1:{port}"
                return
            await self.end()
        raise RuntimeError("every free port that was tried was taken")

    async def launch(self, port):
        command = ["server", "--host", "127.0.0.1", "--port", str(port), "--workers", "1", "--backend-store-uri", "sqlite:///mlflow.db"]
        command += ["--no-serve-artifacts", "--default-artifact-root", self.store]
        if self.workspaces:
            command.append("--enable-workspaces")
        session = await self.state.ask("session", role=self.role, name="SageMaker")
        env = {
            **os.environ,
            "AWS_ACCESS_KEY_ID": session["access_key"],
            "AWS_SECRET_ACCESS_KEY": session["secret"],
            "AWS_SESSION_TOKEN": session["token"],
            "AWS_DEFAULT_REGION": self.state.region,
            "AWS_EC2_METADATA_DISABLED": "true",
            "MLFLOW_S3_ENDPOINT_URL": self.state.aws,
            "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false",
        }
        with open(self.log(), "w", encoding="utf-8") as log:
            program = [sys.executable, LAUNCHER, sys.executable, "-c", RUN, *command]
            # The launcher ends the server and its workers when this pipe is closed, however that comes.
            self.process = await asyncio.create_subprocess_exec(
                *program, cwd=self.directory, env=env, stdin=asyncio.subprocess.PIPE, stdout=log, stderr=log
            )

    async def until_ready(self, port):
        """False if the port was taken meanwhile. Whoever took it might be an MLflow server, so the log must tell, too."""
        for _ in range(int(START_SECONDS / POLL_SECONDS)):
            with open(self.log(), encoding="utf-8") as file:
                log = file.read()
            if "address already in use" in log.lower():
                return False
            if self.process.returncode is not None:
                raise RuntimeError(f"mlflow server ended: {log[-2000:]}")
            if f"http://127.0.0.1:{port} (" in log and await self.is_healthy(port):
                return True
            await asyncio.sleep(POLL_SECONDS)
        raise RuntimeError(f"mlflow server did not answer within {START_SECONDS} s: {log[-2000:]}")

    async def is_healthy(self, port):
        try:
            async with self.state.http.get(f"http://127.0.0.1:{port}/health") as answer:
                return answer.status == 200
        except aiohttp.ClientError:
            return False

    async def stop(self):
        async with self.lock:
            self.url = None
            if self.process is not None and self.process.returncode is None:
                await self.end()

    async def end(self):
        self.process.stdin.close()
        await asyncio.wait_for(self.process.wait(), STOP_SECONDS)

    def log(self):
        return os.path.join(self.directory, "server.log")


def free_port():
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return one.getsockname()[1]
