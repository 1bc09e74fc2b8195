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
from world import World

ACCOUNT = "111122223333"
BUCKET = f"mlferry-sandbox-{ACCOUNT}"


async def start_account(world):
    """S3, STS and IAM, in a process of their own; it is in this one's group and ends with it."""
    script = os.path.join(os.path.dirname(os.path.abspath(__file__)), "account.py")
    arguments = [world.number, world.region, BUCKET, world.faults.path]
    env = {**os.environ, "SANDBOX_PASSWORD": world.password, "MOTO_ACCOUNT_ID": world.number}
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
    world = World(directory, ACCOUNT, region, float(create_seconds), on_demand, version("mlflow"), faults, password=secrets.token_hex(16))
    account, furniture = await start_account(world)
    world.aws = f"http://127.0.0.1:{furniture['port']}"
    # As they come: what the upstream has compressed is not unpacked on its way.
    world.http = aiohttp.ClientSession(auto_decompress=False, connector=aiohttp.TCPConnector(limit=0))
    control, sessions = ControlPlane(world), Sessions(world)
    control.apps.sessions = control.tracking_servers.sessions = sessions
    world.data_plane = await serve(DataPlane(world, control, sessions, Uploads(world)).handle)
    session = await world.ask("session", role=furniture["migration_role"], name="mlferry")
    facts = {
        "account": world.number,
        "region": region,
        "bucket": BUCKET,
        "role": furniture["app_role"],
        "migration_role": furniture["migration_role"],
        "control_plane": await serve(control.handle),
        "data_plane": world.data_plane,
        "aws": world.aws,
        "password": world.password,
        "session": session,
    }
    tell(os.path.join(directory, "sandbox.json"), facts)
    stopped = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stopped.set)
    ended = asyncio.create_task(account.wait())
    await asyncio.wait([asyncio.create_task(stopped.wait()), ended], return_when=asyncio.FIRST_COMPLETED)
    if not stopped.is_set():
        raise RuntimeError("the account's process has ended")
    await world.http.close()


def tell(path, facts):
    """The file appears whole, and only this user can read it."""
    with open(path + ".new", "w", encoding="utf-8", opener=lambda name, flags: os.open(name, flags, 0o600)) as file:
        json.dump(facts, file)
    os.replace(path + ".new", path)


asyncio.run(main())
