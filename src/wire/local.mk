libseep_a_SOURCES += \
	src/wire/function_kinds.h \
	src/wire/ring.c \
	src/wire/ring.h \
	src/wire/session.h \
	src/wire/wire_check.c \
	src/wire/wire_check.h \
	src/wire/wire_format.h
