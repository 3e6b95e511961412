"""The peer of the benchmark `train`: python text_classifiers.py BASE DATASET EVAL prints one line of JSON.

BASE and EVAL are JSONL of prompt and completion, DATASET of chat pairs. Features: words 1-2 and characters 3-5 within words.
"""

import json
import sys
import time

from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import SGDClassifier
from sklearn.pipeline import FeatureUnion
from sklearn.svm import LinearSVC


def lines(path):
    with open(path, encoding="utf-8") as file:
        return [json.loads(line) for line in file]


base = [(row["prompt"], row["completion"]) for row in lines(sys.argv[1])]
new = [(row["messages"][0]["content"], row["messages"][1]["content"]) for row in lines(sys.argv[2])]
cases = [(row["prompt"], row["completion"]) for row in lines(sys.argv[3])]
known = {label for _, label in base}

start = time.process_time()
features = FeatureUnion(
    [
        ("words", TfidfVectorizer(ngram_range=(1, 2), sublinear_tf=True)),
        ("characters", TfidfVectorizer(analyzer="char_wb", ngram_range=(3, 5), sublinear_tf=True)),
    ]
)
x = features.fit_transform([text for text, _ in base + new])
y = [label for _, label in base + new]
featurizing = time.process_time() - start

start = time.process_time()
SGDClassifier(random_state=1).fit(x, y)
sgd = time.process_time() - start

answers = LinearSVC(class_weight="balanced").fit(x, y).predict(features.transform([text for text, _ in cases]))
right = {True: [], False: []}
for answer, (_, label) in zip(answers, cases):
    right[label in known].append(answer == label)
share = {k: float(sum(v)) / max(1, len(v)) for k, v in right.items()}
print(json.dumps({"known": share[True], "new": share[False], "cpu": featurizing + sgd, "fit": sgd}))
