"""Takes the ports of the first broker whose container is made, before it starts, and holds them."""

import json
import signal
import socket
import subprocess

OURS = ["--filter", "label=dev.stormgauge.owner", "--filter", "event=create"]
events = subprocess.Popen(
    ["docker", "events", *OURS, "--format", "{{.Actor.Attributes.name}}"],
    stdout=subprocess.PIPE,
    text=True,
)
broker = next(name.strip() for name in events.stdout if "-broker-" in name)
events.kill()
wanted = subprocess.check_output(
    ["docker", "inspect", "--format", "{{json .HostConfig.PortBindings}}", broker]
)
bindings = [binding for each in json.loads(wanted).values() for binding in each]
held = [socket.create_server(("127.0.0.1", int(each["HostPort"]))) for each in bindings]
print(f"{broker}: {len(held)} ports are taken", flush=True)
signal.pause()
