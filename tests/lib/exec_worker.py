#!/usr/bin/env python3
"""A worker for a weir pool: reads and writes one JSON document a line."""
import json
import sys

lines, sys.stdout = sys.stdout, sys.stderr  # what anybody prints goes to the pool's log


def predict(payload):
    return {"score": len(json.dumps(payload)) % 100 / 100}


def fail(payload):
    raise ValueError("asked to fail")


OPERATIONS = {"echo": lambda payload: payload, "predict": predict, "fail": fail}


def write(reply):
    print(json.dumps(reply, allow_nan=False), file=lines, flush=True)


write({"ready": True, "operations": list(OPERATIONS)})  # work comes after: load models above
for line in sys.stdin:
    request = json.loads(line)
    if "ping" in request:
        write({"pong": request["ping"]})
        continue
    try:
        result = OPERATIONS[request["operation"]](request["payload"])
        write({"id": request["id"], "ok": True, "result": result})
    except Exception as error:
        reason = {"category": "operation", "message": f"{type(error).__name__}: {error}"}
        write({"id": request["id"], "ok": False, "error": reason})
