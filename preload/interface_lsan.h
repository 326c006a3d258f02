/* What a program says by LeakSanitizer's interface without being asked. */
#ifndef SEEP_PRELOAD_INTERFACE_LSAN_H
#define SEEP_PRELOAD_INTERFACE_LSAN_H

/* Once an image, before main: asks for the program's suppressions (__lsan_default_suppressions), as
 * LeakSanitizer does, and hands them on. */
void interface_lsan_start(void);

#endif
