"""Serves the real presidio-analyzer, as its own app.py does, with a blank language model: pattern recognizers only."""
import json
from http.server import BaseHTTPRequestHandler, HTTPServer

import spacy
from presidio_analyzer import AnalyzerEngine, RecognizerRegistry
from presidio_analyzer.analyzer_request import AnalyzerRequest
from presidio_analyzer.nlp_engine import SpacyNlpEngine


class BlankNlpEngine(SpacyNlpEngine):
    def load(self):
        self.nlp = {"en": spacy.blank("en")}


nlp = BlankNlpEngine(models=[{"lang_code": "en", "model_name": "blank"}])
nlp.load()
registry = RecognizerRegistry()
registry.load_predefined_recognizers(languages=["en"])
analyzer = AnalyzerEngine(nlp_engine=nlp, registry=registry, supported_languages=["en"])


class Handler(BaseHTTPRequestHandler):
    def do_POST(self):
        body = json.loads(self.rfile.read(int(self.headers["content-length"])))
        request = AnalyzerRequest(body)
        found = analyzer.analyze(
            text=request.text,
            language=request.language,
            entities=request.entities,
            score_threshold=request.score_threshold,
        )
        answer = json.dumps([result.to_dict() for result in found], default=lambda other: other.to_dict()).encode()
        self.send_response(200)
        self.send_header("content-type", "application/json")
        self.end_headers()
        self.wfile.write(answer)

    def log_message(self, *_):
        pass


server = HTTPServer(("127.0.0.1", 0), Handler)
print(server.server_port, flush=True)
server.serve_forever()
