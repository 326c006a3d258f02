libseep_a_SOURCES += \
	viewer/analysis/call_tree.h \
	viewer/analysis/fingerprint.h \
	viewer/analysis/own_code.h \
	viewer/analysis/profile.h \
	viewer/analysis/query.h
