seep_SOURCES += src/cli/main.c
