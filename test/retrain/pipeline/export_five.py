"""Writes five scikit-learn text pipelines as ONNX, as skl2onnx exports them, with what scikit-learn itself answers.

python export_five.py FOLDER
"""

import json
import sys
from pathlib import Path

from skl2onnx import convert_sklearn
from skl2onnx.common.data_types import StringTensorType
from sklearn.ensemble import RandomForestClassifier
from sklearn.feature_extraction.text import CountVectorizer, TfidfVectorizer
from sklearn.linear_model import LogisticRegression, SGDClassifier
from sklearn.naive_bayes import MultinomialNB
from sklearn.pipeline import make_pipeline
from sklearn.svm import LinearSVC

topics = {
    "weather": ["rain today", "will it snow", "sunny and warm", "storm is coming", "cloudy morning rain"],
    "banking": ["pay my bill", "transfer money now", "account balance please", "open an account", "bank transfer fee"],
    "travel": ["book a flight", "cheap hotel room", "train to the city", "flight was late", "hotel near the beach"],
}
rows = [(text, label) for label, texts in topics.items() for text in texts]
texts = [text for text, _ in rows]
labels = [label for _, label in rows]

pipelines = {
    "logistic": make_pipeline(TfidfVectorizer(), LogisticRegression()),
    "bayes": make_pipeline(CountVectorizer(), MultinomialNB()),
    "sgd": make_pipeline(TfidfVectorizer(), SGDClassifier(loss="log_loss", random_state=0)),
    "svc": make_pipeline(TfidfVectorizer(sublinear_tf=True), LinearSVC()),
    "forest": make_pipeline(TfidfVectorizer(), RandomForestClassifier(n_estimators=5, max_depth=4, random_state=0)),
}

folder = Path(sys.argv[1])
for name, pipeline in pipelines.items():
    pipeline.fit(texts, labels)
    # skl2onnx 1.20 refuses the options it sets itself for a pipeline that ends in LinearSVC, unless some are given.
    options = {LinearSVC: {"raw_scores": False}} if name == "svc" else None
    model = convert_sklearn(pipeline, initial_types=[("text", StringTensorType([None, 1]))], options=options)
    (folder / f"{name}.onnx").write_bytes(model.SerializeToString())
    answers = [{"prompt": text, "label": str(label)} for text, label in zip(texts, pipeline.predict(texts))]
    if hasattr(pipeline, "predict_proba"):
        for answer, row in zip(answers, pipeline.predict_proba(texts)):
            answer["probability"] = float(max(row))
    (folder / f"{name}.json").write_text(json.dumps(answers))
