libseep_a_SOURCES += \
	src/symbols/demangle.h \
	src/symbols/elf_file.h \
	src/symbols/symbolizer.h
