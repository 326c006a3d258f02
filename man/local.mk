dist_man_MANS += \
	man/seep.1 \
	man/seep-api.3 \
	man/seep-check.1 \
	man/seep-completion.1 \
	man/seep-diff.1 \
	man/seep-doctor.1 \
	man/seep-dump.1 \
	man/seep-export.1 \
	man/seep-graph.1 \
	man/seep-help.1 \
	man/seep-import.1 \
	man/seep-info.1 \
	man/seep-leaks.1 \
	man/seep-python.7 \
	man/seep-recording.5 \
	man/seep-report.1 \
	man/seep-run.1 \
	man/seep-snapshot.1 \
	man/seep-symbolize.1 \
	man/seep-top.1 \
	man/seep-view.1
