libseep_a_SOURCES += \
	viewer/analysis/arena.c \
	viewer/analysis/arena.h \
	viewer/analysis/call_tree.c \
	viewer/analysis/call_tree.h \
	viewer/analysis/fingerprint.c \
	viewer/analysis/fingerprint.h \
	viewer/analysis/own_code.c \
	viewer/analysis/own_code.h \
	viewer/analysis/profile.c \
	viewer/analysis/profile.h \
	viewer/analysis/query.c \
	viewer/analysis/query.h
