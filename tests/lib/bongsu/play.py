"""What tests with a model share: seeds, waiting until all is quiet, restarts."""
import argparse
import os
import random
import re
import select
import time

from bongsu.device import Broken
from bongsu.model import Missing

PATIENCE = int(os.environ.get("MODEL_PATIENCE", "60"))  # seconds until what was waited for counts as missing


def parse(doc):
    parser = argparse.ArgumentParser(description=doc, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seed", type=int, default=os.environ.get("MODEL_SEED", random.SystemRandom().randrange(1 << 30)))
    parser.add_argument("--steps", type=int, default=os.environ.get("MODEL_STEPS", 2000))
    return parser.parse_args()


def pick(rng, items):
    """One of them, or None; takes one number of rng in any case."""
    at = rng.random()
    return items[int(at * len(items))] if items else None


def until(devices, what, holds):
    """Reads what comes, and asks for acks, until holds()."""
    end = time.monotonic() + PATIENCE
    while not holds():
        if time.monotonic() > end:
            raise Broken(f"{what}: not in time: {[(d, len(d.outbox), [*d.waiting]) for d in devices if d.outbox or d.waiting]}")
        select.select([d.client.socket for d in devices if d.up], [], [], 0.05)
        for device in devices:
            device.read()
            device.request()
            if not device.up:
                raise Broken(f"{device}: the connection ended", device.user)


def eventually(devices, look):
    """Looks again until nothing is missing."""
    end = time.monotonic() + PATIENCE
    while True:
        try:
            return look()
        except Missing:
            if time.monotonic() > end:
                raise
        time.sleep(0.02)
        for device in devices:
            device.read()


def restart(server, world, devices):
    """Sessions with stream management outlive it."""
    world.note("the server restarts")
    world.restarted = world.step
    world.count("restarts")
    begin = server.log_path.stat().st_size
    done = server.ctl("restart")
    if done.code:
        raise Broken(f"bongsuctl restart: {done.err}")
    server.begin = begin
    line = server.wait_log(r" ready:(.*)\n")
    server.ports = dict(zip(server.listen, (int(port) for port in re.findall(r" port (\d+)", line[1]))))
    for device in devices:
        device.read()
        device.cut()
