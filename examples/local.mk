# What ./start records. Not optimised, so that every function stands on its stacks; never with the
# sanitizers, which replace malloc themselves.
noinst_PROGRAMS += examples/demo
examples_demo_SOURCES = examples/demo.cpp
examples_demo_LDFLAGS =
examples_demo_LDADD =
examples/demo.$(OBJEXT): CXXFLAGS = -g -O0

# A program that checks itself; tests/system/interface.py holds it to its first comment.
EXTRA_DIST += examples/leak_test.c

# What README shows of Python.
EXTRA_DIST += examples/sessions.py
