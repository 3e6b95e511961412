-- What a request offered the model to call, redacted: its `tools`, `functions` and `parallel_tool_calls` as one JSON
-- object. Null when it offered nothing.
alter table relearn.samples add column tools text;
alter table relearn.recent add column tools text;
