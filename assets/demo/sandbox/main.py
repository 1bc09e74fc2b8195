"""A stand-in of Amazon SageMaker serverless MLflow on this machine.

main.py DIRECTORY REGION CREATE_SECONDS (at-once|on-demand) starts it and writes what it takes to use it to DIRECTORY/sandbox.json.
"""

import asyncio
import json
import os
import secrets
import signal
import sys
from importlib.metadata import version

import aiohttp
from aiohttp import web
from control import ControlPlane
from data_plane import DataPlane
from faults import Faults
from ui import Sessions
from uploads import Uploads
from state import State

ACCOUNT = "111122223333"
BUCKET = f"mlferry-sandbox-{ACCOUNT}"


async def start_account(state):
    """S3, STS and IAM, in a process of their own; it is in this one's group and ends with it."""
    script = os.path.join(os.path.dirname(os.path.abspath(__file__)), "account.py")
    arguments = [state.number, state.region, BUCKET, state.faults.path]
    env = {**os.environ, "SANDBOX_PASSWORD": state.password, "MOTO_ACCOUNT_ID": state.number}
    process = await asyncio.create_subprocess_exec(sys.executable, script, *arguments, env=env, stdout=asyncio.subprocess.PIPE)
    line = await process.stdout.readline()
    if not line:
        raise RuntimeError("the account's process did not start")
    return process, json.loads(line)


async def serve(handle):
    """Listens on a free port of the loopback interface, and gives its URL."""
    # Bodies may be as large as they like: MLflow says what is too large.
    application = web.Application(client_max_size=0)
    application.router.add_route("*", "/{path:.*}", handle)
    runner = web.AppRunner(application, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    host, port = runner.addresses[0]
    return f"http://{host}:{port}"


async def main():
    directory, region, create_seconds, servers = sys.argv[1:]
    faults = Faults(os.path.join(directory, "faults.json"))
    on_demand = servers == "on-demand"
    state = State(directory, ACCOUNT, region, float(create_seconds), on_demand, version("mlflow"), faults, password=secrets.token_hex(16))
    account, furniture = await start_account(state)
    state.aws = f"http://127.0.0.1:{furniture['port']}"
    # As they come: what the upstream has compressed is not unpacked on its way.
    state.http = aiohttp.ClientSession(auto_decompress=False, connector=aiohttp.TCPConnector(limit=0))
    control, sessions = ControlPlane(state), Sessions(state)
    control.apps.sessions = control.tracking_servers.sessions = sessions
    state.data_plane = await serve(DataPlane(state, control, sessions, Uploads(state)).handle)
    session = await state.ask("session", role=furniture["migration_role"], name="mlferry")
    facts = {
        "account": state.number,
        "region": region,
        "bucket": BUCKET,
        "role": furniture["app_role"],
        "migration_role": furniture["migration_role"],
        "control_plane": await serve(control.handle),
        "data_plane": state.data_plane,
        "aws": state.aws,
        "password": state.password,
        "session": session,
    }
    tell(os.path.join(directory, "sandbox.json"), facts)
    stopped = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stopped.set)
    ended = asyncio.create_task(account.wait())
    await asyncio.wait([asyncio.create_task(stopped.wait()), ended], return_when=asyncio.FIRST_COMPLETED)
    if not stopped.is_set():
        raise RuntimeError("the account's process has ended")
    await state.http.close()


def tell(path, facts):
    """The file appears whole, and only this user can read it."""
    with open(path + ".new", "w", encoding="utf-8", opener=lambda name, flags: os.open(name, flags, 0o600)) as file:
        json.dump(facts, file)
    os.replace(path + ".new", path)


asyncio.run(main())
