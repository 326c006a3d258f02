libseep_a_SOURCES += \
	src/heap/heap_model.h \
	src/heap/stack_table.h
