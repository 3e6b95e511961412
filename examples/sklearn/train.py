"""A trainer for `retrain.trainer.kind: command`: scikit-learn, exported by skl2onnx, served by Relearn.

pip install scikit-learn skl2onnx
"""

import json
import os
from pathlib import Path

from skl2onnx import convert_sklearn
from skl2onnx.common.data_types import StringTensorType
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline


def lines(name):
    with open(os.environ[name], encoding="utf-8") as file:
        return [json.loads(line) for line in file if line.strip()]


def report(**words):
    print(json.dumps(words), flush=True)


def text_of(messages):
    """What Relearn's classifiers read of a conversation: the one message, or `role: content` lines."""
    contents = [m["content"] if isinstance(m["content"], str) else "" for m in messages]
    if len(messages) == 1:
        return contents[0]
    return "\n".join(f"{m['role']}: {content}" for m, content in zip(messages, contents))


rows = [(row["prompt"], row["completion"]) for row in lines("RELEARN_BASE")]
for row in lines("RELEARN_DATASET"):
    *asked, answer = row["messages"]
    rows.append((text_of(asked), answer["content"].strip()))
report(progress=0.1)

# char_wb and custom tokenizers cannot be exported; words and pairs of words can.
seed = int(os.environ["RELEARN_SEED"])
pipeline = make_pipeline(
    TfidfVectorizer(ngram_range=(1, 2), sublinear_tf=True),
    LogisticRegression(C=30, class_weight="balanced", max_iter=300, random_state=seed),
)
pipeline.fit([text for text, _ in rows], [label for _, label in rows])
report(progress=0.8)

model = convert_sklearn(pipeline, initial_types=[("text", StringTensorType([None, 1]))])
Path(os.environ["RELEARN_OUTPUT"]).write_bytes(model.SerializeToString())
report(progress=1)
