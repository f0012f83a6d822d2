/*
 * A plugin for qemu-user that counts what one thread of an emulated program executes between two
 * marks: instructions and, if asked, branches, bytes loaded and stored, and misses of modelled
 * caches: first-level instruction and data caches and a second-level cache.
 *
 * Arguments: out=FILE, and for the rest l1i=SETS:WAYS, l1d=SETS:WAYS and l2=SETS:WAYS, the sets being
 * a power of 2. The program marks by calling lseek(file, BEGIN, SEEK_SET) and
 * lseek(file, END, SEEK_SET), places where it has no other business. At END the counts are written to
 * FILE as unsigned 64-bit numbers, in the order of `counts`.
 *
 * Programs start quicker without a plugin, so nothing is counted until some time after the first mark:
 * a program marks nothing again and again until something was counted.
 *
 * The caches begin empty and keep their content from one pair of marks to the next; while nothing is
 * being counted they are not touched, as if the program did nothing else. Lines have 64 bytes; they
 * are allocated on reads and writes, the least recently used one of a set is replaced, nothing is
 * prefetched. The second level sees the misses of the data cache alone. Lines that DC ZVA zeroes are
 * not seen, since qemu tells no plugin of them. Caches see physical
 * addresses: pages get frames in the order in which they are first touched, so that misses do not
 * depend on where a run's memory happens to lie.
 *
 * What is declared here of qemu's plugin interface is the same from its version 1 (qemu 4.2) on;
 * PLUGIN_VERSION, which qemu checks, is defined when this is compiled.
 */
#include <fcntl.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

typedef uint64_t plugin_id;
struct block;
struct instruction;
enum { NO_REGISTERS = 0, READS_AND_WRITES = 3 };
typedef void block_translated(plugin_id, struct block *);
typedef void block_executed(unsigned vcpu, void *data);
typedef void memory_accessed(unsigned vcpu, uint32_t access, uint64_t address, void *data);
typedef void system_called(plugin_id, unsigned vcpu, int64_t number, uint64_t a1, uint64_t a2,
                           uint64_t a3, uint64_t a4, uint64_t a5, uint64_t a6, uint64_t a7,
                           uint64_t a8);
void qemu_plugin_register_vcpu_tb_trans_cb(plugin_id, block_translated *);
void qemu_plugin_register_vcpu_tb_exec_cb(struct block *, block_executed *, int flags, void *data);
void qemu_plugin_register_vcpu_mem_cb(struct instruction *, memory_accessed *, int flags, int kind,
                                      void *data);
void qemu_plugin_register_vcpu_syscall_cb(plugin_id, system_called *);
void qemu_plugin_reset(plugin_id, void (*done)(plugin_id));
size_t qemu_plugin_tb_n_insns(const struct block *);
struct instruction *qemu_plugin_tb_get_insn(const struct block *, size_t index);
const void *qemu_plugin_insn_data(const struct instruction *);
uint64_t qemu_plugin_insn_vaddr(const struct instruction *);
unsigned qemu_plugin_mem_size_shift(uint32_t access);

#define EXPORTED __attribute__((visibility("default")))
EXPORTED int qemu_plugin_version = PLUGIN_VERSION;

enum { LSEEK = 62 }; /* of aarch64 */
static const uint64_t BEGIN = 0x7e57be61, END = 0x7e57e4d5;

enum { LINE_BITS = 6, INSTRUCTION_BYTES = 4 };
enum { PAGE_BITS = 12, LINES_OF_PAGE_BITS = PAGE_BITS - LINE_BITS };
enum { FRAMES_BITS = 21, FRAMES = 1 << FRAMES_BITS }; /* 8 GiB of pages */

/* What is executed of a block of instructions, and the lines that it lies in. */
struct content {
    uint64_t instructions, branches, first_line, last_line;
};
struct cache {
    uint64_t *lines, sets, ways;
};
static struct cache l1i, l1d, l2;
static struct {
    uint64_t instructions, branches, memory_bytes, l1i_misses, l1d_misses, l2_misses;
} counts;
/* A hash table; frame 0 is an empty place. */
static struct { uint64_t page, frame; } frames[FRAMES];
static uint64_t last_page, last_frame, frames_given;
static const unsigned NOBODY = ~0u;
static unsigned counted_vcpu = ~0u;
static uint64_t last_line, last_code_line;
static bool with_caches, instrumented;
static int out = -1;

void take_quick_multiply_add(void); /* multiply_add.c */

/* Make `line` the most recent of its set; return whether it was there. Line 0 is an empty place. */
static inline bool touch(const struct cache *cache, uint64_t line)
{
    uint64_t ways = cache->ways, carried = line;
    uint64_t *set = cache->lines + (line & (cache->sets - 1)) * ways;
    for (uint64_t way = 0; way < ways; way++) {
        uint64_t held = set[way];
        set[way] = carried;
        if (held == line)
            return true;
        carried = held;
    }
    return false;
}

/* Return the frame of a page, the next free one when it is first touched. */
static inline uint64_t frame_of(uint64_t page)
{
    if (page == last_page)
        return last_frame;
    size_t place = page * 0x9e3779b97f4a7c15 >> (64 - FRAMES_BITS);
    while (frames[place].frame && frames[place].page != page)
        place = (place + 1) % FRAMES;
    if (!frames[place].frame) {
        if (++frames_given == FRAMES)
            _exit(71); /* EX_OSERR of sysexits.h: the table is full */
        frames[place].page = page;
        frames[place].frame = frames_given;
    }
    last_page = page;
    return last_frame = frames[place].frame;
}

static inline uint64_t physical(uint64_t virtual_line)
{
    uint64_t line = frame_of(virtual_line >> LINES_OF_PAGE_BITS) << LINES_OF_PAGE_BITS;
    return line | (virtual_line & ((1 << LINES_OF_PAGE_BITS) - 1));
}

static inline void access_line(uint64_t virtual_line)
{
    if (virtual_line == last_line)
        return;
    last_line = virtual_line;
    uint64_t line = physical(virtual_line);
    if (touch(&l1d, line))
        return;
    counts.l1d_misses++;
    if (!touch(&l2, line))
        counts.l2_misses++;
}

static void on_access(unsigned vcpu, uint32_t access, uint64_t address, void *data)
{
    if (vcpu != counted_vcpu)
        return;
    unsigned bytes = 1u << qemu_plugin_mem_size_shift(access);
    counts.memory_bytes += bytes;
    access_line(address >> LINE_BITS);
    access_line((address + bytes - 1) >> LINE_BITS);
}

static void on_block(unsigned vcpu, void *data)
{
    if (vcpu != counted_vcpu)
        return;
    const struct content *content = data;
    counts.instructions += content->instructions;
    if (!with_caches)
        return;
    counts.branches += content->branches;
    for (uint64_t line = content->first_line; line <= content->last_line; line++) {
        if (line == last_code_line)
            continue;
        last_code_line = line;
        if (!touch(&l1i, physical(line)))
            counts.l1i_misses++;
    }
}

/* Whether an instruction of aarch64 is a branch: B and BL, CBZ and TBZ, B.cond, BR, BLR and RET. */
static bool is_branch(uint32_t code)
{
    return (code & 0x7c000000) == 0x14000000 || (code & 0x7c000000) == 0x34000000 ||
           (code & 0xfe000000) == 0x54000000 || (code & 0xfe000000) == 0xd6000000;
}

static void on_translation(plugin_id id, struct block *block)
{
    size_t instructions = qemu_plugin_tb_n_insns(block);
    /* Lives as long as qemu may execute the block, so to the end. */
    struct content *content = calloc(1, sizeof *content);
    if (!content)
        _exit(71); /* EX_OSERR of sysexits.h */
    uint64_t start = qemu_plugin_insn_vaddr(qemu_plugin_tb_get_insn(block, 0));
    content->instructions = instructions;
    content->first_line = start >> LINE_BITS;
    content->last_line = (start + instructions * INSTRUCTION_BYTES - 1) >> LINE_BITS;
    qemu_plugin_register_vcpu_tb_exec_cb(block, on_block, NO_REGISTERS, content);
    for (size_t index = 0; with_caches && index < instructions; index++) {
        struct instruction *each = qemu_plugin_tb_get_insn(block, index);
        uint32_t code;
        memcpy(&code, qemu_plugin_insn_data(each), sizeof code);
        content->branches += is_branch(code);
        qemu_plugin_register_vcpu_mem_cb(each, on_access, NO_REGISTERS, READS_AND_WRITES, NULL);
    }
}

static void instrument(plugin_id id);

static void on_system_call(plugin_id id, unsigned vcpu, int64_t number, uint64_t a1, uint64_t a2,
                           uint64_t a3, uint64_t a4, uint64_t a5, uint64_t a6, uint64_t a7,
                           uint64_t a8)
{
    if (number != LSEEK || (a2 != BEGIN && a2 != END))
        return;
    if (!instrumented) {
        instrumented = true;
        qemu_plugin_reset(id, instrument);
    } else if (a2 == BEGIN) {
        memset(&counts, 0, sizeof counts);
        last_line = last_code_line = 0;
        counted_vcpu = vcpu;
    } else if (vcpu == counted_vcpu) {
        counted_vcpu = NOBODY;
        if (pwrite(out, &counts, sizeof counts, 0) != sizeof counts)
            _exit(74); /* EX_IOERR of sysexits.h */
    }
}

/* From here on, blocks are translated with calls of this plugin; qemu forgets those that it has. */
static void instrument(plugin_id id)
{
    qemu_plugin_register_vcpu_tb_trans_cb(id, on_translation);
    qemu_plugin_register_vcpu_syscall_cb(id, on_system_call);
}

/* Make a cache as `text` describes it, "SETS:WAYS"; return whether it does. */
static bool make_cache(struct cache *cache, const char *text)
{
    if (sscanf(text, "%lu:%lu", &cache->sets, &cache->ways) != 2)
        return false;
    if (cache->sets == 0 || cache->sets & (cache->sets - 1))
        return false;
    cache->lines = calloc(cache->sets * cache->ways, sizeof *cache->lines);
    return cache->lines != NULL;
}

EXPORTED int qemu_plugin_install(plugin_id id, const void *info, int argc, char **argv)
{
    int caches = 0;
    for (int index = 0; index < argc; index++) {
        const char *argument = argv[index];
        if (strncmp(argument, "out=", 4) == 0)
            out = open(argument + 4, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
        else if (strncmp(argument, "l1i=", 4) == 0)
            caches += make_cache(&l1i, argument + 4);
        else if (strncmp(argument, "l1d=", 4) == 0)
            caches += make_cache(&l1d, argument + 4);
        else if (strncmp(argument, "l2=", 3) == 0)
            caches += make_cache(&l2, argument + 3);
    }
    with_caches = caches == 3;
    if (out < 0 || (caches && !with_caches))
        return -1;
    take_quick_multiply_add();
    qemu_plugin_register_vcpu_syscall_cb(id, on_system_call);
    return 0;
}
