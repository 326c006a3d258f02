libseep_a_SOURCES += \
	viewer/analysis/profile.h
