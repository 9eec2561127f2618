"""FLOOR: a bare Flask application that reads the body and returns the same bytes. No hooks, no work."""

import json
import os
from pathlib import Path

# ---- the eight lines that are printed with the table
from flask import Flask, Response, request

app = Flask(__name__)
ANSWER = Path(os.environ["BENCH_ANSWER"]).read_bytes()


@app.post("/floor")
def floor() -> Response:
    """Read the body, return the same bytes."""
    request.get_data()
    return Response(ANSWER, mimetype="application/json")


# ---- the end of the eight lines


@app.post("/floor/parsed")
def parsed() -> Response:
    """The same for a view that has to parse what it reads."""
    json.loads(request.get_data())
    return Response(ANSWER, mimetype="application/json")
