"""What a team writes in an afternoon: FastAPI + httpx, three regexes, one JSONL file.

Environment: UPSTREAM (base URL), LOG_FILE. Run with: uvicorn middleware:app
"""

import json
import os
import re
import time
import uuid

import httpx
from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse

EMAIL = re.compile(r"[\w.+-]+@[\w-]+\.[\w.-]+")
PHONE = re.compile(r"\+?\d[\d\s().-]{7,}\d")
SSN = re.compile(r"\b\d{3}-\d{2}-\d{4}\b")

app = FastAPI()
client = httpx.AsyncClient(limits=httpx.Limits(max_connections=64, max_keepalive_connections=64))
log = open(os.environ["LOG_FILE"], "a", encoding="utf-8")


def redact(text: str) -> str:
    return PHONE.sub("[PHONE]", SSN.sub("[SSN]", EMAIL.sub("[EMAIL]", text)))


@app.post("/v1/chat/completions")
async def complete(request: Request):
    body = await request.json()
    start = time.perf_counter()
    reply = await client.post(os.environ["UPSTREAM"] + "/chat/completions", json=body)
    answer = reply.json()
    record = {
        "request_id": str(uuid.uuid4()),
        "ts": time.time(),
        "prompt": redact(body["messages"][-1]["content"]),
        "response": redact(answer["choices"][0]["message"]["content"]),
        "latency_ms": (time.perf_counter() - start) * 1000,
    }
    log.write(json.dumps(record) + "\n")
    return JSONResponse(answer)
