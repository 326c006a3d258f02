# For programs that talk to seep: a header, and how to find it.
include_HEADERS = include/seep.h
pkgconfigdir = $(libdir)/pkgconfig
pkgconfig_DATA = include/seep.pc
