libseep_a_SOURCES += \
	src/recording/record_codec.h \
	src/recording/recording_format.h \
	src/recording/recording_reader.h \
	src/recording/recording_records.h \
	src/recording/recording_writer.h
