dist_schema_DATA += schema/seep-check.json schema/seep-diff.json schema/seep-doctor.json schema/seep-dump.json schema/seep-graph.json schema/seep-info.json schema/seep-leaks.json schema/seep-report.json schema/seep-sessions.json schema/seep-top.json
TESTS += tests/check_schema.sh tests/check_promise.py
EXTRA_DIST += tests/check_schema.sh tests/check_promise.py tests/promise.list
