libseep_a_SOURCES += \
	viewer/report/quality.h \
	viewer/report/report.h \
	viewer/report/summary.h
