/* Finds the unwind table entry (FDE, with its CIE) of an address in a loaded module, through the
 * sorted table of .eh_frame_hdr, or by a bounded linear look through .eh_frame where a linker left
 * that out.
 *
 * Formats: Linux Standard Base Core 5.0, chapters 10.6 and 10.7; pointer encodings 10.5.1. */
#ifndef SEEP_PRELOAD_EH_FRAME_H
#define SEEP_PRELOAD_EH_FRAME_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A module in memory. Nothing outside [start, end) is read. */
struct eh_frame_module {
    uint64_t start;
    uint64_t end;
    uint64_t header; /* the address of .eh_frame_hdr (PT_GNU_EH_FRAME); 0 = none */
    /* Not 0, and another one whenever another module may stand there; only for who keeps something
     * of what was read. */
    uint64_t generation;
};

/* Pointers are into the module. */
struct eh_frame_entry {
    uint64_t pc_begin;
    uint64_t pc_end;
    uint64_t code_alignment;
    int64_t data_alignment;
    uint64_t return_address_register;
    uint8_t pointer_encoding; /* of addresses in the FDE, for DW_CFA_set_loc */
    bool is_signal_frame;     /* augmentation 'S' */
    const uint8_t *initial_instructions;
    const uint8_t *initial_instructions_end;
    const uint8_t *instructions;
    const uint8_t *instructions_end;
};

/* What .eh_frame_hdr says. */
struct eh_frame_header {
    uint64_t address;
    uint64_t frames; /* .eh_frame */
    uint64_t count;  /* entries of the table; 0 = there is no usable one */
    uint8_t encoding;
    unsigned item_bytes; /* of each half of an entry */
    const uint8_t *table;
};

/* What a CIE says, which nearly all FDEs of a module share. */
struct eh_frame_cie {
    uint64_t address; /* 0 = none */
    bool has_augmentation_data;
    struct eh_frame_entry said; /* the FDE's part is not filled in */
};

/* What was read last, of one module, so that it need not be read again. Zeroed at first. */
struct eh_frame_known {
    uint64_t generation; /* of the module; 0 = nothing is known */
    struct eh_frame_header header;
    struct eh_frame_cie cie;
};

/* False when no entry covers `pc`, or none that can be understood. `known` may be NULL; it is of no
 * use for a module without a generation. */
bool eh_frame_find(const struct eh_frame_module *module, uint64_t pc, struct eh_frame_known *known,
                   struct eh_frame_entry *entry);

struct byte_cursor;

/* Reads an encoded pointer (DW_EH_PE_*); data_base is what "datarel" means. False for encodings
 * that make no sense for a code address, DW_EH_PE_omit among them. */
bool eh_frame_read_pointer(struct byte_cursor *cursor, uint8_t encoding, uint64_t data_base,
                           uint64_t *value);

#endif
