libseep_a_SOURCES += \
	src/base/clock.h \
	src/base/error.h \
	src/base/hash_map.h \
	src/base/log.h \
	src/base/memory.h \
	src/base/string_pool.h \
	src/base/text.h \
	src/base/units.h
