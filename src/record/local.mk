libseep_a_SOURCES += \
	src/record/recorder.h
