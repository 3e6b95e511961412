"""Talks to a gateway as the openai package of PyPI does. Prints one JSON object; test/http/openai-python.test.ts checks it."""

import json
import sys

import openai

base_url, model = sys.argv[1:]
client = openai.OpenAI(base_url=base_url, api_key="any", max_retries=0)
ask = {"model": model, "messages": [{"role": "user", "content": "block the card"}]}

whole = client.chat.completions.create(**ask, n=2, logprobs=True, user="u1")
with client.chat.completions.with_streaming_response.create(**ask, stream=True) as raw:
    content_type = raw.headers["content-type"]
chunks = list(client.chat.completions.create(**ask, stream=True, stream_options={"include_usage": True}))
errors = []
for wrong in ({**ask, "model": "other"}, {**ask, "n": 0}):
    try:
        client.chat.completions.create(**wrong)
    except openai.APIStatusError as error:
        errors.append([type(error).__name__, error.code])

print(
    json.dumps(
        {
            "answers": [choice.message.content for choice in whole.choices],
            "logprobs": [choice.logprobs is not None for choice in whole.choices],
            "same_id": whole.id == whole._request_id,
            "content_type": content_type,
            "streamed": "".join(chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices),
            "finish": chunks[-2].choices[0].finish_reason,
            "usage": chunks[-1].usage.total_tokens,
            "errors": errors,
            "models": [entry.id for entry in client.models.list()],
        }
    )
)
