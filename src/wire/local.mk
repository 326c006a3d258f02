libseep_a_SOURCES += \
	src/wire/function_kinds.h
